import type { Duplex } from 'node:stream';
import pg from 'pg';
import { dropConnection, requestCancel } from './cancel-query';
import { DatabaseUnavailable, isConnectionLost } from './errors';
import { sendQuery } from './send-query';

/** Two keep one another's backends busy; more only cost memory (measured: 2 answer all that one Node process asks). */
const CONNECTIONS = 2;
const CONNECT_TIMEOUT_MS = 2000;

interface Reader {
  client: pg.Client;
  ready: Promise<void>;
  inFlight: number;
  /** Queries are being held back to leave together. */
  corked: boolean;
}

/**
 * A few connections shared by all short reads: each query is sent at once, without waiting for the answers
 * of those before it, so a read costs no checkout and many reads share a packet.
 *
 * A query here waits for those ahead of it on its connection. One that outlives the statement timeout
 * therefore takes its connection down; the others on it are asked again, once, on a fresh one.
 */
export class PipelinedReaders {
  private readonly readers: (Reader | undefined)[] = Array.from({ length: CONNECTIONS });
  private closed = false;

  constructor(
    private readonly options: pg.ClientConfig,
    private readonly timeoutMs: number,
  ) {}

  /** @throws DatabaseUnavailable when no connection can be had, or both tries lost theirs */
  async query<Row>(query: pg.QueryConfig): Promise<Row[]> {
    try {
      return await this.ask<Row>(query);
    } catch (error) {
      // PostgreSQL itself refused it, or it was the slow one: asking again would not help.
      if (!(error instanceof DatabaseUnavailable) || error.kind !== 'connection_lost') throw error;
      return this.ask<Row>(query);
    }
  }

  /** Waits for nobody: what is still being read is ended in the database too. */
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
      // Else it would run on in the database, with nobody left to read its answer.
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
      () => undefined,
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

  /** Forgets a connection; the next query opens another. */
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
 * Holds queries back until the requests that have arrived together have all been looked at, so that they leave by
 * one system call (measured: a call each is a quarter of the CPU of a read).
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
