import { setTimeout as sleep } from 'node:timers/promises';
import { withClient } from './database';

/** Returns once a connection to this database waits for a lock. */
export function someoneWaits(url: string): Promise<void> {
  return withClient(url, async (client) => {
    for (;;) {
      const { rowCount } = await client.query(
        `SELECT 1 FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      if (rowCount! > 0) return;
      await sleep(20);
    }
  });
}
