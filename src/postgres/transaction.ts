import { isConnectionLost, sqlState } from './errors';
import { type Statement, statement } from './statement';

/** Where a repository sends its statements: the pool, or one transaction. */
export interface Session {
  query: Query;
}

type Query = <Row, Values extends object>(
  statement: Statement<Row, Values>,
  values: Values,
) => Promise<Row[]>;

export interface Transaction extends Session {
  /** Sends the last statement together with COMMIT, which saves a round trip. */
  queryAndCommit: Query;
}

/** One connection, for as long as the transaction lasts. */
interface Connection {
  send: Query;
  /** Set when it cannot be used again. */
  broken: boolean;
}

/**
 * The isolation level is explicit, because the default of the database or role may be another one. Whether writes are
 * allowed is left to that default: providers make a database read-only to protect it. A pooler refuses the timeout as a
 * start-up parameter, so each transaction sets its own.
 */
export function beginWith(statementTimeoutMs: number): Statement<never> {
  return statement(
    { operation: 'transaction', table: '' },
    `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = ${statementTimeoutMs}`,
  );
}

const COMMIT = statement<never>({ operation: 'transaction', table: '' }, 'COMMIT');
const ROLLBACK = statement<never>({ operation: 'transaction', table: '' }, 'ROLLBACK');
/** SQLSTATE of the statements that follow a failed one. */
const ABORTED_TRANSACTION = '25P02';

/** Runs `work` between BEGIN and COMMIT. @throws what `work` throws, or the statement that failed first */
export async function runTransaction<T>(
  connection: Connection,
  begin: Statement<never>,
  work: (trx: Transaction) => Promise<T>,
): Promise<T> {
  const failures: unknown[] = [];
  const send: Query = async (query, values) => {
    try {
      return await connection.send(query, values);
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  try {
    // The first statements are sent together with BEGIN. If BEGIN fails, their results are not used, but they run
    // outside of a transaction: they must be harmless there, as locks, reads and guarded writes are.
    const begun = send(begin, {});
    begun.catch(() => undefined);
    const commit = { sent: false };
    const trx: Transaction = {
      async query(query, values) {
        const [, rows] = await Promise.all([begun, send(query, values)]);
        return rows;
      },
      async queryAndCommit(query, values) {
        commit.sent = true;
        const [rows] = await Promise.all([trx.query(query, values), send(COMMIT, {})]);
        return rows;
      },
    };
    const result = await work(trx);
    // After a failed statement that `work` ignored, PostgreSQL responds to COMMIT with ROLLBACK and no error.
    if (failures.length > 0) throw failures[0];
    if (!commit.sent) await send(COMMIT, {});
    return result;
  } catch (error) {
    // Statements that are sent together fail together, and the first error seen need not be the cause.
    const cause = sqlState(error) === ABORTED_TRANSACTION ? failures[0] : error;
    connection.broken = isConnectionLost(cause);
    if (!connection.broken) {
      await send(ROLLBACK, {}).catch(() => {
        connection.broken = true;
      });
    }
    throw cause;
  }
}
