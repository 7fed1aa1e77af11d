import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/database';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 8 });
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

let made = 0;

interface Resource {
  [column: string]: unknown;
  id: string;
}

function cluster(columns: Partial<Resource> = {}): Resource {
  const number = String(++made);
  return {
    id: `2${number.padStart(26, '0')}`,
    kind: 'Cluster',
    name: `name-${number}`,
    spec: '{}',
    labels: '{}',
    generation: 1,
    created_time: '2026-01-01T00:00:00Z',
    created_by: 'someone',
    updated_time: '2026-01-01T00:00:00Z',
    updated_by: 'someone',
    ...columns,
  };
}

function nodePool(owner: Resource, columns: Partial<Resource> = {}): Resource {
  return cluster({ kind: 'NodePool', owner_id: owner.id, ...columns });
}

function status(resource: Resource, columns: Record<string, unknown> = {}) {
  return {
    resource_id: resource.id,
    kind: resource.kind,
    version: 1,
    conditions: '[]',
    ready: false,
    available: false,
    ready_last_updated_time: '2026-01-01T00:00:00Z',
    phase: 'NotReady',
    last_transition_time: '2026-01-01T00:00:00Z',
    observed_generation: 1,
    last_updated_time: '2026-01-01T00:00:00Z',
    ...columns,
  };
}

async function insert(
  table: string,
  row: Record<string, unknown>,
  on: pg.Pool | pg.PoolClient = pool,
) {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${index + 1}`);
  await on.query(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places.join(', ')})`,
    Object.values(row),
  );
}

async function created(resource: Resource): Promise<Resource> {
  await insert('resources', resource);
  return resource;
}

const UNIQUE = '23505';
const FOREIGN_KEY = '23503';
const CHECK = '23514';

async function markDeleted(resource: Resource) {
  await pool.query(
    `UPDATE resources SET deleted_time = now(), deleted_by = 'someone' WHERE id = $1`,
    [resource.id],
  );
}

describe('names', () => {
  test('a cluster name is taken until its cluster is marked for deletion', async () => {
    const first = await created(cluster({ name: 'reused' }));
    await expect(created(cluster({ name: 'reused' }))).rejects.toMatchObject({
      code: UNIQUE,
      constraint: 'resources_cluster_name_key',
    });
    await markDeleted(first);
    const second = await created(cluster({ name: 'reused' }));
    await markDeleted(second);
    await expect(created(cluster({ name: 'reused' }))).resolves.toBeDefined();
  });

  test('a node pool name is taken within its own cluster only', async () => {
    const [mine, other] = [await created(cluster()), await created(cluster())];
    const first = await created(nodePool(mine, { name: 'workers' }));
    await created(nodePool(other, { name: 'workers' }));
    await created(cluster({ name: 'workers' }));
    await expect(created(nodePool(mine, { name: 'workers' }))).rejects.toMatchObject({
      code: UNIQUE,
      constraint: 'resources_node_pool_name_key',
    });
    await markDeleted(first);
    await expect(created(nodePool(mine, { name: 'workers' }))).resolves.toBeDefined();
  });

  test('of many that create one name at once exactly one succeeds', async () => {
    const tries = Array.from({ length: 8 }, () => created(cluster({ name: 'contested' })));
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.filter(({ status: outcome }) => outcome === 'fulfilled')).toHaveLength(1);
  });
});

