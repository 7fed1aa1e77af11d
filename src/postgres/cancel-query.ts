import { connect as connectSocket } from 'node:net';
import type pg from 'pg';

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
export function cancelQuery(client: pg.ClientBase, target: pg.ClientConfig): void {
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
