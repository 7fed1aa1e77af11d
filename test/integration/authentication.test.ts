import { createPublicKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Authenticator, createAuthenticator } from '../../src/http/auth';
import { type Authorizer, createAuthorizer } from '../../src/http/authz';
import { createContract } from '../../src/http/contract';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { encode, hmacToken, KeyServer, signingKey, token } from '../support/key-provider';
import { sendBytes } from '../support/raw-http';
import { type Answer, send, type Sending } from '../support/send';

const B = '/api/hyperfleet/v1';
const CLUSTERS = `${B}/clusters`;
const ISSUER = 'https://issuer.example.org';
const AUDIENCE = 'hyperfleet';
const RULES = `
- {claim: groups, pattern: fleet-admins, operations: ['*']}
- {claim: sub, pattern: 'system:serviceaccount:hyperfleet:*-adapter', operations: ['get*', '*Statuses']}
`;

const key = signingKey('ES256', 'known');
const rotatedIn = signingKey('ES256', 'rotated-in');
const forger = signingKey('ES256', 'known');
const now = Math.floor(Date.now() / 1000);

function bearer(claims: object, by = key): string {
  return `Bearer ${token({ iss: ISSUER, aud: AUDIENCE, exp: now + 3600, ...claims }, by)}`;
}

const ada = bearer({ email: 'ada@example.org', groups: ['fleet-admins'] });
const bob = bearer({ preferred_username: 'bob', groups: ['staff', 'fleet-admins'] });
const adapter = bearer({ sub: 'system:serviceaccount:hyperfleet:dns-adapter' });
const stranger = bearer({ email: 'eve@example.org' });

const provider = new KeyServer();
let directory: string;
let rulesFile: string;
let authenticator: Authenticator;
let authorizer: Authorizer;
let app: TestApp;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'authentication-'));
  rulesFile = join(directory, 'rules.yaml');
  writeFileSync(rulesFile, RULES);
  provider.keys = [key.jwk];
  await provider.start();
  const quiet = () => undefined;
  const { operations } = await createContract(20);
  authenticator = await createAuthenticator(
    { jwksUrl: provider.url, issuer: ISSUER, audience: AUDIENCE, identityClaim: 'email' },
    quiet,
  );
  const names = operations.map(({ id }) => id);
  authorizer = await createAuthorizer(rulesFile, quiet, names);
  app = await startTestApp({ gate: { authenticator, authorizer } });
});

afterAll(async () => {
  await app.stop();
  authenticator.close();
  authorizer.close();
  await provider.stop();
  rmSync(directory, { recursive: true });
});

function as(authorization: string | undefined, sending: Sending): Promise<Answer> {
  const given = authorization === undefined ? {} : { Authorization: authorization };
  return send(app.url, { ...sending, headers: { ...sending.headers, ...given } });
}

async function made(path: string, body: object): Promise<string> {
  const answer = await as(ada, { method: 'POST', path, body });
  expect(answer).toMatchObject({ status: 201 });
  return answer.body.id as string;
}

