import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { loadConfig } from '../../src/config/config';
import { Database } from '../../src/postgres/database';
import { statement } from '../../src/postgres/statement';
import { connectionOptions } from '../../src/postgres/connection-options';
import {
  createTestDatabase,
  databaseUrl,
  type TestDatabase,
  withClient,
} from '../support/database';
import { newCluster, newReport } from '../support/factories';
import { type Pooler, startPooler } from '../support/pooler';
import { FREE_PORTS, runService, startService, stopServices } from '../support/service-process';

/*
 * PgBouncer in transaction mode. All the other tests pass through it with TEST_PGBOUNCER=1; here is what
 * is special about it.
 */

const CLUSTERS = '/api/hyperfleet/v1/clusters';

jest.setTimeout(60_000);

let directory: string;
let database: TestDatabase;
let pooler: Pooler | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-pgbouncer-'));
  database = await createTestDatabase();
  pooler = await startPooler(process.env.TEST_RUN_SERVER_URL!);
  if (pooler === undefined) console.warn('SKIPPED: PgBouncer is not installed.');
});
afterAll(async () => {
  await stopServices();
  await pooler?.stop();
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

it('serves, migrates, cancels and recovers behind PgBouncer, without prepared statements', async () => {
  if (pooler === undefined) return;
  const url = databaseUrl(pooler.url, new URL(database.directUrl).pathname.slice(1));
  const env = { DATABASE_URL: url, DATABASE_PREPARED_STATEMENTS: 'false' };
  expect(await runService(['migrate'], env, directory)).toMatchObject({ code: 0, stderr: '' });
  const service = startService(
    ['serve'],
    { ...FREE_PORTS, ...env, DATABASE_STATEMENT_TIMEOUT_MS: '700' },
    directory,
  );
  const api = supertest(new URL((await service.ready()).api).origin);

  // More clients than server connections, transactions and single statements mixed.
  const paths = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const created = await api.post(CLUSTERS).send(newCluster());
      const path = created.body.href as string;
      const [list, reported] = await Promise.all([
        api.get(`${CLUSTERS}?search=labels.env='production'`),
        api.put(`${path}/statuses`).send(newReport('dns')),
      ]);
      expect([created.status, list.status, reported.status]).toEqual([201, 200, 201]);
      return path;
    }),
  );
  const deleted = await Promise.all(paths.map((path) => api.delete(path)));
  expect(new Set(deleted.map(({ status }) => status))).toEqual(new Set([202]));

  await withClient(database.directUrl, async (holder) => {
    await holder.query('BEGIN; LOCK TABLE resource_status IN ACCESS EXCLUSIVE MODE');
    const slow = await Promise.all([api.get(CLUSTERS), api.get(paths[0]!)]);
    expect(slow.map(({ status }) => status)).toEqual([503, 503]);
    const { rowCount } = await holder.query(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    expect(rowCount).toBe(0);
    await holder.query('ROLLBACK');
  });
  // PgBouncer 1.18 ends itself when a cancel request is not waited for.
  for (let tries = 0; (await api.get(CLUSTERS)).status !== 200 && tries < 20; tries++) {
    await sleep(50);
  }
  expect((await api.get(paths[0]!)).status).toBe(200);
  expect(service.log.filter(({ level }) => level === 'error')).toEqual([]);
});

it('sends nothing in the startup packet that a pooler refuses', async () => {
  const packets: string[][] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data: Buffer) => {
      const words = data
        .subarray(8, data.readInt32BE(0) - 2)
        .toString()
        .split('\0');
      packets.push(words.filter((_, index) => index % 2 === 0));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = loadConfig({ DATABASE_URL: `postgres://jane@127.0.0.1:${port}/fleet` });
  const db = new Database(connectionOptions(config), {
    ...{ poolMax: 1, poolTimeoutMs: 1000, statementTimeoutMs: 1000, preparedStatements: true },
  });
  const ping = statement({ operation: 'select', table: '' }, 'SELECT 1');
  await Promise.allSettled([
    db.read(ping, {}),
    db.query(ping, {}),
    db.transaction(() => Promise.resolve()),
  ]);
  await db.close();
  await new Promise((resolve) => server.close(resolve));
  expect(packets.length).toBeGreaterThan(1);
  const allowed = ['user', 'database', 'client_encoding', 'application_name'];
  for (const names of packets) expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
});
