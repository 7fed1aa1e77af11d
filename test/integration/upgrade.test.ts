import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest from 'supertest';
import { packageRoot } from '../../src/config/package-root';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { newCluster, newReport } from '../support/factories';
import { FREE_PORTS, runService, startService, stopServices } from '../support/service-process';

/*
 * A rolling update: the schema is migrated first, while processes of the version before still serve. What a
 * migration may do to a table in use is what docs/operations.md allows; here it happens to a running service.
 */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const MIGRATIONS = join(packageRoot, 'migrations');

jest.setTimeout(60_000);

let directory: string;
let database: TestDatabase;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-upgrade-'));
});
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await stopServices();
  await database.drop();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function start() {
  const env = { ...FREE_PORTS, DATABASE_URL: database.url, HYPERFLEET_CLUSTER_ADAPTERS: 'dns' };
  const service = startService(['serve'], env, directory);
  const api = supertest(new URL((await service.ready()).api).origin);
  return { service, api };
}

/** One of everything that reads or writes. */
async function exercise(api: Awaited<ReturnType<typeof start>>['api']): Promise<number[]> {
  const created = await api.post(CLUSTERS).send(newCluster());
  const path = created.body.href as string;
  const responses = [
    created,
    await api.get(path),
    await api.get(`${CLUSTERS}?search=labels.env='production'`),
    await api.put(`${path}/statuses`).send(newReport('dns')),
    await api.patch(path).send({ labels: { a: 'b' } }),
    await api.delete(path),
    await api.post(`${path}/force-delete`).send({ reason: 'test' }),
  ];
  return responses.map(({ status }) => status);
}

const FINE = [201, 200, 200, 201, 200, 202, 204];

/** A migration of a later version, as far as a running process can see it. */
const LATER = `
  INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('29991231235959_later.js', 2, now());
  ALTER TABLE resources ADD COLUMN later text;
  ALTER TABLE resource_status ADD COLUMN later jsonb NOT NULL DEFAULT '{}';
  ALTER TABLE adapter_statuses ADD COLUMN later int DEFAULT 7;
  CREATE TABLE later (id text PRIMARY KEY REFERENCES resources ON DELETE CASCADE);
  CREATE INDEX later_index ON resources (updated_time);`;

const migrate = (sql: string) => withClient(database.directUrl, (client) => client.query(sql));

it('goes on serving while the schema moves ahead of it', async () => {
  const { service, api } = await start();
  expect(await exercise(api)).toEqual(FINE);
  await migrate(LATER);
  for (let round = 0; round < 3; round++) expect(await exercise(api)).toEqual(FINE);
  await service.end('SIGTERM');
  const noise = service.log.filter(({ level, message }) => {
    return level !== 'info' && message !== 'force-deleted';
  });
  expect(noise).toEqual([]);
});

it('starts on a schema that is ahead of it, as after a roll-back, and migrates nothing', async () => {
  await migrate(LATER);
  const ended = await runService(['migrate'], { DATABASE_URL: database.url }, directory);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).not.toMatch(/"migrated"/);
  const { api } = await start();
  expect(await exercise(api)).toEqual(FINE);
});

it('does not let clients notice a migration that changes what its prepared statements return', async () => {
  const { service, api } = await start();
  const path = (await api.post(CLUSTERS).send(newCluster())).body.href as string;
  // Several connections have prepared the statements.
  const crowd = () => Promise.all(Array.from({ length: 6 }, () => exercise(api)));
  await crowd();
  await migrate('ALTER TABLE resource_status ALTER COLUMN observed_generation TYPE bigint');
  expect((await api.get(path)).status).toBe(200);
  for (const statuses of await crowd()) expect(statuses).toEqual(FINE);
  const noise = service.log.filter(({ level, message }) => {
    return level !== 'info' && message !== 'force-deleted';
  });
  expect(noise).toEqual([]);
});

it.each(['serve', 'migrate'])(
  'refuses the schema of an unreleased version at %s, and says what to do',
  async (command) => {
    await migrate("UPDATE knex_migrations SET name = '20260101000000_unreleased.js'");
    const env = { ...FREE_PORTS, DATABASE_URL: database.url };
    const ended = await runService([command], env, directory);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/unreleased version.*drop the database and create it again/);
  },
);

it('knows no version older than the schema: the one before a second migration is to be tried here', () => {
  expect(readdirSync(MIGRATIONS)).toEqual(['20261126170000_create_tables.js']);
});
