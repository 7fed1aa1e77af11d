import knexBuilder from 'knex';
import pg from 'pg';
import { Batches } from './batches';
import { cancelQuery } from './cancel-query';
import type { ConnectionOptions } from './connection-options';
import {
  DatabaseUnavailable,
  errorType,
  isConnectionLost,
  isPlanOutdated,
  isRetryable,
  RequestAborted,
  sqlState,
} from './errors';
import { eventLoopTurn } from './event-loop-turn';
import { keepLargeJson } from './large-json';
import { PipelinedReaders } from './pipelined-readers';
import { sendQuery } from './send-query';
import { Turns } from './keyed-queue';

/** Builds SQL for what is put together at run time (lists and searches); it never connects. */
export const sql = knexBuilder({ client: 'pg' });

/** One SQL statement; `operation` and `table` label its metrics, `name` makes PostgreSQL keep its plan. */
export interface Statement {
  name?: string;
  operation: 'select' | 'insert' | 'update' | 'delete' | 'transaction';
  table: string;
  text: string;
  /** Large JSON objects are returned as `LargeJson`. */
  keepsLargeJson?: true;
}

export type Values = readonly unknown[];

/** Told about every round trip to the database. */
export type QueryObserver = (statement: Statement, seconds: number, error?: unknown) => void;

/** Where a repository sends its statements: the pool, or one transaction. */
export interface Session {
  query<Row>(statement: Statement, values: Values): Promise<Row[]>;
}

export interface Transaction extends Session {
  /** Sends the last statement together with COMMIT, which saves a round trip. */
  queryAndCommit<Row>(statement: Statement, values: Values): Promise<Row[]>;
}

export interface DatabaseSettings {
  poolMax: number;
  poolTimeoutMs: number;
  statementTimeoutMs: number;
  preparedStatements: boolean;
}

const BEGIN: Statement = { operation: 'transaction', table: '', text: 'BEGIN' };
const COMMIT: Statement = { operation: 'transaction', table: '', text: 'COMMIT' };
const ROLLBACK: Statement = { operation: 'transaction', table: '', text: 'ROLLBACK' };
/** More rows than this take milliseconds to show; for fewer, to wait would cost more than it spares others (measured). */
const LONG_ANSWER = 50;
const TRANSACTION_TRIES = 4;
/** What every statement after the one that failed is refused with. */
const ABORTED_TRANSACTION = '25P02';

/**
 * The way to PostgreSQL: `read` for short reads on shared pipelined connections, `query` for
 * any other single statement, `transaction` for several that belong together.
 * Every method rejects with `DatabaseUnavailable` when the database does not answer in time.
 */
export class Database implements Session {
  observe: QueryObserver = () => undefined;
  readonly pool: pg.Pool;
  /** Where writers of one resource queue. */
  readonly turns: Turns;
  /** Where writers of new resources gather. */
  readonly batches = new Batches();
  private readonly readers: PipelinedReaders | undefined;
  private readonly largeTypes: pg.CustomTypesConfig;
  private planEpoch = 0;
  /** Each cancels a statement that is running on a pooled connection. */
  private readonly running = new Set<() => void>();

  constructor(
    readonly options: ConnectionOptions,
    private readonly settings: DatabaseSettings,
  ) {
    this.turns = new Turns(settings.statementTimeoutMs);
    this.largeTypes = keepLargeJson(options.client.types ?? pg.types);
    this.pool = new pg.Pool({
      ...options.client,
      max: settings.poolMax,
      connectionTimeoutMillis: settings.poolTimeoutMs,
      idleTimeoutMillis: 30_000,
      // Lets a transaction send statements that do not depend on one another's answers together.
      pipeline: true,
    });
    // Without listeners a connection that breaks would end the process. The pool watches those that are idle
    // and replaces them; of those at work, their statements learn of it.
    this.pool.on('error', () => undefined);
    this.pool.on('connect', (client) => {
      client.on('error', () => undefined);
      // Compiling a search with many conditions takes a thousand times as long as running it (measured: a page
      // took 16 s with it and 11 ms without).
      client.query('SET jit = off').catch(() => undefined);
    });
    // Without prepared statements there is an old PgBouncer in between, which pipelining overtaxes.
    if (settings.preparedStatements) {
      this.readers = new PipelinedReaders(options.client, settings.statementTimeoutMs);
    }
  }

  /** A read that is sure to be short. It is retried once when its connection breaks: reading twice does no harm. */
  async read<Row>(statement: Statement, values: Values): Promise<Row[]> {
    return this.withFreshPlan(() => this.readOnce<Row>(statement, values));
  }

  private async readOnce<Row>(statement: Statement, values: Values): Promise<Row[]> {
    const { readers } = this;
    if (readers === undefined) {
      return this.queryOnce<Row>(statement, values).catch((error: unknown) => {
        if (errorType(error) === 'statement_timeout' || !isConnectionLost(error)) throw error;
        return this.queryOnce<Row>(statement, values);
      });
    }
    return this.timed(statement, () => readers.query<Row>(this.prepare(statement, values)));
  }

