import fc from 'fast-check';
import type { Knex } from 'knex';
import type { Listed } from '../../src/search/fields';
import { SearchError, parseSearch } from '../../src/search/parse';
import type { Alias } from '../../src/search/predicate';
import { type CompiledSearch, compileSearch, resolveSearch } from '../../src/search/where';
import { createTestDatabase, knexOf, type TestDatabase } from '../support/database';
import { insertFleet, nameOf } from '../support/search-fleet';
import { RESOURCE_FIELDS, STATUS_FIELDS, phraseOver } from '../support/search-phrases';
import { CLUSTER_PHRASES, NODE_POOL_PHRASES, STATUS_PHRASES } from '../support/search-table';

let database: TestDatabase;
let knex: Knex;

beforeAll(async () => {
  database = await createTestDatabase();
  knex = knexOf(database.url);
  await insertFleet(knex);
});

afterAll(async () => {
  await knex.destroy();
  await database.drop();
});

/** The rows a search finds in `from`, as the first letters of their names. */
async function rows(search: CompiledSearch, from: [Alias, ...Alias[]]): Promise<string> {
  const [table, id] = {
    r: ['resources', 'r.id'],
    s: ['resource_status', 's.resource_id'],
    l: ['resource_labels', 'l.resource_id'],
    a: ['adapter_statuses', 'a.adapter'],
  }[from[0]] as [string, string];
  const query = knex({ [from[0]]: table });
  for (const other of from.slice(1)) {
    if (other === 'r') void query.join({ r: 'resources' }, 'r.id', id);
    if (other === 's') void query.join({ s: 'resource_status' }, 's.resource_id', id);
  }
  search.where(query, from);
  const found = await query.orderBy(id).pluck<string[]>(id);
  return found.map(nameOf).join('');
}

async function find(phrase: string, kind: Listed, parentId?: string): Promise<string> {
  const search = compileSearch(resolveSearch(parseSearch(phrase), kind), {
    kind,
    ...(parentId !== undefined && { parentId }),
  });
  if (kind === 'AdapterStatus') return rows(search, ['a']);

  const found = await rows(search, ['r', 's']);
  // Every narrower query that the search allows must find the same rows.
  for (const alias of ['r', 's'] as const) {
    if ([...search.tables].every((table) => table === alias)) {
      expect(await rows(search, [alias])).toBe(found);
    }
  }
  if (search.startsFromLabel) {
    expect(await rows(search, ['l', ...search.tables])).toBe(found);
  }
  return found;
}

describe('searching clusters', () => {
  test.each(CLUSTER_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, 'Cluster')).toBe(expected);
  });
});

describe('searching node pools', () => {
  test.each(NODE_POOL_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, 'NodePool')).toBe(expected);
  });

  test.each(NODE_POOL_PHRASES)('of one cluster only: %s', async (phrase, expected) => {
    const ofAlpha = expected.replaceAll(/[^vw]/g, '');
    expect(await find(phrase, 'NodePool', '20000000000000000000000000a')).toBe(ofAlpha);
  });
});

describe('searching the statuses of one resource', () => {
  test.each(STATUS_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, 'AdapterStatus', '20000000000000000000000000a')).toBe(expected);
  });
});

describe('whatever the phrase', () => {
  const ALL: Record<Listed, string> = { Cluster: 'abcde', NodePool: 'vwxy', AdapterStatus: 'dhv' };

  test.each(Object.keys(ALL) as Listed[])(
    'it never fails in the database, and splits the rows of %s in two with its complement',
    async (kind) => {
      const parent = kind === 'AdapterStatus' ? '20000000000000000000000000a' : undefined;
      const fields = kind === 'AdapterStatus' ? STATUS_FIELDS : RESOURCE_FIELDS;
      let accepted = 0;
      await fc.assert(
        fc.asyncProperty(phraseOver(fields), async (phrase) => {
          let found: string;
          try {
            found = await find(phrase, kind, parent);
          } catch (error) {
            if (error instanceof SearchError) return;
            throw error;
          }
          accepted++;
          const others = await find(`not (${phrase})`, kind, parent);
          expect(
            Array.from(found + others)
              .sort()
              .join(''),
          ).toBe(ALL[kind]);
        }),
        { numRuns: 800 },
      );
      expect(accepted).toBeGreaterThan(100);
    },
  );

  test.each([
    ['a long list', `spec.a in (${Array(800).fill("'1'").join(',')})`, ''],
    ['a long list of labels', `labels.env in (${Array(900).fill("'x'").join(',')})`, ''],
    ['many alternatives', Array(290).fill('spec.a = 1').join(' or '), ''],
    ['many labels at once', Array(170).fill("labels.env='prod'").join(' and '), 'ab'],
    ['a deep path', `spec.${Array(2000).fill('a').join('.')} = 1`, ''],
    ['a deep path in order', `spec.${Array(2000).fill('a').join('.')} < 1`, ''],
    ['a deep path in text', `spec.${Array(2000).fill('a').join('.')} like '%'`, ''],
    ['a long pattern', `name like '${'%a'.repeat(2000)}'`, ''],
    ['a long number', `generation < 1${'0'.repeat(300)}`, 'abcde'],
    ['a long key', `labels.${'k'.repeat(4000)} is null`, 'abcde'],
    ['50 levels', `${'not ('.repeat(25)}name='alpha'${')'.repeat(25)}`, 'bcde'],
  ])('%s is answered before a statement times out', async (_title, phrase, expected) => {
    const start = performance.now();
    expect(await find(phrase, 'Cluster')).toBe(expected);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
