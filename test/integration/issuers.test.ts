import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import type { Logger } from '../../src/telemetry/log';
import { startTestApp, type TestApp } from '../support/app';
import { Authority } from '../support/certificates';
import { newCluster } from '../support/factories';
import { KeyServer, type SigningKey, signingKey, token } from '../support/key-provider';
import { sendBytes } from '../support/raw-http';

/* Several issuers at once: people with RSA, a gateway with elliptic curves, adapters with Edwards curves. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const GATEWAY_TOKEN = 'X-Gateway-Token';
const GATEWAY_USER = 'X-Gateway-User';

const people = { iss: 'https://people.example', aud: 'hyperfleet', email: 'ada@example.org' };
const gateway = { iss: 'https://gateway.example', aud: 'anything', sub: 'gateway' };
const adapters = {
  iss: 'https://adapters.example',
  aud: ['others', 'fleet'],
  sub: 'system:serviceaccount:fleet:dns',
};
const single = { iss: 'https://single.example', aud: 'hyperfleet', email: 'eva@example.org' };

const rsa = signingKey('RS256', 'rsa');
const pss = { ...rsa, alg: 'PS256' };
const elliptic = signingKey('ES256', 'elliptic');
const edwards = signingKey('EdDSA', 'edwards');
const own = signingKey('ES256', 'own');
const KEYS: SigningKey[] = [rsa, elliptic, edwards, own];

const exp = Math.floor(Date.now() / 1000) + 3600;
const bearer = (claims: object, key: SigningKey) => `Bearer ${token({ exp, ...claims }, key)}`;

const peopleKeys = new KeyServer();
const logged: string[] = [];
const note = (...event: unknown[]) => logged.push(JSON.stringify(event)) as never;
const log: Logger = { error: note, warn: note, info: note, debug: note };

let directory: string;
let gatewayKeys: KeyServer;
let app: TestApp;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'issuers-'));
  const file = (name: string, content: unknown) => {
    writeFileSync(join(directory, name), JSON.stringify(content));
    return join(directory, name);
  };
  const authority = new Authority(directory, 'ours');
  gatewayKeys = new KeyServer(authority.forLocalhost());
  gatewayKeys.keys = [elliptic.jwk];
  await gatewayKeys.start();
  peopleKeys.keys = [rsa.jwk];
  // A port of its own, on which nothing responds yet.
  await peopleKeys.start();
  await peopleKeys.stop();
  const issuers = [
    { issuer_url: people.iss, jwk_cert_url: peopleKeys.url, audience: 'hyperfleet' },
    {
      issuer_url: gateway.iss,
      jwk_cert_url: gatewayKeys.url,
      jwk_cert_ca_file: authority.file,
      header: GATEWAY_TOKEN,
      audience: '',
      identity_claim: 'sub',
      identity_claim_pattern: 'gateway|[a-z]+@corp\\.example',
      identity_header: GATEWAY_USER,
    },
    {
      issuer_url: adapters.iss,
      jwk_cert_file: file('edwards.json', { keys: [edwards.jwk] }),
      audience: ['fleet', 'hyperfleet'],
      identity_claim: 'sub',
      identity_claim_pattern: 'system:serviceaccount:fleet:[a-z]+',
    },
  ];
  const rules = [
    { claim: 'iss', pattern: '*', operations: ['get*'] },
    { issuer: people.iss, claim: 'groups', pattern: 'admins', operations: ['*'] },
    { issuer: gateway.iss, claim: 'sub', pattern: 'gateway', operations: ['*'] },
  ];
  app = await startTestApp({
    log,
    env: {
      AUTH_ENABLED: 'true',
      AUTH_ISSUERS_FILE: file('issuers.json', issuers),
      AUTH_JWKS_FILE: file('own.json', { keys: [own.jwk] }),
      AUTH_ISSUER: single.iss,
      AUTH_AUDIENCE: single.aud,
      AUTHZ_ENABLED: 'true',
      AUTHZ_RULES_FILE: file('rules.json', rules),
    },
  });
});

afterAll(async () => {
  await app.stop();
  await Promise.all([peopleKeys.stop(), gatewayKeys.stop()]);
  rmSync(directory, { recursive: true });
});

const get = (headers: Record<string, string>) => supertest(app.url).get(CLUSTERS).set(headers);
const post = (headers: Record<string, string>) =>
  supertest(app.url).post(CLUSTERS).set(headers).send(newCluster());

/** The status, and the code of the problem if there is one. */
async function outcomeOf(headers: Record<string, string>) {
  const { status, body } = await get(headers);
  return status === 200 ? '200' : `${status} ${String(body.code).replace('HYPERFLEET-', '')}`;
}

