import fc from 'fast-check';
import pg from 'pg';
import { compile, fill, sql } from '../../src/postgres/statement';
import { matches, searchValues } from '../../src/lists/list-sql';
import { type Listing, REPORT_LISTING, resourceListing } from '../../src/search/fields';
import { parseSearch, type SearchTree } from '../../src/search/parse';
import { planSearch } from '../../src/search/plan';
import { idColumn } from '../../src/search/predicate';
import { SearchError } from '../../src/search/search-error';
import { createTestDatabase, knexOf, type TestDatabase } from '../support/database';
import { CLUSTER, NODE_POOL } from '../support/kinds';
import { idOf, insertFleet, nameOf } from '../support/search-fleet';
import { EVERY_KIND, VERSION } from '../support/search-kinds';
import { EVERY_KIND_PHRASES, VERSION_PHRASES } from '../support/search-kinds-table';
import { RESOURCE_FIELDS, STATUS_FIELDS, phraseOver } from '../support/search-phrases';
import { CLUSTER_PHRASES, NODE_POOL_PHRASES, STATUS_PHRASES } from '../support/search-table';

const CLUSTERS = resourceListing([CLUSTER]);
const NODE_POOLS = resourceListing([NODE_POOL]);
const VERSIONS = resourceListing([VERSION]);
const EVERYTHING = resourceListing(EVERY_KIND);
const ALPHA = idOf('a');

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  const knex = knexOf(database.url);
  await insertFleet(knex);
  await knex.destroy();
  client = new pg.Client(database.url);
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** The rows that a search finds when the list is ordered by these fields, as the first letters of their names. */
async function rows(
  tree: SearchTree | undefined,
  fields: readonly string[],
  listing: Listing,
  parentId?: string,
): Promise<string> {
  const order = fields.map((field) => ({ field, direction: 'asc' }) as const);
  const search = planSearch(tree, { listing, parentId, order });
  const id = listing.sortable.get(listing.identity)!.sql(idColumn(search.tables[0]));
  const query = matches({ listing, search }, search.tables).select(sql.raw(`${id} AS id`));
  const statement = compile({ operation: 'select', table: '' }, query);
  const values = fill(statement, searchValues(search));
  const result = await client.query<{ id: string }>(statement.text, values);
  return result.rows
    .map((row) => nameOf(row.id))
    .sort()
    .join('');
}

async function find(phrase: string, listing: Listing, parentId?: string): Promise<string> {
  const tree = parseSearch(phrase);
  const found = await rows(tree, [], listing, parentId);
  // However many tables are read, and whether a label leads or not, the rows are the same.
  expect(await rows(tree, [listing.defaultOrder.field], listing, parentId)).toBe(found);
  if (tree !== undefined) {
    const impossible = parseSearch(`${listing.identity} = ''`)!;
    const either: SearchTree = { type: 'or', operands: [tree, impossible], position: 1 };
    expect(await rows(either, [], listing, parentId)).toBe(found);
  }
  return found;
}

describe('searching clusters', () => {
  test.each(CLUSTER_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, CLUSTERS)).toBe(expected);
  });
});

describe('searching node pools', () => {
  test.each(NODE_POOL_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, NODE_POOLS)).toBe(expected);
  });

  test.each(NODE_POOL_PHRASES)('of one cluster only: %s', async (phrase, expected) => {
    const ofAlpha = expected.replaceAll(/[^vw]/g, '');
    expect(await find(phrase, NODE_POOLS, ALPHA)).toBe(ofAlpha);
  });
});

describe('searching versions, which refer to others', () => {
  test.each(VERSION_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, VERSIONS)).toBe(expected);
  });

  test.each(VERSION_PHRASES)('of one channel only: %s', async (phrase, expected) => {
    expect(await find(phrase, VERSIONS, idOf('f'))).toBe(expected.replace('r', ''));
  });
});

describe('searching every kind', () => {
  test.each(EVERY_KIND_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, EVERYTHING)).toBe(expected);
  });
});

describe('searching the reports about one resource', () => {
  test.each(STATUS_PHRASES)('%s', async (phrase, expected) => {
    expect(await find(phrase, REPORT_LISTING, ALPHA)).toBe(expected);
  });
});

describe('whatever the phrase', () => {
  test.each([
    ['clusters', CLUSTERS, undefined, RESOURCE_FIELDS, 'abcde'],
    ['node pools', NODE_POOLS, undefined, RESOURCE_FIELDS, 'vwxy'],
    ['versions', VERSIONS, undefined, RESOURCE_FIELDS, 'pqr'],
    ['resources of every kind', EVERYTHING, undefined, RESOURCE_FIELDS, 'abcdefgmnpqrvwxy'],
    ['reports', REPORT_LISTING, ALPHA, STATUS_FIELDS, 'dhv'],
  ] as const)(
    'it never fails in the database, and splits the %s in two with its complement',
    async (_title, listing, parentId, fields, all) => {
      let accepted = 0;
      await fc.assert(
        fc.asyncProperty(phraseOver(fields), async (phrase) => {
          let found: string;
          try {
            found = await find(phrase, listing, parentId);
          } catch (error) {
            if (error instanceof SearchError) return;
            throw error;
          }
          accepted++;
          const others = await find(`not (${phrase})`, listing, parentId);
          expect(
            Array.from(found + others)
              .sort()
              .join(''),
          ).toBe(all);
        }),
        { numRuns: 800 },
      );
      expect(accepted).toBeGreaterThan(100);
    },
  );

  test.each([
    ['a long list', `spec.a in (${Array(500).fill("'1'").join(',')})`, ''],
    ['a long list of labels', `labels.env in (${Array(500).fill("'x'").join(',')})`, ''],
    ['many alternatives', Array(100).fill('spec.a = 1').join(' or '), ''],
    ['many labels at once', Array(100).fill("labels.env='prod'").join(' and '), 'ab'],
    ['a deep path', `spec.${Array(7000).fill('a').join('.')} = 1`, ''],
    ['a deep path in order', `spec.${Array(7000).fill('a').join('.')} < 1`, ''],
    ['a deep path in text', `spec.${Array(7000).fill('a').join('.')} like '%'`, ''],
    ['a long pattern', `name like '${'%a'.repeat(7000)}'`, ''],
    ['a long number', `generation < 1${'0'.repeat(300)}`, 'abcde'],
    ['a long key', `labels.${'k'.repeat(15_000)} is null`, 'abcde'],
    ['50 levels', `${'not ('.repeat(25)}name='alpha'${')'.repeat(25)}`, 'bcde'],
  ])('%s is found before a statement times out', async (_title, phrase, expected) => {
    const start = performance.now();
    expect(await find(phrase, CLUSTERS)).toBe(expected);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
