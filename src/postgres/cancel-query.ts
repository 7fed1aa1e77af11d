import { connect as connectSocket } from 'node:net';
import type pg from 'pg';

/** What `pg` knows about a connection and does not tell. */
interface Insides {
  processID: number | null;
  secretKey: number | null;
  connection: { stream: NodeJS.WritableStream & { destroy(): void } };
}

const CANCEL_REQUEST_CODE = 80877102;
const CANCEL_GRACE_MS = 1000;

/**
 * Asks PostgreSQL to cancel what `client` runs (protocol message CancelRequest, on a connection of its own),
 * and drops the connection when that does not help: a hung network must not hold a request for ever.
 */
export function cancelQuery(client: pg.ClientBase, target: pg.ClientConfig): void {
  void requestCancel(client, target);
  const drop = setTimeout(() => dropConnection(client), CANCEL_GRACE_MS);
  (client as pg.Client).once('drain', () => clearTimeout(drop));
}

/** Cuts a connection, whatever it is doing; its statements fail. */
export function dropConnection(client: pg.ClientBase): void {
  (client as unknown as Insides).connection.stream.destroy();
}

/**
 * The same request on its own: whoever closes a connection without it leaves its statement running.
 * @returns when the server has taken it, or cannot be reached
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
  // The server closes it when it is done. To close it from here first makes PgBouncer 1.18 forget the request,
  // and then end itself.
  socket.write(message);
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}
