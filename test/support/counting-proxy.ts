import { once } from 'node:events';
import net from 'node:net';

/** What has gone through the proxy since the last `reset`. */
interface Traffic {
  /** Statements: each ends with Sync, or is a simple Query. */
  statements: number;
  /** How often somebody sent something and then had to wait for the answer. */
  roundTrips: number;
}

export interface CountingProxy extends Traffic {
  /** The URL of the database, by way of the proxy. */
  url: string;
  reset(): void;
  close(): void;
}

/** Answers come that much later, so that what is sent together is seen to be sent together. */
const DELAY_MS = 15;
const QUERY = 'Q';
const SYNC = 'S';
const READY_FOR_QUERY = 'Z';

/** Stands before PostgreSQL and counts by reading the protocol, so that no statement can go uncounted. */
export async function startCountingProxy(databaseUrl: string): Promise<CountingProxy> {
  const target = new URL(databaseUrl);
  const traffic: Traffic = { statements: 0, roundTrips: 0 };
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(Number(target.port || 5432), target.hostname);
    // Statements sent on this connection whose answers the client does not have yet.
    let unanswered = 0;
    const sent = messageReader(false, (type) => {
      if (type !== QUERY && type !== SYNC) return;
      traffic.statements++;
      if (unanswered++ === 0) traffic.roundTrips++;
    });
    const answered = messageReader(true, (type) => {
      if (type === READY_FOR_QUERY && unanswered > 0) unanswered--;
    });
    client.on('data', (chunk: Buffer) => {
      sent(chunk);
      upstream.write(chunk);
    });
    upstream.on('data', (chunk: Buffer) => {
      setTimeout(() => {
        answered(chunk);
        client.write(chunk);
      }, DELAY_MS);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => other.destroy());
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  return Object.assign(traffic, {
    url: url.href,
    reset: () => Object.assign(traffic, { statements: 0, roundTrips: 0 }),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  });
}

/** Tells the type of each message in a stream of chunks; the first of a client has none. */
function messageReader(typed: boolean, onMessage: (type: string) => void) {
  let rest = Buffer.alloc(0);
  let first = !typed;
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const header = first ? 0 : 1;
      if (rest.length < header + 4) return;
      const length = header + rest.readInt32BE(header);
      if (rest.length < length) return;
      if (!first) onMessage(String.fromCharCode(rest[0]!));
      first = false;
      rest = rest.subarray(length);
    }
  };
}
