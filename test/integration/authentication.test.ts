import { createPublicKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Response } from 'supertest';
import type { Method } from '../support/api';
import { newCluster, newNodePool } from '../support/factories';
import {
  ADA,
  bearer,
  BOB,
  goodClaims,
  type GuardedApp,
  KNOWN_KEY,
  startGuardedApp,
  STRANGER,
} from '../support/guarded-app';
import { encode, hmacToken, signingKey, token } from '../support/key-provider';
import { type RawResponse, sendBytes } from '../support/raw-http';

const B = '/api/hyperfleet/v1';
const CLUSTERS = `${B}/clusters`;
const rotatedIn = signingKey('ES256', 'rotated-in');
const forger = signingKey('ES256', 'known');

let app: GuardedApp;
beforeAll(async () => {
  app = await startGuardedApp();
});
afterAll(() => app.stop());

function refusal({ status, body, headers }: Response | RawResponse) {
  return { status, code: body.code, challenge: headers['www-authenticate'] };
}

const CHALLENGE = 'Bearer realm="hyperfleet"';
const MISSING = { status: 401, code: 'HYPERFLEET-AUT-001', challenge: CHALLENGE };
const REFUSED = {
  status: 401,
  code: 'HYPERFLEET-AUT-002',
  challenge: expect.stringContaining(`${CHALLENGE}, error="invalid_token"`) as string,
};
const EXPIRED = { ...REFUSED, code: 'HYPERFLEET-AUT-003' };

