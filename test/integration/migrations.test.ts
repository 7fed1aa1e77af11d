import type { Knex } from 'knex';
import { migrateDown, migrateUp, pendingMigrations } from '../../src/postgres/migrations';
import { terminateWaiting } from '../support/backends';
import { createEmptyDatabase, knexOf, withClient, type TestDatabase } from '../support/database';

const MIGRATION = '20261126170000_create_tables.js';

let database: TestDatabase;
let knex: Knex;

beforeEach(async () => {
  database = await createEmptyDatabase();
  knex = knexOf(database.url);
});

afterEach(async () => {
  await knex.destroy();
  await database.drop();
});

/** Everything that makes up the schema, Knex's bookkeeping aside. */
async function schema(): Promise<string[]> {
  const { rows } = await knex.raw<{ rows: { part: string }[] }>(`
    WITH tables AS (
      SELECT oid, relname, reloptions FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'knex%'
    )
    SELECT concat_ws(' ', 'table', relname, reloptions) AS part FROM tables
    UNION ALL
    SELECT concat_ws(' ', relname, attname, format_type(atttypid, atttypmod), collname,
                     CASE WHEN attnotnull THEN 'not null' END, pg_get_expr(adbin, adrelid))
      FROM pg_attribute JOIN tables ON tables.oid = attrelid
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      LEFT JOIN pg_collation ON pg_collation.oid = attcollation
      WHERE attnum > 0 AND NOT attisdropped
    UNION ALL SELECT concat_ws(' ', relname, conname, pg_get_constraintdef(pg_constraint.oid))
      FROM pg_constraint JOIN tables ON tables.oid = conrelid
    UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN tables ON tables.oid = indrelid
    UNION ALL SELECT pg_get_triggerdef(pg_trigger.oid)
      FROM pg_trigger JOIN tables ON tables.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ORDER BY 1`);
  return rows.map(({ part }) => part);
}

test('down takes back everything that up made, and up makes the same again', async () => {
  expect(await schema()).toEqual([]);
  expect(await migrateUp(knex)).toEqual([MIGRATION]);
  const first = await schema();
  expect(first).toContain('table resources');
  expect(first.length).toBeGreaterThan(60);

  expect(await migrateDown(knex)).toEqual([MIGRATION]);
  expect(await schema()).toEqual([]);

  expect(await migrateUp(knex)).toEqual([MIGRATION]);
  expect(await schema()).toEqual(first);
});

test('a second migration run finds nothing to do and changes nothing', async () => {
  await migrateUp(knex);
  const before = await schema();
  expect(await migrateUp(knex)).toEqual([]);
  expect(await schema()).toEqual(before);
});

test('several that migrate at once all succeed, and one of them does the work', async () => {
  const others = Array.from({ length: 4 }, () => knexOf(database.url));
  try {
    const done = await Promise.all([knex, ...others].map((each) => migrateUp(each)));
    expect(done.flat()).toEqual([MIGRATION]);
    expect(await pendingMigrations(knex)).toEqual([]);
  } finally {
    await Promise.all(others.map((each) => each.destroy()));
  }
});

test('a migration that breaks off halfway leaves nothing behind, no lock either', async () => {
  await withClient(database.url, async (blocker) => {
    // An uncommitted table of the same name holds the migration up in the middle.
    await blocker.query('BEGIN');
    await blocker.query('CREATE TABLE resource_labels ()');
    const broken = expect(migrateUp(knex)).rejects.toThrow();
    await withClient(database.url, terminateWaiting);
    await broken;
    await blocker.query('ROLLBACK');
  });
  expect(await schema()).toEqual([]);
  expect(await migrateUp(knex)).toEqual([MIGRATION]);
});

test('pending migrations are told without touching the database', async () => {
  expect(await pendingMigrations(knex)).toEqual([MIGRATION]);
  const { rows } = await knex.raw<{ rows: unknown[] }>(
    `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace`,
  );
  expect(rows).toEqual([]);
});

test('a database ahead of the code is neither pending nor an error', async () => {
  await migrateUp(knex);
  await knex('knex_migrations').insert({ name: '29990101000000_of_a_newer_release.js', batch: 2 });
  expect(await pendingMigrations(knex)).toEqual([]);
  expect(await migrateUp(knex)).toEqual([]);
});

test('the schema of an unreleased version is refused, with what to do about it', async () => {
  await migrateUp(knex);
  await knex('knex_migrations').update({ name: '20261121000000_create_tables.js' });
  await expect(pendingMigrations(knex)).rejects.toThrow(
    /unreleased version, which cannot be upgraded: drop the database and create it again/,
  );
});