const ACCEPTED: [name: string, headers: Record<string, string>][] = [
  ['RS256 of people', { Authorization: bearer(people, rsa) }],
  ['PS256 of people', { Authorization: bearer(people, pss) }],
  ['ES256 of the gateway', { [GATEWAY_TOKEN]: bearer(gateway, elliptic) }],
  ['EdDSA of adapters', { Authorization: bearer(adapters, edwards) }],
  ['ES256 of the issuer in the variables', { Authorization: bearer(single, own) }],
];

it('while one provider is down, its tokens get 503 and the others work', async () => {
  for (const [name, headers] of ACCEPTED) {
    const response = await get(headers);
    const ofPeople = name.endsWith('of people');
    expect({ name, status: response.status }).toEqual({ name, status: ofPeople ? 503 : 200 });
    if (ofPeople) expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
  }
  // It is not for that provider to verify them.
  const strangers = bearer({ ...people, iss: 'https://evil.example' }, rsa);
  expect(await outcomeOf({ Authorization: strangers })).toBe('401 AUT-002');
  expect(await outcomeOf({ [GATEWAY_TOKEN]: bearer(people, rsa) })).toBe('401 AUT-002');
});

it('once the provider is up, its tokens work too', async () => {
  await peopleKeys.start();
  const [, headers] = ACCEPTED[0]!;
  for (let waited = 0; waited < 15_000; waited += 500) {
    if ((await get(headers)).status === 200) break;
    await sleep(500);
  }
  expect(await outcomeOf(headers)).toBe('200');
});

describe('with all providers up', () => {
  it.each(ACCEPTED)('accepts %s, also a second time', async (_name, headers) => {
    expect(await outcomeOf(headers)).toBe('200');
    expect(await outcomeOf(headers)).toBe('200');
  });

  it.each(ACCEPTED)('refuses %s in the header of others', async (_name, headers) => {
    const [[name, value] = ['', '']] = Object.entries(headers);
    const wrong = name === GATEWAY_TOKEN ? 'Authorization' : GATEWAY_TOKEN;
    expect(await outcomeOf({ [wrong]: value })).toBe('401 AUT-002');
    const unread = await outcomeOf({ 'X-Other': value });
    expect(unread).toBe('401 AUT-001');
  });

  it('refuses a token that any other issuer has signed, also under the name of the right key', async () => {
    const issuers: [object, SigningKey, string][] = [
      [people, rsa, 'Authorization'],
      [gateway, elliptic, GATEWAY_TOKEN],
      [adapters, edwards, 'Authorization'],
      [single, own, 'Authorization'],
    ];
    for (const [claims, right, header] of issuers) {
      for (const wrong of KEYS.filter((key) => key !== right)) {
        for (const kid of [wrong.kid, right.kid]) {
          const outcome = await outcomeOf({ [header]: bearer(claims, { ...wrong, kid }) });
          expect({ claims, kid, outcome }).toEqual({ claims, kid, outcome: '401 AUT-002' });
        }
      }
    }
  });

  it.each([
    ['an unknown issuer', bearer({ ...people, iss: 'https://evil.example' }, rsa)],
    ['no issuer', bearer({ ...people, iss: undefined }, rsa)],
    ['a list of issuers', bearer({ ...people, iss: [people.iss] }, rsa)],
    ['the audience of another issuer', bearer({ ...people, aud: 'fleet' }, rsa)],
    ['no audience of several', bearer({ ...adapters, aud: 'others' }, edwards)],
    ['an identity that does not match', bearer({ ...adapters, sub: 'ada' }, edwards)],
    [
      'an identity that matches in part',
      bearer({ ...adapters, sub: `${adapters.sub}:x` }, edwards),
    ],
    ['an identity that is no string', bearer({ ...people, email: 7, sub: 'ada' }, rsa)],
    ['no identity', bearer({ ...people, email: undefined }, rsa)],
  ])('refuses %s, also to read', async (_name, Authorization) => {
    expect(await outcomeOf({ Authorization })).toBe('401 AUT-002');
  });

  it('refuses tokens in two headers, but not other credentials beside a token', async () => {
    const forwarded = { [GATEWAY_TOKEN]: bearer(gateway, elliptic) };
    const both = { ...forwarded, Authorization: bearer(people, rsa) };
    expect(await outcomeOf(both)).toBe('401 AUT-002');
    expect(await outcomeOf({ ...forwarded, Authorization: 'Basic Zm9vOmJhcg==' })).toBe('200');
    expect(await outcomeOf({ Authorization: 'Basic Zm9vOmJhcg==' })).toBe('401 AUT-001');
  });

  it('a rule that names an issuer is about no other', async () => {
    const admins = { groups: ['admins'] };
    const inPeople = await post({ Authorization: bearer({ ...people, ...admins }, rsa) });
    const inSingle = await post({ Authorization: bearer({ ...single, ...admins }, own) });
    expect([inPeople.status, inSingle.status]).toEqual([201, 403]);
  });
});