function refusal({ status, body, headers }: Answer) {
  return { status, code: body?.code, challenge: headers['www-authenticate'] };
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
      const answer = await as(undefined, { method, path: real });
      if (open) expect({ id, status: answer.status }).toEqual({ id, status: 200 });
      else expect({ id, ...refusal(answer) }).toEqual({ id, ...MISSING });
      if (open)
        expect(await as('Bearer nonsense', { method, path: real })).toMatchObject({ status: 200 });
    }
  });

  it('HEAD is refused as GET is', async () => {
    const answer = await as(undefined, { method: 'HEAD', path: CLUSTERS });
    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': CHALLENGE } });
  });

  it('is refused before a byte of the body is read', async () => {
    const head = `POST ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    const [answer] = await sendBytes(app.url, `${head}Content-Length: 200000\r\n\r\n{"name"`);
    expect(refusal(answer!)).toEqual(MISSING);
    const zipped = { 'Content-Type': 'text/plain', 'Content-Encoding': 'gzip' };
    const odd = { method: 'POST', path: `${CLUSTERS}?page=x`, headers: zipped, body: 'x' };
    expect(refusal(await as(undefined, odd))).toEqual(MISSING);
  });

  it('a path that is not there is still a 404, and a wrong method a 405', async () => {
    expect((await as(undefined, { path: `${B}/Clusters` })).status).toBe(404);
    expect((await as(undefined, { method: 'PUT', path: CLUSTERS })).status).toBe(405);
  });
});

const pem = createPublicKey(key.privateKey).export({ type: 'spki', format: 'pem' }) as string;
const claims = {
  iss: ISSUER,
  aud: AUDIENCE,
  exp: now + 3600,
  email: 'ada@example.org',
  groups: 'fleet-admins',
};

test.each([
  ['an empty one', '', MISSING],
  ['the scheme alone', 'Bearer', MISSING],
  ['another scheme', 'Basic cm9vdDpyb290', MISSING],
  ['a word', 'Bearer x', REFUSED],
  ['two tokens', `${ada}, ${ada}`, REFUSED],
  ['the token without its signature', ada.slice(0, ada.lastIndexOf('.') + 1), REFUSED],
  ['the token with other claims', ada.replace(/\.[^.]+\./, `.${encode(claims)}.`), REFUSED],
  ['one that expired', bearer({ email: 'ada@example.org', exp: now - 60 }), EXPIRED],
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
    `Bearer ${token(claims, key, { alg: 'none' }).replace(/[^.]*$/, '')}`,
    REFUSED,
  ],
  [
    'one signed with the public key as a secret',
    `Bearer ${hmacToken(claims, pem, { kid: 'known' })}`,
    REFUSED,
  ],
  ['one of 15 KB', `Bearer ${'x'.repeat(15_000)}`, REFUSED],
])('the authorization that is %s is refused', async (_, authorization, expected) => {
  expect(refusal(await as(authorization, { path: CLUSTERS }))).toEqual(expected);
});

it('a token in the query or in a cookie is none', async () => {
  const plain = ada.slice('Bearer '.length);
  const inQuery = await as(undefined, { path: `${CLUSTERS}?access_token=${plain}` });
  expect(refusal(inQuery)).toEqual(MISSING);
  const inCookie = await as(undefined, { path: CLUSTERS, headers: { Cookie: `token=${plain}` } });
  expect(refusal(inCookie)).toEqual(MISSING);
});

it('two Authorization headers are refused, whichever is good', async () => {
  const head = `GET ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
  const both = `${head}Authorization: ${ada}\r\nAuthorization: ${stranger}\r\n\r\n`;
  const [answer] = await sendBytes(app.url, both);
  expect(answer).toMatchObject({ status: 400, body: { code: 'HYPERFLEET-VAL-006' } });
});

describe('whoever acts', () => {
  it('is named in the resource, in the form of an address', async () => {
    const id = await made(CLUSTERS, newCluster());
    const path = `${CLUSTERS}/${id}`;
    const pool = await made(`${path}/nodepools`, newNodePool());
    const changed = await as(bob, { method: 'PATCH', path, body: { labels: { a: 'b' } } });
    const BOB = 'bob@users.hyperfleet.local';
    expect(changed.body).toMatchObject({ created_by: 'ada@example.org', updated_by: BOB });
    await as(bob, { method: 'DELETE', path });
    for (const marked of [path, `${path}/nodepools/${pool}`]) {
      const { body } = await as(ada, { path: marked });
      expect(body).toMatchObject({
        created_by: 'ada@example.org',
        updated_by: BOB,
        deleted_by: BOB,
      });
    }
  });

  it('is never who the body says', async () => {
    const forged = {
      ...newCluster(),
      created_by: 'root@example.org',
      updated_by: 'root@example.org',
    };
    const { body } = await as(ada, { method: 'POST', path: CLUSTERS, body: forged });
    expect(body).toMatchObject({ created_by: 'ada@example.org', updated_by: 'ada@example.org' });
  });
});

describe('an adapter', () => {
  let path: string;
  beforeAll(async () => {
    path = `${CLUSTERS}/${await made(CLUSTERS, newCluster())}`;
  });

  const forbidden = (operation: string) => ({
    status: 403,
    body: { code: 'HYPERFLEET-AUZ-001', detail: expect.stringContaining(operation) as string },
  });

  it('may read and report', async () => {
    expect((await as(adapter, { path })).status).toBe(200);
    expect((await as(adapter, { method: 'HEAD', path: CLUSTERS })).status).toBe(200);
    for (const method of ['POST', 'PUT']) {
      const report = { method, path: `${path}/statuses`, body: newReport('dns') };
      expect((await as(adapter, report)).status).toBe(201);
    }
  });

  it('may do nothing else, and is told what it may not do', async () => {
    const attempts: [string, Sending][] = [
      ['postCluster', { method: 'POST', path: CLUSTERS, body: newCluster() }],
      ['patchClusterById', { method: 'PATCH', path, body: { spec: {} } }],
      ['deleteClusterById', { method: 'DELETE', path }],
      ['createNodePool', { method: 'POST', path: `${path}/nodepools`, body: newNodePool() }],
      [
        'forceDeleteCluster',
        { method: 'POST', path: `${path}/force-delete`, body: { reason: 'x' } },
      ],
    ];
    for (const [operation, sending] of attempts) {
      expect(await as(adapter, sending)).toMatchObject(forbidden(operation));
    }
    // The decision comes before the body is looked at, and before the resource is.
    const blind = { method: 'POST', path: `${CLUSTERS}/2x/force-delete`, body: '{' };
    expect(await as(adapter, blind)).toMatchObject(forbidden('forceDeleteCluster'));
  });

  it('gets no farther by writing the path in another way', async () => {
    await as(ada, { method: 'DELETE', path });
    const id = path.slice(CLUSTERS.length + 1);
    const ways: [string, number][] = [
      [`${path}/force-delete/`, 403],
      [`${path}/force-delete//`, 404],
      [`${path}/force%2Ddelete`, 404],
      [`${path}/Force-Delete`, 404],
      [`${path}/statuses/../force-delete`, 404],
      [`${path}/statuses/..%2fforce-delete`, 404],
      [`${path}%2fforce-delete`, 405],
      [`/${path}/force-delete`, 404],
      [`${CLUSTERS}/./${id}/force-delete`, 404],
      [`${path}/force-delete;/statuses`, 404],
      [`${path}/force-delete%3f/statuses`, 404],
    ];
    for (const [way, status] of ways) {
      const answer = await as(adapter, { method: 'POST', path: way, body: { reason: 'x' } });
      expect({ way, status: answer.status }).toEqual({ way, status });
    }
    const overridden = { path, headers: { 'X-HTTP-Method-Override': 'DELETE' } };
    expect((await as(adapter, overridden)).status).toBe(200);
    expect((await as(ada, { path })).status).toBe(200);
  });
});

it('who has no rule is denied everything but what is public', async () => {
  const answer = await as(stranger, { path: CLUSTERS });
  expect(answer).toMatchObject({ status: 403, body: { code: 'HYPERFLEET-AUZ-001' } });
  expect(answer.headers).not.toHaveProperty('www-authenticate');
  expect((await as(stranger, { path: `${B}/compatibility` })).status).toBe(200);
});

describe('the rules', () => {
  const statusOf = async () => (await as(stranger, { path: CLUSTERS })).status;
  const eventually = async (status: number) => {
    for (let waited = 0; (await statusOf()) !== status && waited < 20_000; waited += 200) {
      await sleep(200);
    }
    expect(await statusOf()).toBe(status);
  };

  it('are followed when their file changes, and kept when it is spoilt', async () => {
    const more = "\n- {claim: email, pattern: '*@example.org', operations: [getClusters]}\n";
    writeFileSync(rulesFile, RULES + more);
    await eventually(200);
    writeFileSync(rulesFile, '- {claim: email');
    await authorizer.reload();
    expect(await statusOf()).toBe(200);
    writeFileSync(rulesFile, RULES);
    await eventually(403);
  });
});

describe('when the key provider is down', () => {
  it('known keys go on working, and a token of an unknown one is a 503, not a 401', async () => {
    await provider.stop();
    const fresh = bearer({ email: 'ada@example.org', groups: 'fleet-admins', jti: 'not seen yet' });
    expect((await as(fresh, { path: CLUSTERS })).status).toBe(200);
    // For a while after it has answered the provider is believed to have no other keys.
    const unknown = bearer({ email: 'ada@example.org', groups: 'fleet-admins' }, rotatedIn);
    let answer = await as(unknown, { path: CLUSTERS });
    for (let waited = 0; answer.status === 401 && waited < 15_000; waited += 500) {
      await sleep(500);
      answer = await as(unknown, { path: CLUSTERS });
    }
    expect(answer).toMatchObject({ status: 503, body: { code: 'HYPERFLEET-SVC-001' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });
});
