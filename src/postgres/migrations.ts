import fs from 'node:fs';
import path from 'node:path';
import type { Knex } from 'knex';

// Any number will do, as long as nothing else in the same database locks it.
const MIGRATION_LOCK = 4_953_461_972;

/** Brings the schema up to date. @returns the names of the migrations that were run */
export function migrateUp(knex: Knex): Promise<string[]> {
  return alone(knex, async (trx) => {
    const [, names] = (await trx.migrate.latest(migrations())) as [number, string[]];
    return names;
  });
}

/** Takes every migration back, and all data with it. */
export function migrateDown(knex: Knex): Promise<string[]> {
  return alone(knex, async (trx) => {
    const [, names] = (await trx.migrate.rollback(migrations(), true)) as [number, string[]];
    return names;
  });
}

/**
 * The migrations this code needs and the database lacks. It only reads, and migrations that the code
 * does not know are fine: during a rolling update the database is ahead of the older processes.
 * @throws Error for a schema from before the first release, which no migration leads on from
 */
export async function pendingMigrations(knex: Knex): Promise<string[]> {
  const { directory, tableName } = migrations();
  const known = fs.readdirSync(directory).filter((name) => name.endsWith('.js'));
  const { rows } = await knex.raw<{ rows: { found: boolean }[] }>(
    'SELECT to_regclass(?) IS NOT NULL AS found',
    [tableName],
  );
  const applied = new Set<string>();
  if (rows[0]?.found === true) {
    for (const { name } of await knex(tableName).select<{ name: string }[]>('name')) {
      applied.add(name);
    }
  }
  const [first, ...others] = known.sort();
  if (applied.size > 0 && !applied.has(first!)) {
    throw new Error(
      'The database holds the schema of an unreleased version, which cannot be upgraded: ' +
        'drop the database and create it again (for the embedded database, remove the directory .data).',
    );
  }
  return [first!, ...others].filter((name) => !applied.has(name));
}

/**
 * All in one transaction behind a lock that ends with it: whoever comes second waits and finds nothing
 * left to do, and a crash leaves neither half a schema nor a lock (Knex's own, a flag in a table, is
 * rolled back too). Session locks would not hold behind a pooler that shares sessions.
 */
function alone<T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return knex.transaction(async (trx) => {
    await trx.raw('SELECT pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
    return work(trx);
  });
}

function migrations() {
  return {
    directory: migrationsDirectory(),
    tableName: 'knex_migrations',
    loadExtensions: ['.js'],
    // Knex refuses a database that is ahead of the code; see pendingMigrations.
    disableMigrationsListValidation: true,
  };
}

/** The code runs from `src/` in tests and from `dist/src/` otherwise. */
function migrationsDirectory(): string {
  for (let directory = __dirname; ; directory = path.dirname(directory)) {
    const candidate = path.join(directory, 'migrations');
    if (fs.existsSync(candidate)) return candidate;
    if (directory === path.dirname(directory)) {
      throw new Error(`There is no migrations directory above ${__dirname}.`);
    }
  }
}
