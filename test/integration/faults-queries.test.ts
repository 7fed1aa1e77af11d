import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import supertest, { type Response } from 'supertest';
import { isUnavailable } from '../../src/postgres/errors';
import { statement } from '../../src/postgres/statement';
import { begin } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { terminateBackends } from '../support/backends';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { newCluster, newReport } from '../support/factories';

/* What single statements may meet: no connection left, too long a wait, a client that leaves, a read-only server. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
/** A list that may have to look at the whole fleet, so it is read on a pooled connection. */
const SEARCH = `${CLUSTERS}?search=${encodeURIComponent("labels.env = 'production'")}`;
const POOL_TIMEOUT_MS = 400;
const STATEMENT_TIMEOUT_MS = 700;

const pooled = process.env.TEST_RUN_POOLER_URL !== undefined;

let database: TestDatabase;
let app: TestApp;
let path: string;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startTestApp({
    database,
    env: {
      DATABASE_POOL_MAX: '3',
      DATABASE_POOL_TIMEOUT_MS: String(POOL_TIMEOUT_MS),
      DATABASE_STATEMENT_TIMEOUT_MS: String(STATEMENT_TIMEOUT_MS),
    },
  });
  const created = await api().post(CLUSTERS).send(newCluster());
  path = created.body.href as string;
});
afterAll(async () => {
  await app.stop();
  await database.drop();
});

const api = () => supertest(app.url);

function expectUnavailable(answer: Response): void {
  expect(answer).toMatchObject({ status: 503, body: { code: 'HYPERFLEET-SVC-001' } });
  expect(answer.headers['retry-after']).toBe('1');
}

async function timed<T>(work: Promise<T>): Promise<{ result: T; ms: number }> {
  const begin = performance.now();
  const result = await work;
  return { result, ms: performance.now() - begin };
}

/** Holds locks in a transaction of its own while `work` runs. */
async function whileLocked(sql: string, work: () => Promise<void>): Promise<void> {
  await withClient(database.directUrl, async (client) => {
    await client.query('BEGIN');
    await client.query(sql);
    try {
      await work();
    } finally {
      await client.query('ROLLBACK');
    }
  });
}