describe('what the tables refuse', () => {
  const bad: [string, Partial<Resource>][] = [
    ['an unknown kind', { kind: 'Machine' }],
    ['an id of another form', { id: 'cluster-1' }],
    ['an id in capitals', { id: `2${'A'.repeat(26)}` }],
    ['a name of two characters', { name: 'ab' }],
    ['a cluster name of 54 characters', { name: 'a'.repeat(54) }],
    ['a name with a capital', { name: 'Name' }],
    ['a name that ends in a hyphen', { name: 'name-' }],
    ['a name with a line break after it', { name: 'name\n' }],
    ['a spec that is no object', { spec: '[]' }],
    ['labels that are no object', { labels: '"a"' }],
    ['a generation below 1', { generation: 0 }],
    ['a deletion time without a deleter', { deleted_time: '2026-01-01T00:00:00Z' }],
    ['a deleter without a deletion time', { deleted_by: 'someone' }],
    ['a node pool without a cluster', { kind: 'NodePool', name: 'short' }],
  ];

  test.each(bad)('%s', async (_, columns) => {
    await expect(created(cluster(columns))).rejects.toMatchObject({ code: CHECK });
  });

  test('a cluster that belongs to a cluster', async () => {
    const owner = await created(cluster());
    await expect(created(cluster({ owner_id: owner.id }))).rejects.toMatchObject({ code: CHECK });
  });

  test('a node pool name of 16 characters', async () => {
    const owner = await created(cluster());
    await created(nodePool(owner, { name: 'a'.repeat(15) }));
    const long = nodePool(owner, { name: 'a'.repeat(16) });
    await expect(created(long)).rejects.toMatchObject({ code: CHECK });
  });

  test('rows that belong to no resource', async () => {
    const absent = cluster();
    const orphans: [string, Record<string, unknown>][] = [
      ['resources', nodePool(absent, { name: 'orphan' })],
      ['resource_status', status(absent)],
      ['resource_labels', { kind: 'Cluster', key: 'a', value: 'b', resource_id: absent.id }],
      ['adapter_statuses', report(absent)],
    ];
    for (const [table, row] of orphans) {
      await expect(insert(table, row)).rejects.toMatchObject({ code: FOREIGN_KEY });
    }
  });

  test('the removal of a cluster that still has node pools', async () => {
    const owner = await created(cluster());
    await created(nodePool(owner));
    await expect(remove(owner)).rejects.toMatchObject({ code: FOREIGN_KEY });
  });

  test('two values of one label, two statuses, and two rows of one adapter', async () => {
    const resource = await created(cluster());
    const label = { kind: 'Cluster', key: 'env', resource_id: resource.id };
    const pairs: [string, Record<string, unknown>, Record<string, unknown>][] = [
      ['resource_labels', { ...label, value: 'a' }, { ...label, value: 'b' }],
      ['resource_status', status(resource), status(resource)],
      ['adapter_statuses', report(resource), report(resource)],
    ];
    for (const [table, first, second] of pairs) {
      await insert(table, first);
      await expect(insert(table, second)).rejects.toMatchObject({ code: UNIQUE });
    }
  });
});

function report(resource: Resource): Record<string, unknown> {
  return {
    resource_id: resource.id,
    adapter: 'dns',
    observed_generation: 1,
    created_time: '2026-01-01T00:00:00Z',
    last_report_time: '2026-01-01T00:00:00Z',
    conditions: '[]',
    data: '{}',
  };
}

async function remove(resource: Resource) {
  await pool.query('DELETE FROM resources WHERE id = $1', [resource.id]);
}

test('a removed resource takes its status, labels and reports along', async () => {
  const resource = await created(cluster());
  await insert('resource_status', status(resource));
  await insert('adapter_statuses', report(resource));
  await insert('resource_labels', {
    kind: 'Cluster',
    key: 'a',
    value: 'b',
    resource_id: resource.id,
  });
  await remove(resource);
  for (const table of ['resource_status', 'adapter_statuses', 'resource_labels']) {
    const { rowCount } = await pool.query(`SELECT FROM ${table} WHERE resource_id = $1`, [
      resource.id,
    ]);
    expect([table, rowCount]).toEqual([table, 0]);
  }
});

describe('counters', () => {
  const COLUMNS = [
    'clusters',
    'clusters_ready',
    'clusters_available',
    'node_pools',
    'node_pools_ready',
    'node_pools_available',
  ];

  async function counted(): Promise<number[]> {
    const sums = COLUMNS.map((column) => `sum(${column})::int`);
    const { rows } = await pool.query<number[]>({
      text: `SELECT ${sums.join(', ')} FROM resource_counts`,
      rowMode: 'array',
    });
    return rows[0]!;
  }

  async function actual(): Promise<number[]> {
    const counts = ['Cluster', 'NodePool'].flatMap((kind) =>
      ['true', 'ready', 'available'].map(
        (flag) => `count(*) FILTER (WHERE kind = '${kind}' AND ${flag})::int`,
      ),
    );
    const { rows } = await pool.query<number[]>({
      text: `SELECT ${counts.join(', ')} FROM resource_status`,
      rowMode: 'array',
    });
    return rows[0]!;
  }

  async function withStatus(resource: Resource, columns: Record<string, unknown> = {}) {
    await created(resource);
    await insert('resource_status', status(resource, columns));
    return resource;
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

  test('follow every insert, change and removal', async () => {
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

  test('forget a transaction that is rolled back', async () => {
    const nothing = await difference(() =>
      inTransaction('ROLLBACK', async (client) => {
        const resource = cluster();
        await insert('resources', resource, client);
        await insert('resource_status', status(resource, { ready: true }), client);
        await client.query('SET CONSTRAINTS ALL IMMEDIATE');
      }),
    );
    expect(nothing).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('count a row once that one transaction makes, changes and removes', async () => {
    const gone = await difference(() =>
      inTransaction('COMMIT', async (client) => {
        const resource = cluster();
        await insert('resources', resource, client);
        await insert('resource_status', status(resource), client);
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

  test('stay exact when many write at once', async () => {
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
});
