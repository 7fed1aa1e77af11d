import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { withClient } from './database';

/* What the server's processes, one per connection, are doing in a test's database. */

const OTHERS = 'datname = current_database() AND pid <> pg_backend_pid()';
const WAITS = "wait_event_type = 'Lock'";

const TIMEOUT_MS = 10_000;

/** Returns once a connection to this database waits for a lock. */
export function someoneWaits(url: string): Promise<void> {
  return untilWaiting(url, (count) => count > 0);
}

/** Returns once no connection to this database waits for a lock. */
export function nobodyWaits(url: string): Promise<void> {
  return untilWaiting(url, (count) => count === 0);
}

function untilWaiting(url: string, met: (count: number) => boolean): Promise<void> {
  return withClient(url, async (client) => {
    const deadline = Date.now() + TIMEOUT_MS;
    for (;;) {
      const { rows } = await client.query(
        `SELECT 1 FROM pg_stat_activity WHERE ${OTHERS} AND ${WAITS}`,
      );
      if (met(rows.length)) return;
      if (Date.now() > deadline) throw new Error(`${rows.length} connections wait for a lock.`);
      await sleep(20);
    }
  });
}

/**
 * Ends all other connections to the client's database, or those that wait for a lock. Returns when they are gone: one
 * that is only told to go might yet be handed a statement.
 * @returns their number
 */
export async function terminate(client: pg.Client, which: 'all' | 'waiting'): Promise<number> {
  const { rows } = await client.query(
    `SELECT pg_terminate_backend(pid, ${TIMEOUT_MS}) FROM pg_stat_activity
     WHERE ${OTHERS}${which === 'waiting' ? ` AND ${WAITS}` : ''}`,
  );
  return rows.length;
}

/** The same as soon as there are any. */
export async function terminateWaiting(client: pg.Client): Promise<void> {
  while ((await terminate(client, 'waiting')) === 0) await sleep(20);
}
