import type { Duplex } from 'node:stream';
import pg from 'pg';

import { DatabaseUnavailable, isConnectionLost } from './errors';
import { dropConnection, requestCancel, sendQuery } from './send-query';

/** Two serve all that one Node process can ask for; more would only cost memory. */
const CONNECTIONS = 2;
const CONNECT_TIMEOUT_MS = 2000;

interface Reader {
  client: pg.Client;
  ready: Promise<void>;
  inFlight: number;
  /** Queries are being held back, to be sent together. */
  corked: boolean;
}

/**
 * A few connections that all short reads share: each query is sent at once, without waiting for the results
 * of those before it, so a read needs no checkout and many reads share a packet.
 *
 * A query waits for those ahead of it on its connection. When one exceeds the statement timeout, its
 * connection is therefore closed; the others on it are retried once, on a new one.
 */
export class PipelinedReaders {
  private readonly readers: (Reader | undefined)[] = Array.from({ length: CONNECTIONS });
  private closed = false;

  constructor(
    private readonly options: pg.ClientConfig,
    private readonly timeoutMs: number,
    /** Sends the first statements on a new connection. */
    private readonly prepareConnection: (client: pg.Client) => unknown,
  ) {}

  /** @throws DatabaseUnavailable when there is no connection, or both attempts lost theirs */
  async query<Row>(query: pg.QueryConfig): Promise<Row[]> {
    try {
      return await this.ask<Row>(query);
    } catch (error) {
      // PostgreSQL refused it, or it was the slow one: retrying would not help.
      if (!(error instanceof DatabaseUnavailable) || error.kind !== 'connection_lost') throw error;
      return this.ask<Row>(query);
    }
  }

  /** Does not wait: queries that are still running are cancelled, in the database too. */
  async close(): Promise<void> {
    this.closed = true;
    for (const reader of this.readers) {
      if (reader === undefined) continue;
      if (reader.inFlight === 0) {
        await reader.client.end().catch(() => undefined);
      } else {
        await requestCancel(reader.client, this.options);
        this.replace(reader);
      }
    }
  }

  private async ask<Row>(query: pg.QueryConfig): Promise<Row[]> {
    const reader = this.leastBusy();
    reader.inFlight++;
    const slow = { late: false };
    const timer = setTimeout(() => {
      slow.late = true;
      // Otherwise it would keep running in the database, although its result is no longer needed.
      void requestCancel(reader.client, this.options);
      this.replace(reader);
    }, this.timeoutMs);
    try {
      await reader.ready;
      sendTogether(reader);
      const result = await sendQuery(reader.client, query);
      return result.rows as Row[];
    } catch (error) {
      if (error instanceof DatabaseUnavailable) throw error;
      if (slow.late) throw new DatabaseUnavailable('statement_timeout', error);
      if (error instanceof pg.DatabaseError && !isConnectionLost(error)) throw error;
      this.replace(reader);
      throw new DatabaseUnavailable('connection_lost', error);
    } finally {
      clearTimeout(timer);
      reader.inFlight--;
    }
  }

  private leastBusy(): Reader {
    let best: Reader | undefined;
    for (let index = 0; index < CONNECTIONS; index++) {
      const reader = this.readers[index];
      if (reader === undefined) return (this.readers[index] = this.open());
      if (best === undefined || reader.inFlight < best.inFlight) best = reader;
    }
    return best!;
  }

  private open(): Reader {
    if (this.closed) throw new DatabaseUnavailable('connect');
    const client = new pg.Client({
      ...this.options,
      pipeline: true,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    const ready = client.connect().then(
      () => void this.prepareConnection(client),
      (error: unknown) => {
        this.replace(reader);
        throw new DatabaseUnavailable('connect', error);
      },
    );
    ready.catch(() => undefined);
    const reader: Reader = { client, ready, inFlight: 0, corked: false };
    client.on('error', () => this.replace(reader));
    client.on('end', () => this.replace(reader));
    return reader;
  }

  /** Drops a connection; the next query opens another. */
  private replace(reader: Reader): void {
    const index = this.readers.indexOf(reader);
    if (index === -1) return;
    this.readers[index] = undefined;
    dropConnection(reader.client);
  }
}

/** pg's connection, which its types leave out. */
type WithStream = pg.Client & { connection: { stream: Duplex } };

/**
 * Holds queries back until all requests that have arrived together have sent theirs, and then sends them with one
 * system call: a call for each would be a large part of the cost of a read.
 */
function sendTogether(reader: Reader): void {
  if (reader.corked) return;
  const { stream } = (reader.client as WithStream).connection;
  reader.corked = true;
  stream.cork();
  setImmediate(() => {
    reader.corked = false;
    stream.uncork();
  });
}
