import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { withClient } from './database';

/* What the server's processes, one per connection, are doing in a test's database. */

const OTHERS =
  "datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
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
 * @param client not in a transaction, which would see the connections as they were when it first looked
 * @returns their number
 */
export async function terminateBackends(
  client: pg.Client,
  which: 'all' | 'waiting',
): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(
    `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE ${OTHERS}${which === 'waiting' ? ` AND ${WAITS}` : ''}`,
  );
  const pids = rows.map(({ pid }) => pid);
  const left = 'SELECT 1 FROM pg_stat_activity WHERE pid = ANY ($1)';
  while ((await client.query(left, [pids])).rows.length > 0) await sleep(5);
  return pids.length;
}

/** The same as soon as there are any. */
export async function terminateWaiting(client: pg.Client): Promise<void> {
  while ((await terminateBackends(client, 'waiting')) === 0) await sleep(20);
}

/** The deadlocks there have been in a database. Ends all connections: a backend hands in its figures then, at the latest. */
export function deadlocks(url: string): Promise<number> {
  return withClient(url, async (client) => {
    await terminateBackends(client, 'all');
    const { rows } = await client.query<{ deadlocks: unknown }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(rows[0]!.deadlocks);
  });
}
