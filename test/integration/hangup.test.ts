import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { begin } from '../support/api';
import { someoneWaits } from '../support/backends';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { ADA, bearer, KNOWN_KEY, RULES } from '../support/guarded-app';
import {
  FREE_PORTS,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* SIGHUP never ends the service: it reads the rules again where there are any. */

jest.setTimeout(60_000);

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-hangup-'));
  database = await createTestDatabase();
});
afterEach(stopServices);
afterAll(async () => {
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

const start = (env: Record<string, string> = {}) =>
  startService(['serve'], { ...FREE_PORTS, DATABASE_URL: database.url, ...env }, directory);

const logged = ({ log }: ServiceProcess, message: string) =>
  log.filter((line) => line.message === message).length;

async function hangUp(service: ServiceProcess, message: string): Promise<void> {
  const before = logged(service, message);
  service.signal('SIGHUP');
  while (service.running && logged(service, message) === before) await sleep(10);
  expect(service.running).toBe(true);
}

const IGNORED = 'SIGHUP ignored: there are no authorization rules to read';

it('is ignored before the service is ready', async () => {
  const service = start({
    DATABASE_URL: 'postgres://x@127.0.0.1:1/x',
    DATABASE_CONNECT_RETRIES: '100',
  });
  while (logged(service, 'database not reachable yet') === 0) await sleep(20);
  await hangUp(service, IGNORED);
});

it('is ignored while the service serves and while it stops, and no request is lost', async () => {
  const service = start();
  const { api } = await service.ready();
  await hangUp(service, IGNORED);
  await withClient(database.directUrl, async (client) => {
    await client.query('BEGIN; LOCK TABLE resource_status IN ACCESS EXCLUSIVE MODE');
    const begun = begin(supertest(api).get('clusters'));
    await someoneWaits(database.directUrl);
    await hangUp(service, IGNORED);
    const ending = service.end('SIGTERM');
    while (logged(service, 'stopping') === 0) await sleep(10);
    await hangUp(service, IGNORED);
    await client.query('ROLLBACK');
    expect((await begun).status).toBe(200);
    expect(await ending).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});

describe('with authorization', () => {
  const guarded = (env: Record<string, string>) => {
    const keys = join(directory, 'jwks.json');
    writeFileSync(keys, JSON.stringify({ keys: [KNOWN_KEY.jwk] }));
    return start({
      AUTH_ENABLED: 'true',
      AUTH_JWKS_FILE: keys,
      AUTH_ISSUER: '*',
      AUTH_AUDIENCE: '*',
      AUTHZ_ENABLED: 'true',
      ...env,
    });
  };

  it('is ignored without a file', async () => {
    const service = guarded({});
    await service.ready();
    await hangUp(service, IGNORED);
  });

  it('puts new rules into force, and keeps the old ones when the file is invalid or gone', async () => {
    const rules = join(directory, 'rules.yaml');
    writeFileSync(rules, RULES);
    const service = guarded({ AUTHZ_RULES_FILE: rules });
    const { api } = await service.ready();
    const statusFor = async (token: string) =>
      (await begin(supertest(api).get('clusters').set('Authorization', token))).status;
    const grace = bearer({ email: 'grace@example.org' });
    expect([await statusFor(ADA), await statusFor(grace)]).toEqual([200, 403]);

    writeFileSync(rules, `${RULES}\n- {claim: email, pattern: 'grace@*', operations: ['*']}`);
    await hangUp(service, 'The authorization rules file (AUTHZ_RULES_FILE) was read again');
    expect([await statusFor(ADA), await statusFor(grace)]).toEqual([200, 200]);

    const refused =
      'The authorization rules file (AUTHZ_RULES_FILE) cannot be used; the old content stays in force';
    writeFileSync(rules, 'claim: nothing');
    await hangUp(service, refused);
    rmSync(rules);
    await hangUp(service, refused);
    expect([await statusFor(ADA), await statusFor(grace)]).toEqual([200, 200]);
  });
});
