import pg from 'pg';
import { Batches } from './batches';
import type { ConnectionOptions } from './connection-options';
import { ConnectionSetup } from './connection-setup';
import {
  DatabaseUnavailable,
  isConnectionLost,
  isPlanOutdated,
  isRetryable,
  isUnreachable,
} from './errors';
import { KeyedQueue } from './keyed-queue';
import { keepLargeJson } from './large-json';
import { PipelinedReaders } from './pipelined-readers';
import { sendCancellable } from './send-query';
import { fill, type Statement, type StatementLabels } from './statement';
import { beginWith, runTransaction, type Session, type Transaction } from './transaction';

/** Called after every round trip to the database. */
export type QueryObserver = (labels: StatementLabels, seconds: number, error?: unknown) => void;

export interface DatabaseSettings {
  poolMax: number;
  poolTimeoutMs: number;
  statementTimeoutMs: number;
  preparedStatements: boolean;
}

const TRANSACTION_TRIES = 4;

/**
 * The access to PostgreSQL: `read` for short reads on shared pipelined connections, `query` for any other single
 * statement, `transaction` for several that belong together.
 * Every method rejects with `DatabaseUnavailable` when the database does not respond in time.
 */
export class Database implements Session {
  observe: QueryObserver = () => undefined;
  /** Called when a connection leads to another server or database than the one before, for example after a restore. */
  onOtherDatabase: () => void = () => undefined;
  readonly pool: pg.Pool;
  /** Where writes to the same resource queue. */
  readonly queue: KeyedQueue;
  /** Where writes to different resources are batched. */
  readonly batches = new Batches();
  private readonly begin: Statement<never>;
  private readonly readers: PipelinedReaders | undefined;
  private readonly largeTypes: pg.CustomTypesConfig;
  private planEpoch = 0;
  private readonly setup = new ConnectionSetup(() => this.onOtherDatabase());
  /** Each cancels a statement that is running on a pooled connection. */
  private readonly running = new Set<() => void>();

