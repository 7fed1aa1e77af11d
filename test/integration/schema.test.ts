import type pg from 'pg';
import { cluster, insert, nodePool, report, status, type Resource } from '../support/rows';
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

async function created(resource: Resource): Promise<Resource> {
  await insert(pool, 'resources', resource);
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
      constraint: 'resources_name_key',
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
      constraint: 'resources_owner_name_key',
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
    ['an id of another form', { id: 'cluster-1' }],
    ['an id in capitals', { id: `2${'A'.repeat(26)}` }],
    ['a name of 101 characters', { name: 'a'.repeat(101) }],
    ['a name with a capital', { name: 'Name' }],
    ['a name that ends in a hyphen', { name: 'name-' }],
    ['a name with a line break after it', { name: 'name\n' }],
    ['a spec that is no object', { spec: '[]' }],
    ['labels that are no object', { labels: '"a"' }],
    ['a generation below 1', { generation: 0 }],
    ['a deletion time without a deleter', { deleted_time: '2026-01-01T00:00:00Z' }],
    ['a deleter without a deletion time', { deleted_by: 'someone' }],
  ];

  test.each(bad)('%s', async (_, columns) => {
    await expect(created(cluster(columns))).rejects.toMatchObject({ code: CHECK });
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
      await expect(insert(pool, table, row)).rejects.toMatchObject({ code: FOREIGN_KEY });
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
      await insert(pool, table, first);
      await expect(insert(pool, table, second)).rejects.toMatchObject({ code: UNIQUE });
    }
  });
});

async function remove(resource: Resource) {
  await pool.query('DELETE FROM resources WHERE id = $1', [resource.id]);
}

test('a removed resource takes its status, labels and reports along', async () => {
  const resource = await created(cluster());
  await insert(pool, 'resource_status', status(resource));
  await insert(pool, 'adapter_statuses', report(resource));
  await insert(pool, 'resource_labels', {
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
