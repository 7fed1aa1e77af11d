import { loadConfig } from '../../src/config/config';
import type { Operation } from '../../src/contract/document';
import { listOptions } from '../../src/handlers/list-options';
import { hrefOf, type Kind } from '../../src/kinds/kind';
import { connectionOptions } from '../../src/postgres/connection-options';
import { Database } from '../../src/postgres/database';
import { listResources } from '../../src/lists/lists';
import type { ResourceRow } from '../../src/repositories/rows';
import { resourceListing } from '../../src/search/fields';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { CHANNEL, EVERY_KIND, VERSION } from '../support/search-kinds';

/* Lists of several kinds, of which two refer to resources of a third; a fourth is no longer declared. */

/** The last pages begin so late that they are read from the other end. */
const SIZE = 400;
const PAGE_SIZE = 35;
const operation = { defaultPageSize: PAGE_SIZE } as Operation;

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.directUrl, async (client) => {
    await client.query(
      `INSERT INTO resources (id, kind, owner_id, name, spec, labels, generation,
         created_time, created_by, updated_time, updated_by)
       SELECT '2' || lpad(n::text, 26, '0'), kind,
         CASE kind WHEN 'Version' THEN '2' || lpad((n - 1)::text, 26, '0') END,
         'name-' || n, '{}', '{}', 1 + n % 3,
         '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 ms', 'a', '2026-01-01T00:00:00Z', 'a'
       FROM (SELECT n, (ARRAY['Channel', 'Version', 'WifConfig', 'Ghost'])[1 + n % 4] AS kind
             FROM generate_series(0, $1 - 1) n) numbered`,
      [SIZE],
    );
    await client.query(
      `INSERT INTO resource_status (resource_id, kind, version, conditions, ready, available,
         ready_last_updated_time, phase, last_transition_time, observed_generation, last_updated_time)
       SELECT id, kind, 1, '[]', generation = 1, false, created_time, 'NotReady', created_time, 1, created_time
       FROM resources`,
    );
    // Every second channel and version refers to the first WIF configuration, the others to the second.
    await client.query(
      `INSERT INTO resource_references (referrer_id, ref_type, target_id)
       SELECT id, 'wif_config', '2' || lpad(right(id, 3)::int / 4 % 2 * 4 + 2 || '', 26, '0')
       FROM resources WHERE kind IN ('Channel', 'Version')`,
    );
  });
  db = new Database(connectionOptions(loadConfig({ DATABASE_URL: database.url })), {
    ...{ poolMax: 2, poolTimeoutMs: 5000, statementTimeoutMs: 5000 },
    preparedStatements: process.env.DATABASE_PREPARED_STATEMENTS !== 'false',
  });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

function list(query: Record<string, string | number>, kinds = EVERY_KIND, ownerId?: string) {
  const options = listOptions({ operation, query }, resourceListing(kinds));
  return listResources(db, { kinds, ownerId }, options, new AbortController().signal);
}

async function listAll(query: Record<string, string>): Promise<ResourceRow[]> {
  const all: ResourceRow[] = [];
  for (let page = 1; ; page++) {
    const { rows, total } = await list({ ...query, page });
    all.push(...rows);
    if (page * PAGE_SIZE >= total) return all;
  }
}

const idOf = (n: number) => `2${String(n).padStart(26, '0')}`;
const kindOf = (row: ResourceRow): Kind => EVERY_KIND.find(({ name }) => name === row.kind)!;

/** The property of each row that its place in the order depends on; absent values come last. */
const KEYS: Record<string, (row: ResourceRow) => string> = {
  id: ({ id }) => id,
  kind: ({ kind }) => kind,
  href: (row) => hrefOf(kindOf(row), row.id),
  owner_id: (row) => row.owner_id ?? '~',
};

describe('a list of several kinds', () => {
  it('shows resources of these kinds, newest first, and counts them', async () => {
    const { rows, total } = await list({});
    expect(total).toBe(300);
    expect(rows.slice(0, 4).map(({ id, kind, owner_id }) => [id, kind, owner_id])).toEqual([
      [idOf(398), 'WifConfig', null],
      [idOf(397), 'Version', idOf(396)],
      [idOf(396), 'Channel', null],
      [idOf(394), 'WifConfig', null],
    ]);
    expect(await list({}, [CHANNEL, VERSION])).toMatchObject({ total: 200 });
    expect(await list({}, [VERSION])).toMatchObject({ total: 100 });
    expect(await list({ search: "status.conditions.Ready = 'True'" })).toMatchObject({
      total: 100,
    });
  });

  it.each([
    ['', ['id desc']],
    ['created_time', ['id']],
    ['id', ['id']],
    ['kind', ['kind', 'id']],
    ['kind desc', ['kind desc', 'id desc']],
    ['kind,id desc', ['kind', 'id desc']],
    ['href', ['href']],
    ['href desc', ['href desc']],
    ['owner_id', ['owner_id', 'id']],
  ])('is ordered by %s; pages never overlap', async (orderBy, keys) => {
    for (const search of ['', "name like '%-%'"]) {
      const found = await listAll({ ...(orderBy && { orderBy }), search });
      expect(found).toHaveLength(300);
      const expected = [...found].sort((left, right) => {
        for (const key of keys) {
          const [name, direction] = key.split(' ');
          const [a, b] = [KEYS[name!]!(left), KEYS[name!]!(right)];
          if (a !== b) return a < b === (direction === undefined) ? -1 : 1;
        }
        return 0;
      });
      expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    }
  });
});

describe('a list by reference', () => {
  const reference = { ref_type: 'wif_config', ref_target_id: idOf(2) };

  it('shows what refers to the target, whatever its kind', async () => {
    const { rows, total } = await list(reference);
    expect(total).toBe(100);
    expect(rows.slice(0, 3).map(({ id }) => id)).toEqual([idOf(393), idOf(392), idOf(385)]);
    expect(await list(reference, [VERSION])).toMatchObject({ total: 50 });
    expect(await list({ ...reference, ref_target_id: '\0' })).toMatchObject({ rows: [], total: 0 });
  });

  it('can be searched, and be that of one parent', async () => {
    const searched = await list({ ...reference, search: "kind = 'Channel' or name = 'name-9'" });
    expect(searched.total).toBe(51);
    expect(await list(reference, [VERSION], idOf(8))).toMatchObject({ total: 1 });
    expect(await list(reference, [VERSION], idOf(4))).toMatchObject({ total: 0 });
    await expect(list(reference, [VERSION], idOf(2))).rejects.toMatchObject({ code: 'NTF-001' });
  });
});