describe('without a token', () => {
  it('every operation that is not public is refused, and every public one answers', async () => {
    for (const { id, method, path, public: open } of app.contract.operations) {
      const real = path.replace(/\{\w+\}/g, id === 'getErrorById' ? 'VAL-000' : '2unknown');
      const ask = (authorization?: string) =>
        app.as(authorization)[method.toLowerCase() as Method](real);
      if (!open) {
        expect({ id, ...refusal(await ask()) }).toEqual({ id, ...MISSING });
        continue;
      }
      for (const authorization of [undefined, 'Bearer nonsense']) {
        expect({ id, status: (await ask(authorization)).status }).toEqual({ id, status: 200 });
      }
    }
  });

  it('HEAD is refused as GET is', async () => {
    const answer = await app.as().head(CLUSTERS);
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': CHALLENGE } });
  });

  it('is refused before a byte of the body is read', async () => {
    const head = `POST ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    const [answer] = await sendBytes(app.url, `${head}Content-Length: 200000\r\n\r\n{"name"`);
    expect(refusal(answer!)).toEqual(MISSING);
    const zipped = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' };
    const odd = await app.as().post(`${CLUSTERS}?page=x`).set(zipped).send('x');
    expect(refusal(odd)).toEqual(MISSING);
  });

  it('a path that is not there is still a 404, and a wrong method a 405', async () => {
    expect((await app.as().get(`${B}/Clusters`)).status).toBe(404);
    expect((await app.as().put(CLUSTERS)).status).toBe(405);
  });
});

const pem = createPublicKey(KNOWN_KEY.privateKey).export({ type: 'spki', format: 'pem' }) as string;
const claims = goodClaims({ email: 'ada@example.org', groups: 'fleet-admins' });

test.each([
  ['an empty one', '', MISSING],
  ['the scheme alone', 'Bearer', MISSING],
  ['another scheme', 'Basic cm9vdDpyb290', MISSING],
  ['a word', 'Bearer x', REFUSED],
  ['two tokens', `${ADA}, ${ADA}`, REFUSED],
  ['the token without its signature', ADA.slice(0, ADA.lastIndexOf('.') + 1), REFUSED],
  ['the token with other claims', ADA.replace(/\.[^.]+\./, `.${encode(claims)}.`), REFUSED],
  ['one that expired', bearer({ email: 'ada@example.org', exp: 1 }), EXPIRED],
  ['one for others', bearer({ email: 'ada@example.org', aud: 'others' }), REFUSED],
  [
    'one of another issuer',
    bearer({ email: 'ada@example.org', iss: 'https://evil.example' }),
    REFUSED,
  ],
  ['one that nobody is named in', bearer({ groups: 'fleet-admins' }), REFUSED],
  ['one by another key of the same name', bearer(claims, forger), REFUSED],
  [
    'one without algorithm',
    `Bearer ${token(claims, KNOWN_KEY, { alg: 'none' }).replace(/[^.]*$/, '')}`,
    REFUSED,
  ],
  [
    'one signed with the public key as a secret',
    `Bearer ${hmacToken(claims, pem, { kid: 'known' })}`,
    REFUSED,
  ],
  ['one of 15 KB', `Bearer ${'x'.repeat(15_000)}`, REFUSED],
])('the authorization that is %s is refused', async (_, authorization, expected) => {
  expect(refusal(await app.as(authorization).get(CLUSTERS))).toEqual(expected);
});

it('a token in the query or in a cookie is none', async () => {
  const plain = ADA.slice('Bearer '.length);
  const inQuery = await app.as().get(`${CLUSTERS}?access_token=${plain}`);
  expect(refusal(inQuery)).toEqual(MISSING);
  const inCookie = await app.as().get(CLUSTERS).set('Cookie', `token=${plain}`);
  expect(refusal(inCookie)).toEqual(MISSING);
});

it('two Authorization headers are refused, whichever is good', async () => {
  const head = `GET ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
  const both = `${head}Authorization: ${ADA}\r\nAuthorization: ${STRANGER}\r\n\r\n`;
  const [answer] = await sendBytes(app.url, both);
  expect(answer).toMatchObject({ status: 400, body: { code: 'HYPERFLEET-VAL-006' } });
});

describe('whoever acts', () => {
  it('is named in the resource, in the form of an address', async () => {
    const id = await app.made(CLUSTERS, newCluster());
    const path = `${CLUSTERS}/${id}`;
    const pool = await app.made(`${path}/nodepools`, newNodePool());
    const changed = await app
      .as(BOB)
      .patch(path)
      .send({ labels: { a: 'b' } });
    const NAME = 'bob@users.hyperfleet.local';
    expect(changed.body).toMatchObject({ created_by: 'ada@example.org', updated_by: NAME });
    await app.as(BOB).delete(path);
    for (const marked of [path, `${path}/nodepools/${pool}`]) {
      const { body } = await app.as(ADA).get(marked);
      expect(body).toMatchObject({
        created_by: 'ada@example.org',
        updated_by: NAME,
        deleted_by: NAME,
      });
    }
  });

  it('is never who the body says', async () => {
    const forged = {
      ...newCluster(),
      created_by: 'root@example.org',
      updated_by: 'root@example.org',
    };
    const { body } = await app.as(ADA).post(CLUSTERS).send(forged);
    expect(body).toMatchObject({ created_by: 'ada@example.org', updated_by: 'ada@example.org' });
  });
});

describe('when the key provider is down', () => {
  it('known keys go on working, and a token of an unknown one is a 503, not a 401', async () => {
    await app.provider.stop();
    const fresh = bearer({ email: 'ada@example.org', groups: 'fleet-admins', jti: 'not seen yet' });
    expect((await app.as(fresh).get(CLUSTERS)).status).toBe(200);
    // For a while after it has answered the provider is believed to have no other keys.
    const unknown = bearer({ email: 'ada@example.org', groups: 'fleet-admins' }, rotatedIn);
    let answer = await app.as(unknown).get(CLUSTERS);
    for (let waited = 0; answer.status === 401 && waited < 15_000; waited += 500) {
      await sleep(500);
      answer = await app.as(unknown).get(CLUSTERS);
    }
    expect(answer).toMatchObject({ status: 503, body: { code: 'HYPERFLEET-SVC-001' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
});
