import type pg from 'pg';
import { cluster, insert, nodePool, status, type Resource } from '../support/rows';
import { createPool, createTestDatabase, type TestDatabase } from '../support/database';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.url);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Total, ready and available of clusters, then of node pools. */
type Counts = number[];

async function counted(): Promise<Counts> {
  return sums('sum(total)::int, sum(ready)::int, sum(available)::int FROM resource_counts');
}

async function actual(): Promise<Counts> {
  return sums(`
    count(*)::int, count(*) FILTER (WHERE ready)::int, count(*) FILTER (WHERE available)::int
    FROM resource_status`);
}

async function sums(columnsFrom: string): Promise<Counts> {
  const { rows } = await pool.query<[string, ...number[]]>({
    text: `SELECT kind, ${columnsFrom} GROUP BY kind`,
    rowMode: 'array',
  });
  const byKind = new Map(rows.map(([kind, ...counts]) => [kind, counts]));
  return ['Cluster', 'NodePool'].flatMap((kind) => byKind.get(kind) ?? [0, 0, 0]);
}

async function withStatus(resource: Resource, columns: Record<string, unknown> = {}) {
  await insert(pool, 'resources', resource);
  await insert(pool, 'resource_status', status(resource, columns));
  return resource;
}

async function remove(resource: Resource) {
  await pool.query('DELETE FROM resources WHERE id = $1', [resource.id]);
}

async function flip(resource: Resource, ready: boolean, available: boolean) {
  await pool.query(
    'UPDATE resource_status SET version = version + 1, ready = $2, available = $3 WHERE resource_id = $1',
    [resource.id, ready, available],
  );
}

async function inTransaction(
  end: 'COMMIT' | 'ROLLBACK',
  work: (client: pg.PoolClient) => Promise<void>,
) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await work(client);
    await client.query(end);
  } finally {
    client.release();
  }
}

async function difference(work: () => Promise<unknown>): Promise<number[]> {
  const before = await counted();
  await work();
  const after = await counted();
  expect(after).toEqual(await actual());
  return after.map((count, index) => count - before[index]!);
}

test('the counters follow every insert, change and removal', async () => {
  const owner = cluster();
  const pool1 = nodePool(owner, { name: 'counted' });
  expect(await difference(() => withStatus(owner))).toEqual([1, 0, 0, 0, 0, 0]);
  expect(await difference(() => withStatus(pool1, { ready: true }))).toEqual([0, 0, 0, 1, 1, 0]);
  expect(await difference(() => flip(owner, true, true))).toEqual([0, 1, 1, 0, 0, 0]);
  expect(await difference(() => flip(owner, true, true))).toEqual([0, 0, 0, 0, 0, 0]);
  expect(await difference(() => flip(owner, false, true))).toEqual([0, -1, 0, 0, 0, 0]);
  expect(await difference(() => flip(pool1, false, true))).toEqual([0, 0, 0, 0, -1, 1]);
  expect(await difference(() => remove(pool1))).toEqual([0, 0, 0, -1, 0, -1]);
  expect(await difference(() => remove(owner))).toEqual([-1, 0, -1, 0, 0, 0]);
});

test('the counters forget a transaction that is rolled back', async () => {
  const nothing = await difference(() =>
    inTransaction('ROLLBACK', async (client) => {
      const resource = cluster();
      await insert(client, 'resources', resource);
      await insert(client, 'resource_status', status(resource, { ready: true }));
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
    }),
  );
  expect(nothing).toEqual([0, 0, 0, 0, 0, 0]);
});

test('the counters count a row once that one transaction makes, changes and removes', async () => {
  const gone = await difference(() =>
    inTransaction('COMMIT', async (client) => {
      const resource = cluster();
      await insert(client, 'resources', resource);
      await insert(client, 'resource_status', status(resource));
      for (const column of ['ready', 'available']) {
        await client.query(`UPDATE resource_status SET ${column} = true WHERE resource_id = $1`, [
          resource.id,
        ]);
      }
      await client.query('DELETE FROM resources WHERE id = $1', [resource.id]);
    }),
  );
  expect(gone).toEqual([0, 0, 0, 0, 0, 0]);
});

test('the counters stay exact when many write at once', async () => {
  const owner = await withStatus(cluster());
  const work = async (writer: number) => {
    const mine: Resource[] = [];
    for (let round = 0; round < 30; round++) {
      mine.push(await withStatus(round % 2 ? cluster() : nodePool(owner)));
      await flip(mine.at(-1)!, (round + writer) % 3 === 0, round % 4 === 0);
      await flip(owner, round % 2 === 0, (round + writer) % 2 === 0);
      if (round % 5 === 4) await remove(mine.shift()!);
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, writer) => work(writer)));
  expect(await counted()).toEqual(await actual());
  expect((await counted())[0]).toBeGreaterThan(80);
});

test('transactions that change two kinds in opposite orders do not wait for each other in a circle', async () => {
  const write = async (kinds: ('cluster' | 'pool')[]) => {
    const owner = await withStatus(cluster());
    const child = await withStatus(nodePool(owner));
    await inTransaction('COMMIT', async (client) => {
      for (const kind of kinds) {
        const { id } = kind === 'cluster' ? owner : child;
        await client.query('UPDATE resource_status SET ready = true WHERE resource_id = $1', [id]);
        await client.query('SET CONSTRAINTS ALL IMMEDIATE');
      }
    });
  };
  const rounds = Array.from({ length: 40 }, (_, round) =>
    write(round % 2 ? ['cluster', 'pool'] : ['pool', 'cluster']),
  );
  await Promise.all(rounds);
  expect(await counted()).toEqual(await actual());
});