  constructor(
    readonly options: ConnectionOptions,
    private readonly settings: DatabaseSettings,
  ) {
    this.queue = new KeyedQueue(settings.statementTimeoutMs);
    this.begin = beginWith(settings.statementTimeoutMs);
    this.largeTypes = keepLargeJson(options.client.types ?? pg.types);
    this.pool = new pg.Pool({
      ...options.client,
      max: settings.poolMax,
      connectionTimeoutMillis: settings.poolTimeoutMs,
      idleTimeoutMillis: 30_000,
      // Lets a transaction send statements together that do not depend on one another's results.
      pipeline: true,
    });
    // Without these listeners, a broken connection would end the process. The pool replaces idle connections by
    // itself; on a busy one, the statement fails.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => {
      client.on('error', () => undefined);
      void this.setup.prepare(client);
    });
    // Prepared statements are turned off for an old PgBouncer, which does not support pipelining either.
    if (settings.preparedStatements) {
      this.readers = new PipelinedReaders(options.client, settings.statementTimeoutMs, (client) =>
        this.setup.prepare(client),
      );
    }
  }

  /** For reads that are always short. Retried once when the connection breaks: reading twice does no harm. */
  async read<Row, Values extends object>(
    statement: Statement<Row, Values>,
    values: Values,
  ): Promise<Row[]> {
    return this.orInTransaction(statement, values, () => this.readOnce(statement, values));
  }

  private async readOnce<Row, Values extends object>(
    statement: Statement<Row, Values>,
    values: Values,
  ): Promise<Row[]> {
    const { readers } = this;
    if (readers === undefined) {
      return this.queryOnce(statement, values).catch((error: unknown) => {
        if (!isUnreachable(error)) throw error;
        return this.queryOnce(statement, values);
      });
    }
    return this.timed(statement, () => readers.query<Row>(this.prepare(statement, values)));
  }

  /** One statement on a pooled connection; `signal` cancels it in the database as well. */
  async query<Row, Values extends object>(
    statement: Statement<Row, Values>,
    values: Values,
    signal?: AbortSignal,
  ): Promise<Row[]> {
    return this.orInTransaction(statement, values, () => this.queryOnce(statement, values, signal));
  }

  /**
   * A single statement has the isolation level that the database or role defaults to. If it fails because that is
   * stricter than ours, or after a deadlock, it is repeated in a transaction, which has our own.
   */
  private async orInTransaction<Row, Values extends object>(
    statement: Statement<Row, Values>,
    values: Values,
    run: () => Promise<Row[]>,
  ): Promise<Row[]> {
    try {
      return await this.withFreshPlan(run);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return this.transaction((trx) => trx.queryAndCommit(statement, values));
    }
  }

  private async queryOnce<Row, Values extends object>(
    statement: Statement<Row, Values>,
    values: Values,
    signal?: AbortSignal,
  ): Promise<Row[]> {
    const client = await this.acquire();
    try {
      const rows = await this.run(client, statement, values, signal);
      client.release();
      return rows;
    } catch (error) {
      client.release(isConnectionLost(error));
      throw error;
    }
  }

  /**
   * Runs `work` in one transaction, and repeats it after a deadlock or a serialization failure: `work` must have
   * no effect outside the database.
   */
  async transaction<T>(work: (trx: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.withFreshPlan(() => this.tryTransaction(work));
      } catch (error) {
        if (!isRetryable(error) || attempt === TRANSACTION_TRIES) throw error;
      }
    }
  }

  private async tryTransaction<T>(work: (trx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.acquire();
    const connection = {
      send: <Row, Values extends object>(statement: Statement<Row, Values>, values: Values) =>
        this.run(client, statement, values),
      broken: false,
    };
    try {
      return await runTransaction(connection, this.begin, work);
    } finally {
      client.release(connection.broken);
    }
  }

  /** Cancels what is still running: the caller has waited long enough. */
  async close(): Promise<void> {
    for (const cancel of this.running) cancel();
    await Promise.all([this.pool.end(), this.readers?.close()]);
  }

  private async acquire(): Promise<pg.PoolClient> {
    try {
      return await this.pool.connect();
    } catch (error) {
      const full = this.pool.totalCount >= this.settings.poolMax;
      throw new DatabaseUnavailable(full ? 'pool_timeout' : 'connect', error);
    }
  }

  /**
   * PostgreSQL refuses a prepared statement, before it has any effect, if a migration has changed its columns. From
   * then on all statements have new names, so that every connection prepares them again.
   */
  private async withFreshPlan<T>(work: () => Promise<T>): Promise<T> {
    const epoch = this.planEpoch;
    try {
      return await work();
    } catch (error) {
      if (!isPlanOutdated(error)) throw error;
      this.planEpoch = epoch + 1;
      return work();
    }
  }

  private prepare<Values extends object>(
    statement: Statement<unknown, Values>,
    values: Values,
  ): pg.QueryConfig {
    const { name, text, keepsLargeJson } = statement;
    const named = this.settings.preparedStatements && name !== undefined;
    return {
      ...(named && { name: this.planEpoch === 0 ? name : `${name}_${this.planEpoch}` }),
      text,
      values: fill(statement, values),
      ...(keepsLargeJson && { types: this.largeTypes }),
    };
  }

  private run<Row, Values extends object>(
    client: pg.PoolClient,
    statement: Statement<Row, Values>,
    values: Values,
    signal?: AbortSignal,
  ): Promise<Row[]> {
    const plain = statement.bindings.length === 0;
    const query = plain ? statement.text : this.prepare(statement, values);
    const { statementTimeoutMs: timeoutMs } = this.settings;
    const options = { timeoutMs, signal, running: this.running, target: this.options.client };
    return this.timed(statement, () => sendCancellable<Row>(client, query, options));
  }

  private async timed<Row>(labels: StatementLabels, run: () => Promise<Row[]>): Promise<Row[]> {
    const start = performance.now();
    try {
      const rows = await run();
      this.observe(labels, (performance.now() - start) / 1000);
      return rows;
    } catch (error) {
      this.observe(labels, (performance.now() - start) / 1000, error);
      throw error;
    }
  }
}
