import supertest from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { withClient } from '../support/database';
import { newCluster, newNodePool } from '../support/factories';

/* Lists ordered by what some resources do not have, and by what all have in common. */

const B = '/api/hyperfleet/v1';
/** The last pages begin so late that they are read from the other end. */
const SIZE = 230;
const PAGE_SIZE = 35;

interface Item {
  id: string;
  kind: string;
  href: string;
  name: string;
  deleted_time?: string;
  deleted_by?: string;
}
type Key = keyof Item;

let app: TestApp;
let pools: string;

const read = async (path: string, query: Record<string, string>) => {
  const { status, body } = await supertest(app.url).get(path).query(query);
  expect({ status, query }).toMatchObject({ status: 200 });
  return body as { items: Item[]; total: number };
};

const readAll = async (path: string, query: Record<string, string>, pageSize = PAGE_SIZE) => {
  const items: Item[] = [];
  for (let page = 1; ; page++) {
    const paged = { ...query, page: `${page}`, pageSize: `${pageSize}` };
    const { items: found, total } = await read(path, paged);
    items.push(...found);
    if (page * pageSize >= total) return items;
  }
};

beforeAll(async () => {
  app = await startTestApp();
  const api = supertest(app.url);
  for (let made = 0; made < SIZE; made += 10) {
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => {
        const labels = { tier: (made + index) % 23 === 0 ? 'other' : 'common' };
        return api.post(`${B}/clusters`).send(newCluster({ labels }));
      }),
    );
  }
  const { items } = await read(`${B}/clusters`, { pageSize: '1' });
  pools = `${B}/clusters/${items[0]!.id}/nodepools`;
  for (let made = 0; made < 7; made++) await api.post(pools).send(newNodePool());
  // A third is marked, by two actors and several at the same time.
  await withClient(app.database.directUrl, (client) =>
    client.query(`
      WITH changed AS (UPDATE resource_status SET version = version + 1)
      UPDATE resources r
      SET deleted_time = '2026-01-15T10:00:00Z'::timestamptz + n % 7 * interval '1 hour',
          deleted_by = CASE n % 2 WHEN 0 THEN 'Zoe@example.org' ELSE 'adam@example.org' END
      FROM (SELECT id, row_number() OVER (PARTITION BY kind ORDER BY name) AS n FROM resources) numbered
      WHERE numbered.id = r.id AND n % 3 = 0`),
  );
}, 60_000);
afterAll(() => app.stop());

/** Absent values come last in both directions. */
const byKeys =
  (...keys: [Key, 'asc' | 'desc'][]) =>
  (left: Item, right: Item): number => {
    for (const [key, direction] of keys) {
      const [a, b] = [left[key], right[key]];
      if (a === b) continue;
      if (a === undefined) return 1;
      if (b === undefined) return -1;
      return a < b === (direction === 'asc') ? -1 : 1;
    }
    return 0;
  };

const ORDERS: [Record<string, string>, [Key, 'asc' | 'desc'][]][] = [
  [
    { orderBy: 'deleted_time' },
    [
      ['deleted_time', 'asc'],
      ['id', 'asc'],
    ],
  ],
  [
    { orderBy: 'deleted_time desc' },
    [
      ['deleted_time', 'desc'],
      ['id', 'desc'],
    ],
  ],
  [
    { order: 'deleted_time desc' },
    [
      ['deleted_time', 'desc'],
      ['id', 'desc'],
    ],
  ],
  [
    { orderBy: 'deleted_by' },
    [
      ['deleted_by', 'asc'],
      ['id', 'asc'],
    ],
  ],
  [
    { orderBy: 'deleted_by', order: 'desc' },
    [
      ['deleted_by', 'desc'],
      ['id', 'desc'],
    ],
  ],
  [
    { orderBy: 'deleted_by desc,deleted_time,name desc' },
    [
      ['deleted_by', 'desc'],
      ['deleted_time', 'asc'],
      ['name', 'desc'],
    ],
  ],
  [{ orderBy: 'kind' }, [['id', 'asc']]],
  [
    { orderBy: 'kind desc,deleted_time' },
    [
      ['deleted_time', 'asc'],
      ['id', 'asc'],
    ],
  ],
  [{ orderBy: 'href' }, [['id', 'asc']]],
  [
    { orderBy: 'deleted_by,href desc' },
    [
      ['deleted_by', 'asc'],
      ['id', 'desc'],
    ],
  ],
];

describe.each(ORDERS)('in the order %j', (query, keys) => {
  it.each([
    ['of all resources', ''],
    ['of those with a label', "labels.tier = 'common'"],
    ['of those that no index finds in order', "name like '%-%'"],
  ])('pages %s never overlap', async (_, search) => {
    const unsorted = (await read(`${B}/clusters`, { search, pageSize: '500' })).items;
    expect(unsorted.length).toBeGreaterThan(210);
    const expected = [...unsorted].sort(byKeys(...keys)).map(({ name }) => name);
    const paged = await readAll(`${B}/clusters`, { ...query, ...(search && { search }) });
    expect(paged.map(({ name }) => name)).toEqual(expected);
  });

  it('pages of the node pools of a cluster never overlap', async () => {
    const unsorted = (await read(pools, {})).items;
    expect(unsorted.map(({ deleted_time }) => deleted_time).filter(Boolean)).toHaveLength(2);
    const expected = [...unsorted].sort(byKeys(...keys));
    expect(await readAll(pools, query, 2)).toEqual(expected);
  });
});
