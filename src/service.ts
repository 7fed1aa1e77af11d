import knexBuilder, { type Knex } from 'knex';
import { type Config, hasExternalDatabase } from './config/config';
import { Database } from './postgres/database';
import { type ConnectionOptions, connectionOptions } from './postgres/connection-options';
import { startEmbedded } from './embedded/embedded-postgres';
import { waitForDatabase } from './postgres/first-connection';
import { migrateUp, pendingMigrations } from './postgres/migrations';
import type { Logger } from './telemetry/log';

/** A database that can be used, and how to let go of it. */
export interface OpenDatabase {
  db: Database;
  close: () => Promise<void>;
}

const EMBEDDED_DIRECTORY = '.data';

/**
 * Connects to the configured PostgreSQL, or starts the embedded one, and sees to its schema.
 * @throws Error when it cannot be reached, or its schema is older than the code
 */
export async function openDatabase(
  config: Config,
  log: Logger,
  migrate: 'always' | 'as configured',
): Promise<OpenDatabase> {
  const embedded = hasExternalDatabase(config)
    ? undefined
    : await startEmbedded({
        directory: EMBEDDED_DIRECTORY,
        onProgress: (message) => log.info(message),
      });
  try {
    const wanted = connectionOptions(embedded ? { ...config, databaseUrl: embedded.url } : config);
    log.info('database', { database: wanted.description, embedded: embedded !== undefined });
    const options = await waitForDatabase(wanted, config.databaseConnectRetries, log);
    const automatic = config.migrateOnStart ?? embedded !== undefined;
    await prepareSchema(options, migrate === 'always' || automatic, log);
    const db = new Database(options, {
      poolMax: config.databasePoolMax,
      poolTimeoutMs: config.databasePoolTimeoutMs,
      statementTimeoutMs: config.databaseStatementTimeoutMs,
      preparedStatements: config.databasePreparedStatements,
    });
    return {
      db,
      async close() {
        await db.close();
        await embedded?.stop();
      },
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}

async function prepareSchema(
  options: ConnectionOptions,
  migrate: boolean,
  log: Logger,
): Promise<void> {
  const knex = knexBuilder({
    client: 'pg',
    connection: options.client as Knex.PgConnectionConfig,
    pool: { min: 0, max: 1 },
  });
  try {
    const pending = await pendingMigrations(knex);
    if (pending.length === 0) return;
    if (!migrate) {
      throw new Error(
        `The database schema lacks ${pending.join(', ')}. Run 'npm run migrate' (or 'hyperfleet-api migrate') first, or set MIGRATE_ON_START=true.`,
      );
    }
    for (const name of await migrateUp(knex)) log.info('migrated', { migration: name });
  } finally {
    await knex.destroy();
  }
}
