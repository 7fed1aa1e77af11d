import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest from 'supertest';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster } from '../support/factories';
import { signingKey, token } from '../support/key-provider';
import { sendBytes } from '../support/raw-http';
import { type Ended, FREE_PORTS, startService, stopServices } from '../support/service-process';

/* A process that logs all it can is given secrets at every opportunity; none of them may come out of it. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const claims = {
  iss: 'https://issuer.example.org',
  aud: 'hyperfleet',
  exp: Math.floor(Date.now() / 1000) + 3600,
  email: 'ada@example.org',
};
const key = signingKey('ES256', 'k');
const good = token(claims, key);
const stale = token({ ...claims, exp: 1 }, key);
const secrets: Record<string, string> = {
  'the token': good.slice(good.lastIndexOf('.') + 1),
  'a token that expired': stale.slice(stale.lastIndexOf('.') + 1),
  'a cookie': 'cookie-Jo5ohph1',
  'an API key': 'api-key-Quai6ahk',
  'a token in the query': 'query-uHaeNg5w',
  'a password in a spec': 'spec-Ahz3lieR',
  'a wrong password in a label': 'label Ohw7aebu',
  'a password in a body that is no JSON': 'broken-eiN3oosh',
};

let directory: string;
let database: TestDatabase;
let ended: Ended;
const responses: { status: number; text: string }[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'secrets-'));
  const jwks = join(directory, 'jwks.json');
  writeFileSync(jwks, JSON.stringify({ keys: [key.jwk] }));
  database = await createTestDatabase();
  const address = new URL(database.url);
  // Where everybody is trusted, the password does not matter.
  address.password ||= 'database-Iequ0ahY';
  secrets['the password of the database'] = address.password;
  const service = startService(
    ['serve'],
    {
      ...FREE_PORTS,
      DATABASE_URL: address.href,
      LOG_LEVEL: 'debug',
      AUTH_ENABLED: 'true',
      AUTH_JWKS_FILE: jwks,
      AUTH_ISSUER: claims.iss,
      AUTH_AUDIENCE: claims.aud,
    },
    directory,
  );
  const url = new URL((await service.ready()).api).origin;
  const api = supertest.agent(url).set('Authorization', `Bearer ${good}`);
  const spec = { password: secrets['a password in a spec'] } as never;
  const labels = { password: secrets['a wrong password in a label']! };
  const broken = `{"password":"${secrets['a password in a body that is no JSON']!}"`;
  for (const request of [
    api.get(CLUSTERS),
    api.get(CLUSTERS).set('Cookie', `session=${secrets['a cookie']!}`),
    api.get(CLUSTERS).set('X-Api-Key', secrets['an API key']!),
    api.get(`${CLUSTERS}?access_token=${secrets['a token in the query']!}`),
    api.post(CLUSTERS).send(newCluster({ spec })),
    api.post(CLUSTERS).send(newCluster({ labels })),
    api.post(CLUSTERS).type('json').send(broken),
    api.get(CLUSTERS).set('Authorization', `Bearer ${stale}`),
  ]) {
    responses.push(await request);
  }
  // Refused by Node itself, which knows the whole of it.
  responses.push(
    ...(await sendBytes(
      url,
      `GET / HTTP/1.1\r\nAuthorization: Bearer ${good}\r\nHost : x\r\n\r\n`,
    )),
  );
  await database.drop();
  responses.push(await api.get(CLUSTERS));
  ended = await service.end('SIGTERM');
});

afterAll(async () => {
  await stopServices();
  await database.drop();
  rmSync(directory, { recursive: true });
});

test('everything was tried, and everything was logged', () => {
  expect(responses.map(({ status }) => status)).toEqual([
    ...[200, 200, 200, 400, 201, 400, 400],
    ...[401, 400, 503],
  ]);
  expect(ended.stdout.match(/"message":"request"/g)!.length).toBeGreaterThanOrEqual(8);
  expect(ended.stdout).toContain('"message":"configuration"');
  expect(ended.stdout).toContain('ada@example.org');
});

test('no secret is in the log', () => {
  for (const [what, secret] of Object.entries(secrets)) {
    expect({ what, found: (ended.stdout + ended.stderr).includes(secret) }).toEqual({
      what,
      found: false,
    });
  }
});

test('no problem repeats a secret', () => {
  for (const [what, secret] of Object.entries(secrets)) {
    const found = responses.filter(({ status, text }) => status >= 400 && text.includes(secret));
    expect({ what, found }).toEqual({ what, found: [] });
  }
});

test('the configuration shows what is set, and masks what is secret', () => {
  const line = ended.stdout.split('\n').find((text) => text.includes('"message":"configuration"'))!;
  const { config } = JSON.parse(line) as { config: Record<string, unknown> };
  expect(config).toMatchObject({
    DATABASE_URL: '***',
    AUTH_ENABLED: true,
    AUTH_ISSUER: claims.iss,
  });
});
