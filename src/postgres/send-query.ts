import pg from 'pg';
import { cancelQuery } from './cancel-query';
import { DatabaseUnavailable, RequestAborted } from './errors';

/**
 * Sends a query. With pg's promise, each result with its rows would stay in memory until the next full garbage
 * collection; with pg's callback it does not.
 */
export function sendQuery<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  query: string | pg.QueryConfig,
): Promise<pg.QueryResult<Row>> {
  return new Promise((resolve, reject) => {
    client.query<Row>(query as string, (error: Error | null, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}

interface CancelOptions {
  timeoutMs: number;
  /** Cancels the query in the database as well. */
  signal: AbortSignal | undefined;
  /** Contains a function that cancels the query, as long as it runs. */
  running: Set<() => void>;
  /** Where the cancel request is sent. */
  target: pg.ClientConfig;
}

/**
 * Sends a query, and cancels it after the timeout or when `signal` is aborted.
 * @throws DatabaseUnavailable after the timeout or when the connection is lost, RequestAborted after `signal`
 */
export async function sendCancellable<Row>(
  client: pg.PoolClient,
  query: string | pg.QueryConfig,
  { timeoutMs, signal, running, target }: CancelOptions,
): Promise<Row[]> {
  if (signal?.aborted) throw new RequestAborted();
  const cancelled = { late: false };
  const cancel = () => cancelQuery(client, target);
  const timer = setTimeout(() => {
    cancelled.late = true;
    cancel();
  }, timeoutMs);
  signal?.addEventListener('abort', cancel);
  running.add(cancel);
  try {
    const result = await sendQuery(client, query);
    // The cancellation may still arrive, so this connection must not be used again.
    if (cancelled.late || signal?.aborted) throw new Error('completed while being cancelled');
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
    running.delete(cancel);
  }
}