describe('the identity header', () => {
  const forwarded = { [GATEWAY_TOKEN]: bearer(gateway, elliptic) };

  it('names the actor of each request, also when the token is known', async () => {
    const creators = [];
    for (const user of ['bea@corp.example', 'cid@corp.example', '']) {
      const { body } = await post({ ...forwarded, [GATEWAY_USER]: user });
      creators.push(body.created_by);
    }
    const { body } = await post(forwarded);
    const GATEWAY = 'gateway@users.hyperfleet.local';
    expect([...creators, body.created_by]).toEqual([
      ...['bea@corp.example', 'cid@corp.example'],
      ...[GATEWAY, GATEWAY],
    ]);
  });

  it.each([
    ['does not match', 'eve@evil.example'],
    ['has several names', 'bea@corp.example, cid@corp.example'],
    ['is too long', `${'a'.repeat(300)}@corp.example`],
  ])('that %s is refused, also to read', async (_name, user) => {
    expect(await outcomeOf({ ...forwarded, [GATEWAY_USER]: user })).toBe('401 AUT-002');
  });

  it('means nothing without a token, with a refused one, or with one of another issuer', async () => {
    const user = { [GATEWAY_USER]: 'bea@corp.example' };
    expect(await outcomeOf(user)).toBe('401 AUT-001');
    const forged = bearer(gateway, { ...own, kid: 'elliptic' });
    expect(await outcomeOf({ ...user, [GATEWAY_TOKEN]: forged })).toBe('401 AUT-002');
    const admin = bearer({ ...people, groups: ['admins'] }, rsa);
    const { body } = await post({ ...user, Authorization: admin });
    expect(body.created_by).toBe(people.email);
  });
});

it.each([
  ['Authorization', bearer(people, rsa)],
  [GATEWAY_TOKEN, bearer(gateway, elliptic)],
  [GATEWAY_USER, 'bea@corp.example'],
])('a repeated %s is a 400, whichever is good', async (header, value) => {
  const head = `GET ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
  const tokens =
    header === GATEWAY_USER ? `${GATEWAY_TOKEN}: ${bearer(gateway, elliptic)}\r\n` : '';
  const twice = `${header}: ${value}\r\n${header.toLowerCase()}: ${value}\r\n`;
  const [response] = await sendBytes(app.url, `${head}${tokens}${twice}\r\n`);
  expect(response).toMatchObject({
    status: 400,
    body: { code: 'HYPERFLEET-VAL-006', detail: `The request has more than one ${header} header.` },
  });
});

it('the log warns about what is trusted, and repeats no header', () => {
  const text = logged.join('\n');
  expect(text).toContain(`"Tokens of any audience are accepted",{"issuer":"${gateway.iss}"}`);
  expect(text).toContain(`"header":"${GATEWAY_USER}"`);
  expect(text).not.toContain('Bearer');
  expect(text).not.toContain('eve@evil.example');
  for (const [, headers] of ACCEPTED) {
    for (const value of Object.values(headers)) {
      expect(text).not.toContain(value.slice(value.lastIndexOf('.') + 1));
    }
  }
});
