import fs from 'node:fs';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { packageRoot } from '../config/package-root';

// Any number works, as long as nothing else in the same database locks it.
const MIGRATION_LOCK = 4_953_461_972;
const DIRECTORY = join(packageRoot, 'migrations');
/** Where Knex records what it has applied. */
export const MIGRATIONS_TABLE = 'knex_migrations';

/** Brings the schema up to date. @returns the names of the applied migrations */
export function migrateUp(knex: Knex): Promise<string[]> {
  return alone(knex, async (trx) => {
    const [, names] = (await trx.migrate.latest(migrations())) as [number, string[]];
    return names;
  });
}

/** Reverts all migrations, which deletes all data. */
export function migrateDown(knex: Knex): Promise<string[]> {
  return alone(knex, async (trx) => {
    const [, names] = (await trx.migrate.rollback(migrations(), true)) as [number, string[]];
    return names;
  });
}

/**
 * The migrations that the database still needs; only reads. Applied migrations that this code does not
 * know are accepted: during a rolling update the database is ahead of the older processes.
 * @throws Error for the schema of an unreleased version, which cannot be upgraded
 */
export async function pendingMigrations(knex: Knex): Promise<string[]> {
  const { rows } = await knex.raw<{ rows: { found: boolean }[] }>(
    'SELECT to_regclass(?) IS NOT NULL AS found',
    [MIGRATIONS_TABLE],
  );
  const applied = new Set<string>();
  if (rows[0]?.found === true) {
    for (const { name } of await knex(MIGRATIONS_TABLE).select<{ name: string }[]>('name')) {
      applied.add(name);
    }
  }
  const [first, ...others] = knownMigrations();
  if (applied.size > 0 && !applied.has(first!)) {
    throw new Error(
      'The database has the schema of an unreleased version, which cannot be upgraded: ' +
        'drop the database and create it again (for the embedded database, remove the directory .data).',
    );
  }
  return [first!, ...others].filter((name) => !applied.has(name));
}

let known: string[] | undefined;

/** The names of all migrations of this code, oldest first. */
export function knownMigrations(): readonly string[] {
  known ??= fs
    .readdirSync(DIRECTORY)
    .filter((name) => name.endsWith('.js'))
    .sort();
  return known;
}

/**
 * Runs everything in one transaction, under a lock that ends with it. A second process waits and then finds
 * nothing left to do; a crash leaves neither half a schema nor a lock (Knex's own lock, a flag in a table, is
 * rolled back too). A session lock would not work behind a pooler that shares sessions.
 */
function alone<T>(knex: Knex, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return knex.transaction(
    async (trx) => {
      await trx.raw('SELECT pg_advisory_xact_lock(?)', [MIGRATION_LOCK]);
      return work(trx);
    },
    // A stricter default of the database would not show what was committed while this waited for the lock.
    { isolationLevel: 'read committed' },
  );
}

function migrations() {
  return {
    directory: DIRECTORY,
    tableName: MIGRATIONS_TABLE,
    loadExtensions: ['.js'],
    // Knex refuses a database that is ahead of the code; see pendingMigrations.
    disableMigrationsListValidation: true,
  };
}

const OLDEST_SUPPORTED = 13;

interface Found {
  encoding: string;
  version: string;
  version_num: string;
}

/** @throws Error for a PostgreSQL that is too old, or an encoding that cannot store every text */
export async function assertUsable(knex: Knex): Promise<void> {
  const { rows } = await knex.raw<{ rows: [Found] }>(`
    SELECT current_setting('server_encoding') AS encoding,
      current_setting('server_version') AS version, current_setting('server_version_num') AS version_num`);
  const [{ encoding, version, version_num }] = rows;
  if (Number(version_num) < OLDEST_SUPPORTED * 10_000) {
    throw new Error(
      `The database server is PostgreSQL ${version}. PostgreSQL ${OLDEST_SUPPORTED} or newer is required.`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new Error(
      `The database has the encoding ${encoding}. It must be UTF8: create a database with ENCODING 'UTF8' TEMPLATE template0.`,
    );
  }
}
