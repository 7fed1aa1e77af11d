import { connect as connectSocket } from 'node:net';
import pg from 'pg';
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

/** What `pg` knows about a connection, but its types leave out. */
interface Insides {
  processID: number | null;
  secretKey: number | null;
  connection: { stream: NodeJS.WritableStream & { destroy(): void } };
}

const CANCEL_REQUEST_CODE = 80877102;
const CANCEL_GRACE_MS = 1000;

/**
 * Asks PostgreSQL to cancel the query of `client` (protocol message CancelRequest, on a separate connection).
 * Drops the connection if that does not help: a network that hangs must not block a request forever.
 */
function cancelQuery(client: pg.ClientBase, target: pg.ClientConfig): void {
  void requestCancel(client, target);
  const drop = setTimeout(() => dropConnection(client), CANCEL_GRACE_MS);
  (client as pg.Client).once('drain', () => clearTimeout(drop));
}

/** Closes a connection at once; its statements fail. */
export function dropConnection(client: pg.ClientBase): void {
  (client as unknown as Insides).connection.stream.destroy();
}

/**
 * Sends the cancel request alone. Without it, a statement keeps running after its connection is closed.
 * @returns when the server has received it, or cannot be reached
 */
export async function requestCancel(client: pg.ClientBase, target: pg.ClientConfig): Promise<void> {
  const { processID, secretKey } = client as unknown as Insides;
  if (processID === null) return;
  const host = target.host ?? 'localhost';
  const port = target.port ?? 5432;
  const socket = host.startsWith('/')
    ? connectSocket(`${host}/.s.PGSQL.${port}`)
    : connectSocket(port, host);
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(CANCEL_REQUEST_CODE, 4);
  message.writeInt32BE(processID, 8);
  message.writeInt32BE(secretKey ?? 0, 12);
  socket.on('error', () => undefined);
  socket.setTimeout(CANCEL_GRACE_MS, () => socket.destroy());
  // Let the server close the connection. If we close it first, PgBouncer 1.18 drops the request, and then exits.
  socket.write(message);
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}