  /** One statement on a pooled connection; `signal` cancels it in the database as well. */
  async query<Row>(statement: Statement, values: Values, signal?: AbortSignal): Promise<Row[]> {
    return this.withFreshPlan(() => this.queryOnce<Row>(statement, values, signal));
  }

  private async queryOnce<Row>(
    statement: Statement,
    values: Values,
    signal?: AbortSignal,
  ): Promise<Row[]> {
    const client = await this.acquire();
    try {
      const rows = await this.timed(statement, () =>
        this.run<Row>(client, statement, values, signal),
      );
      // Its connection is held meanwhile, so that no more is read than can be shown.
      if (rows.length > LONG_ANSWER) await eventLoopTurn();
      client.release();
      return rows;
    } catch (error) {
      client.release(isConnectionLost(error));
      throw error;
    }
  }

  /**
   * Runs `work` in one transaction, again from the start when PostgreSQL asks for it (deadlock,
   * serialization failure): `work` must have no effect outside the database.
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
    const failures: unknown[] = [];
    const send = async <Row>(statement: Statement, values: Values): Promise<Row[]> => {
      try {
        return await this.timed(statement, () => this.run<Row>(client, statement, values));
      } catch (error) {
        failures.push(error);
        throw error;
      }
    };
    // A pooler refuses the timeout as a start-up parameter, so each transaction sets its own.
    const timeout = `SET LOCAL statement_timeout = ${this.settings.statementTimeoutMs}`;
    let broken = false;
    try {
      // The first statements travel with BEGIN and are believed once it has succeeded. If it fails they
      // run on their own, so they may only be what does no harm then: locks, reads, guarded writes.
      const begun = send({ ...BEGIN, text: `BEGIN; ${timeout}` }, []);
      begun.catch(() => undefined);
      const commit = { sent: false };
      const trx: Transaction = {
        async query<Row>(statement: Statement, values: Values) {
          const [, rows] = await Promise.all([begun, send<Row>(statement, values)]);
          return rows;
        },
        async queryAndCommit<Row>(statement: Statement, values: Values) {
          commit.sent = true;
          const [rows] = await Promise.all([trx.query<Row>(statement, values), send(COMMIT, [])]);
          return rows;
        },
      };
      const result = await work(trx);
      // PostgreSQL answers COMMIT with ROLLBACK, and no error, when `work` got over a failed statement.
      if (failures.length > 0) throw failures[0];
      if (!commit.sent) await send(COMMIT, []);
      return result;
    } catch (error) {
      // Statements sent together fail together, and the one that says why need not be heard first.
      const cause = sqlState(error) === ABORTED_TRANSACTION ? failures[0] : error;
      broken = isConnectionLost(cause);
      if (!broken) {
        await send(ROLLBACK, []).catch(() => {
          broken = true;
        });
      }
      throw cause;
    } finally {
      client.release(broken);
    }
  }

  /** Ends what is still running: whoever closes has waited long enough. */
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
   * PostgreSQL refuses, before it does anything, a prepared statement whose columns a migration has changed
   * since. From then on statements have new names, so that every connection prepares them anew.
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

  private prepare(statement: Statement, values: Values): pg.QueryConfig {
    const { text, keepsLargeJson } = statement;
    const name =
      this.planEpoch === 0 ? statement.name : `${statement.name ?? ''}_${this.planEpoch}`;
    return {
      ...(this.settings.preparedStatements && statement.name !== undefined && { name }),
      text,
      values: values as unknown[],
      ...(keepsLargeJson && { types: this.largeTypes }),
    };
  }

  private async run<Row>(
    client: pg.PoolClient,
    statement: Statement,
    values: Values,
    signal?: AbortSignal,
  ): Promise<Row[]> {
    if (signal?.aborted) throw new RequestAborted();
    const cancelled = { late: false };
    const cancel = () => cancelQuery(client, this.options.client);
    const timer = setTimeout(() => {
      cancelled.late = true;
      cancel();
    }, this.settings.statementTimeoutMs);
    signal?.addEventListener('abort', cancel);
    this.running.add(cancel);
    try {
      const query = values.length === 0 ? statement.text : this.prepare(statement, values);
      const result = await sendQuery(client, query);
      // The cancellation may still arrive, so this connection must not be used again.
      if (cancelled.late || signal?.aborted) throw new Error('answered while being cancelled');
      return result.rows as Row[];
    } catch (error) {
      if (signal?.aborted) throw new RequestAborted('', { cause: error });
      if (cancelled.late) throw new DatabaseUnavailable('statement_timeout', error);
      throw error instanceof pg.DatabaseError
        ? error
        : new DatabaseUnavailable('connection_lost', error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      this.running.delete(cancel);
    }
  }

  private async timed<Row>(statement: Statement, run: () => Promise<Row[]>): Promise<Row[]> {
    const start = performance.now();
    try {
      const rows = await run();
      this.observe(statement, (performance.now() - start) / 1000);
      return rows;
    } catch (error) {
      this.observe(statement, (performance.now() - start) / 1000, error);
      throw error;
    }
  }
}
