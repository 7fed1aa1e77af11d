import type { Database } from '../postgres/database';
import { isSchemaMissing } from '../postgres/errors';
import { knownMigrations, MIGRATIONS_TABLE } from '../postgres/migrations';
import { statement } from '../postgres/statement';

interface Schema {
  applied: string[];
  missing_tables: string[];
}

const TABLES = [
  'resources',
  'resource_status',
  'resource_labels',
  'resource_references',
  'adapter_statuses',
  'resource_counts',
];

const CHECK_SCHEMA = statement<Schema, { tables: string[] }>(
  { name: 'check_schema', operation: 'select', table: '' },
  // Looks the tables up without locking them: it must not wait for a migration that changes one.
  `
    SELECT ARRAY(SELECT name::text FROM ${MIGRATIONS_TABLE}) AS applied,
      ARRAY(SELECT name FROM unnest(:tables::text[]) name WHERE to_regclass(name) IS NULL) AS missing_tables`,
);

/**
 * @returns why the schema cannot be used, if so; one that is newer than the code can
 * @throws Error when the database does not respond
 */
export async function findSchemaProblem(db: Database): Promise<string | undefined> {
  try {
    const [schema] = await db.read(CHECK_SCHEMA, { tables: TABLES });
    const { applied, missing_tables } = schema!;
    const missing = [
      ...knownMigrations().filter((name) => !applied.includes(name)),
      ...missing_tables,
    ];
    return missing.length === 0
      ? undefined
      : `the database schema is outdated; missing: ${missing.join(', ')}`;
  } catch (error) {
    if (isSchemaMissing(error)) return 'the database schema is missing or cannot be read';
    throw error;
  }
}