/** What the service is doing in the database at the moment. */
async function activity(client: pg.Client, like: string): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND query LIKE $1`,
    [like],
  );
  return rows[0]!.count;
}

async function until(condition: () => Promise<boolean>, ms = 5000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('it did not happen in time');
    await sleep(20);
  }
}

const LOCK_READS = 'LOCK TABLE resource_status IN ACCESS EXCLUSIVE MODE';

it('answers 503 within the time limit when no connection is left, and serves again when there is', async () => {
  const { pool } = app.service.db;
  const held = await Promise.all([pool.connect(), pool.connect(), pool.connect()]);
  try {
    const { result, ms } = await timed(
      Promise.all([api().get(SEARCH), api().post(CLUSTERS).send(newCluster())]),
    );
    result.forEach(expectUnavailable);
    expect(ms).toBeGreaterThan(POOL_TIMEOUT_MS - 50);
    expect(ms).toBeLessThan(POOL_TIMEOUT_MS + 1500);
    // Short reads have connections of their own, unless there is a pooler.
    if (!pooled) {
      expect((await api().get(path)).status).toBe(200);
      expect((await api().get(CLUSTERS)).status).toBe(200);
    }
  } finally {
    for (const client of held) client.release();
  }
  expect((await api().get(SEARCH)).status).toBe(200);
});

it('cancels a list in the database when its client goes away', async () => {
  await withClient(database.directUrl, (observer) =>
    whileLocked(LOCK_READS, async () => {
      const { hostname, port } = new URL(app.url);
      const outgoing = request({ hostname, port, path: SEARCH });
      outgoing.on('error', () => undefined).end();
      await until(async () => (await activity(observer, 'WITH %')) === 1);
      outgoing.destroy();
      // Well before the statement timeout would do it.
      await until(
        async () => (await activity(observer, 'WITH %')) === 0,
        STATEMENT_TIMEOUT_MS - 200,
      );
    }),
  );
  expect((await api().get(SEARCH)).status).toBe(200);
});

it('answers 503 when a list takes longer than a statement may, and ends it in the database', async () => {
  await withClient(database.directUrl, (observer) =>
    whileLocked(LOCK_READS, async () => {
      const { result, ms } = await timed(api().get(SEARCH));
      expectUnavailable(result);
      expect(ms).toBeGreaterThan(STATEMENT_TIMEOUT_MS - 50);
      expect(ms).toBeLessThan(STATEMENT_TIMEOUT_MS + 1500);
      await until(async () => (await activity(observer, 'WITH %')) === 0, 1000);
    }),
  );
  expect((await api().get(SEARCH)).status).toBe(200);
});

it('answers 503 when a change waits for a lock longer than a statement may, and changes nothing', async () => {
  await whileLocked('LOCK TABLE resources, resource_status IN ROW EXCLUSIVE MODE', async () => {
    await whileLocked(`SELECT 1 FROM resource_status FOR UPDATE`, async () => {
      const { result, ms } = await timed(
        api()
          .patch(path)
          .send({ labels: { slow: 'yes' } }),
      );
      expectUnavailable(result);
      expect(ms).toBeLessThan(STATEMENT_TIMEOUT_MS * 2 + 1500);
    });
  });
  const { body } = await api().get(path);
  expect(body).toMatchObject({ generation: 1, labels: { env: 'production' } });
});

it('answers 503 to a read by key that takes too long, ends it, and asks again what shared its connection', async () => {
  await withClient(database.directUrl, async (observer) => {
    const reads = '%FROM resources r%';
    let neighbours: Promise<Response[]> = Promise.resolve([]);
    await whileLocked(LOCK_READS, async () => {
      const slow = begin(api().get(path));
      await until(async () => (await activity(observer, reads)) > 0);
      await sleep(STATEMENT_TIMEOUT_MS - 300);
      // Behind the slow one on both shared connections.
      neighbours = Promise.all(Array.from({ length: 4 }, () => api().get(path)));
      expectUnavailable(await slow);
    });
    const answers = await neighbours;
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await until(async () => (await activity(observer, reads)) === 0, 1000);
  });
});

it('asks a read by key again when its connection is cut, so that nobody notices', async () => {
  await whileReading((admin) => terminateBackends(admin, 'waiting'));
  async function whileReading(cut: (admin: pg.Client) => Promise<unknown>): Promise<void> {
    let reading: Promise<Response> | undefined;
    await withClient(database.directUrl, (admin) =>
      whileLocked(LOCK_READS, async () => {
        reading = begin(api().get(path));
        await until(async () => (await activity(admin, '%FROM resources r%')) > 0);
        await cut(admin);
        await sleep(50);
      }),
    );
    expect((await reading)!.status).toBe(200);
  }
});

it('writes nothing of a change whose connection is cut in the middle, and says 503', async () => {
  await withClient(database.directUrl, (admin) =>
    whileLocked('SELECT 1 FROM resource_status FOR UPDATE', async () => {
      const patching = begin(
        api()
          .patch(path)
          .send({ labels: { half: 'done' } }),
      );
      await until(async () => (await activity(admin, '%resource_status%')) > 0);
      await terminateBackends(admin, 'waiting');
      expectUnavailable(await patching);
    }),
  );
  expect((await api().get(path)).body).toMatchObject({
    generation: 1,
    labels: { env: 'production' },
  });
});

it('answers 503 to writes on a read-only server and goes on reading', async () => {
  const name = new URL(database.directUrl).pathname.slice(1);
  const setReadOnly = (value: string) =>
    withClient(database.directUrl, async (admin) => {
      await admin.query('BEGIN READ WRITE');
      await admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = ${value}`);
      await admin.query('COMMIT');
      // As after a failover: the connections of before are gone.
      await terminateBackends(admin, 'all');
    });
  await setReadOnly('on');
  try {
    await until(async () => (await api().get(CLUSTERS)).status === 200);
    expect((await api().get(path)).status).toBe(200);
    expectUnavailable(await api().post(CLUSTERS).send(newCluster()));
    expectUnavailable(
      await api()
        .patch(path)
        .send({ labels: { a: 'b' } }),
    );
    expectUnavailable(await api().delete(path));
    expectUnavailable(await api().post(`${path}/statuses`).send(newReport('validation')));
  } finally {
    await setReadOnly('off');
  }
  await until(async () => (await api().post(CLUSTERS).send(newCluster())).status === 201);
});

describe('transactions that PostgreSQL rolls back for the sake of others', () => {
  const failing = (code: string) =>
    statement(
      { operation: 'select', table: '' },
      `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`,
    );

  it.each(['40001', '40P01'])('are run again after %s, and succeed', async (code) => {
    let attempt = 0;
    const result = await app.service.db.transaction(async (trx) => {
      attempt++;
      if (attempt < 3) await trx.query(failing(code), {});
      return 'done';
    });
    expect({ attempt, result }).toEqual({ attempt: 3, result: 'done' });
  });

  it('end as 503 when that does not help', async () => {
    let attempt = 0;
    const failed = await app.service.db
      .transaction(async (trx) => {
        attempt++;
        await trx.query(failing('40P01'), {});
      })
      .catch((error: unknown) => error);
    expect(attempt).toBe(4);
    expect(isUnavailable(failed)).toBe(true);
  });
});

it('answers at once, not after the time limit, when the database refuses connections', async () => {
  const gone = await createTestDatabase();
  const other = await startTestApp({ database: gone });
  await gone.drop();
  try {
    const { result, ms } = await timed(
      Promise.all([
        supertest(other.url).get(CLUSTERS),
        supertest(other.url).get(path),
        supertest(other.url).post(CLUSTERS).send(newCluster()),
      ]),
    );
    result.forEach(expectUnavailable);
    // A pooler tries for a while itself.
    if (!pooled) expect(ms).toBeLessThan(1500);
  } finally {
    await other.stop();
  }
});
