import knexBuilder, { type Knex } from 'knex';
import { createGate, type Gate } from './auth/gate';
import { startPruning } from './changes/retention';
import { assertDatabase, type Config, ConfigError, hasExternalDatabase } from './config/config';
import { commandLine } from './config/package-root';
import { createContract } from './contract/contract';
import { loadDeployment, loadSpecs } from './contract/deployment';
import type { Service } from './contract/handler';
import { WrittenResources } from './contract/written';
import { type ConnectionOptions, connectionOptions } from './postgres/connection-options';
import { Database } from './postgres/database';
import { errorType } from './postgres/errors';
import { waitForDatabase } from './postgres/first-connection';
import { assertUsable, migrateUp, pendingMigrations } from './postgres/migrations';
import type { Kinds } from './kinds/kind';
import { countPending } from './repositories/counts';
import { countUndeclared, findContradictions } from './repositories/schema';
import type { Logger } from './telemetry/log';
import { Watches } from './watch/watches';
import { Metrics } from './telemetry/metrics';

/** All parts of the process, ready to serve. `close` releases them. */
export interface RunningService extends Service {
  gate: Gate;
  watches: Watches;
  close(): Promise<void>;
}

/**
 * Puts the parts together. Those without a database come first, so that errors in files show at once.
 * @throws Error for a configuration, file, database or schema that cannot be used
 */
export async function createService(config: Config, log: Logger): Promise<RunningService> {
  const deployment = await loadDeployment(config);
  const { specs, shown } = await loadSpecs(config, deployment, log);
  const { kinds, document } = deployment;
  const required = Array.from(kinds.values(), ({ name, requiredAdapters }) => [
    name,
    requiredAdapters,
  ]);
  log.info('kinds', { required_adapters: Object.fromEntries(required) as object });
  const contract = await createContract(document, shown);
  const operationIds = contract.operations.map(({ id }) => id);
  const gate = await createGate(config, log, operationIds);
  const database = await openDatabase(config, log, 'as configured');
  const { db } = database;
  await assertDeclared(db, kinds, log).catch(async (error: unknown) => {
    await database.close();
    throw error;
  });

  const written = new WrittenResources(config.cacheBytes);
  db.onOtherDatabase = () => written.clear();
  const metrics = new Metrics();
  db.observe = ({ operation, table }, seconds, error) =>
    metrics.queryDone(operation, table, seconds, error === undefined ? error : errorType(error));
  metrics.addPoolGauges(db.pool);
  metrics.addFleetGauges(() => countPending(db, config.stuckAfterSeconds));
  const parts = { config, contract, db, kinds, log, metrics, specs, written };
  const watches = new Watches(parts);
  // What a client may watch depends on the rules; those that still may, come back.
  if (gate.authorizer) gate.authorizer.onChange = () => watches.endAll();
  const stopPruning = startPruning(db, config.watchRetentionSeconds, log);
  return {
    ...parts,
    ...{ gate, watches },
    async close() {
      watches.close();
      gate.authenticator?.close();
      gate.authorizer?.close();
      stopPruning();
      await database.close();
    },
  };
}

/**
 * Holds the declarations of kinds against what is stored.
 * @throws ConfigError that lists every contradiction
 */
export async function assertDeclared(db: Database, kinds: Kinds, log: Logger): Promise<void> {
  const contradictions = await findContradictions(db, kinds);
  if (contradictions.length > 0) throw new ConfigError(contradictions);
  for (const { kind, total } of await countUndeclared(db, kinds)) {
    log.warn('the database has resources of a kind that is not declared; they are not served', {
      kind,
      resources: total,
    });
  }
}

/** A connected database. `close` releases it. */
export interface OpenDatabase {
  db: Database;
  close: () => Promise<void>;
}

const EMBEDDED_DIRECTORY = '.data';

/**
 * Connects to the configured PostgreSQL, or starts the embedded one, and migrates or checks its schema.
 * @throws Error when it cannot be reached or used, or its schema is older than the code
 */
export async function openDatabase(
  config: Config,
  log: Logger,
  migrate: 'always' | 'as configured',
): Promise<OpenDatabase> {
  assertDatabase(config);
  const embedded = hasExternalDatabase(config) ? undefined : await startEmbedded(log);
  try {
    const wanted = connectionOptions(embedded ? { ...config, databaseUrl: embedded.url } : config);
    for (const warning of wanted.warnings) log.warn(warning);
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

async function startEmbedded(log: Logger) {
  // Loaded only where it is used: the container image has no embedded PostgreSQL.
  const embedded = await import('./embedded/embedded-postgres.js');
  return embedded.startEmbedded({
    directory: EMBEDDED_DIRECTORY,
    onProgress: (message) => log.info(message),
  });
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
    await assertUsable(knex);
    const pending = await pendingMigrations(knex);
    if (pending.length === 0) return;
    if (!migrate) {
      throw new Error(
        `The database schema is outdated; missing: ${pending.join(', ')}. Run '${commandLine('migrate')}' first, or set MIGRATE_ON_START=true.`,
      );
    }
    for (const name of await migrateUp(knex)) log.info('migrated', { migration: name });
  } finally {
    await knex.destroy();
  }
}
