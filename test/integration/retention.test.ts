import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { pruneRemovals, startPruning } from '../../src/changes/retention';
import { loadConfig } from '../../src/config/config';
import { connectionOptions } from '../../src/postgres/connection-options';
import { Database } from '../../src/postgres/database';
import { silentLogger } from '../../src/telemetry/log';
import { createPool, createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { cluster, insert } from '../support/rows';

jest.setTimeout(60_000);

const DAY = 86_400;

let database: TestDatabase;
let pool: pg.Pool;
let db: Database;
let closed: boolean;

beforeEach(async () => {
  closed = false;
  database = await createTestDatabase();
  pool = createPool(database.url);
  db = new Database(connectionOptions(loadConfig({ DATABASE_URL: database.url })), {
    ...{ poolMax: 4, poolTimeoutMs: 5_000, statementTimeoutMs: 10_000 },
    preparedStatements: process.env.DATABASE_PREPARED_STATEMENTS !== 'false',
  });
});

afterEach(async () => {
  if (!closed) await db.close();
  await pool.end();
  await database.drop();
});

/** Removes a resource, as of that long ago. @returns its id and the transaction */
async function remove(on: pg.Pool | pg.PoolClient, secondsAgo: number) {
  const { id } = cluster();
  await insert(on, 'resources', cluster({ id }));
  await on.query('DELETE FROM resources WHERE id = $1', [id]);
  const { rows } = await on.query<{ changed_xid: string }>(
    `UPDATE removed_resources SET removed_time = now() - make_interval(secs => $2)
     WHERE id = $1 RETURNING changed_xid::text`,
    [id, secondsAgo],
  );
  return { id, xid: rows[0]!.changed_xid };
}

async function stored() {
  const { rows } = await pool.query<{ pruned: string; ids: string[] }>(
    `SELECT (SELECT changed_xid::text FROM pruned_removals) AS pruned,
       ARRAY(SELECT id FROM removed_resources ORDER BY id) AS ids`,
  );
  return rows[0]!;
}

/** Prunes until nothing is left that may go: other databases of the server have transactions too. */
async function pruneUntil(pruned: string) {
  const deadline = Date.now() + 30_000;
  do await pruneRemovals(db, DAY);
  while ((await stored()).pruned !== pruned && Date.now() < deadline);
  return stored();
}

test('what is older than the retention is forgotten, and the last transaction of it is kept', async () => {
  const first = await remove(pool, DAY + 3_600);
  const last = await remove(pool, DAY + 60);
  const young = [await remove(pool, DAY - 60), await remove(pool, 0)];
  expect(await stored()).toMatchObject({ pruned: '0' });
  expect(await pruneUntil(last.xid)).toEqual({ pruned: last.xid, ids: young.map(({ id }) => id) });

  // The time of a removal is that of its beginning: it may be older than one that was first to commit.
  await pool.query('UPDATE removed_resources SET removed_time = $1, changed_xid = $2', [
    '2020-01-01T00:00:00Z',
    first.xid,
  ]);
  await pruneUntil(last.xid);
  expect(await stored()).toEqual({ pruned: last.xid, ids: [] });
});

test('what a transaction in progress has not seen yet is kept until it ends', async () => {
  const holder = await pool.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT pg_current_xact_id()');
  const old = await remove(pool, 2 * DAY);
  for (let round = 0; round < 3; round++) await pruneRemovals(db, DAY);
  expect(await stored()).toEqual({ pruned: '0', ids: [old.id] });
  await holder.query('COMMIT');
  holder.release();
  expect(await pruneUntil(old.xid)).toEqual({ pruned: old.xid, ids: [] });
});

test('several that prune at once share the work, however much there is', async () => {
  await pool.query(
    `INSERT INTO removed_resources (id, kind, removed_time)
     SELECT 'id-' || n, 'Cluster', now() - interval '2 days' FROM generate_series(1, 25000) n`,
  );
  const last = await remove(pool, 2 * DAY);
  const young = await remove(pool, 0);
  await Promise.all(Array.from({ length: 4 }, () => pruneRemovals(db, DAY)));
  expect(await pruneUntil(last.xid)).toEqual({ pruned: last.xid, ids: [young.id] });
});

test('nobody waits for another that prunes', async () => {
  const old = await remove(pool, 2 * DAY);
  const other = await pool.connect();
  await other.query('BEGIN');
  await other.query('SELECT 1 FROM pruned_removals FOR UPDATE');
  await pruneRemovals(db, DAY);
  expect(await stored()).toEqual({ pruned: '0', ids: [old.id] });
  await other.query('ROLLBACK');
  other.release();
  expect(await pruneUntil(old.xid)).toEqual({ pruned: old.xid, ids: [] });
});

test('after a restore from a server that was further, what only that server knew does not count', async () => {
  await pool.query("UPDATE pruned_removals SET changed_xid = '900000000000'");
  await pool.query(
    `INSERT INTO removed_resources (id, kind, changed_xid, removed_time)
     VALUES ('ahead', 'Cluster', '900000000001', now() - interval '2 days')`,
  );
  expect(await pruneUntil('0')).toEqual({ pruned: '0', ids: [] });
  const old = await remove(pool, 2 * DAY);
  expect(await pruneUntil(old.xid)).toEqual({ pruned: old.xid, ids: [] });
});

describe('in the background', () => {
  const INTERVAL_MS = 20;
  const warn = jest.fn();
  let stop: () => void;

  beforeEach(() => {
    warn.mockClear();
    stop = startPruning(db, DAY, { ...silentLogger, warn }, INTERVAL_MS);
  });
  afterEach(() => stop());

  async function until(met: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!(await met())) {
      if (Date.now() > deadline) throw new Error('it has not happened');
      await sleep(INTERVAL_MS);
    }
  }
  const isEmpty = async () => (await stored()).ids.length === 0;

  test('it goes on after a failure, which is logged once', async () => {
    await remove(pool, 2 * DAY);
    await until(isEmpty);
    await pool.query('ALTER TABLE pruned_removals RENAME TO away');
    await until(() => warn.mock.calls.length > 0);
    await sleep(10 * INTERVAL_MS);
    expect(warn.mock.calls).toEqual([['removals cannot be pruned', { error: '42P01' }]]);

    await pool.query('ALTER TABLE away RENAME TO pruned_removals');
    await remove(pool, 2 * DAY);
    await until(isEmpty);
    await pool.query('ALTER TABLE pruned_removals RENAME TO away');
    await until(() => warn.mock.calls.length === 2);
  });

  test('it ends when told to, without a word', async () => {
    await remove(pool, 2 * DAY);
    await until(isEmpty);
    stop();
    await sleep(10 * INTERVAL_MS);
    const { id } = await remove(pool, 2 * DAY);
    await sleep(10 * INTERVAL_MS);
    expect((await stored()).ids).toEqual([id]);
    expect(warn).not.toHaveBeenCalled();
  });

  test('it says nothing of a prune that the end of the service cuts off', async () => {
    await remove(pool, 2 * DAY);
    await withClient(database.directUrl, async (holder) => {
      await holder.query('BEGIN');
      await holder.query('LOCK TABLE removed_resources');
      await until(() => db.pool.totalCount > db.pool.idleCount);
      stop();
      await db.close();
      closed = true;
      await holder.query('ROLLBACK');
    });
    await sleep(5 * INTERVAL_MS);
    expect(warn).not.toHaveBeenCalled();
  });
});
