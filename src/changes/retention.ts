import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../postgres/database';
import { errorType } from '../postgres/errors';
import { statement } from '../postgres/statement';
import type { Logger } from '../telemetry/log';

/*
 * A removal takes 220 bytes in `removed_resources`, its index included: at 10,000 removals a day and the default
 * retention 2 MB, at a million 220 MB. To find what is old the table is read as a whole: an index on the time would cost
 * every removal more than this does every few minutes.
 */

const BATCH_SIZE = 10_000;
/** On average; each process waits a little less or more, so that they do not stay in step. */
const INTERVAL_MS = 300_000;

/** Skips the row while another process prunes. */
const LOCK = statement<object>(
  { name: 'lock_pruned_removals', operation: 'select', table: 'pruned_removals' },
  'SELECT 1 FROM pruned_removals FOR UPDATE SKIP LOCKED',
);

const PRUNE = statement<{ removed: number }, { retention_seconds: number }>(
  { name: 'prune_removals', operation: 'delete', table: 'removed_resources' },
  // What is not older than every transaction in progress may still be missing from a cursor that is given out now. A
  // transaction that is yet to begin was one of another server, whose dump was restored here: nobody knows it.
  `
    WITH snapshot AS MATERIALIZED (
      SELECT pg_snapshot_xmin(it) AS oldest, pg_snapshot_xmax(it) AS next FROM pg_current_snapshot() it
    ), removed AS (
      DELETE FROM removed_resources WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM removed_resources r, snapshot
        WHERE removed_time < now() - make_interval(secs => :retention_seconds)
          AND (changed_xid < oldest OR changed_xid >= next)
        LIMIT ${BATCH_SIZE}
      ))
      RETURNING changed_xid
    ), highest AS (
      SELECT changed_xid FROM removed, snapshot WHERE changed_xid < next ORDER BY changed_xid DESC LIMIT 1
    ), pruned AS (
      UPDATE pruned_removals SET changed_xid = greatest(
        CASE WHEN changed_xid < (SELECT next FROM snapshot) THEN changed_xid ELSE '0' END,
        (SELECT changed_xid FROM highest)
      )
      WHERE changed_xid >= (SELECT next FROM snapshot) OR EXISTS (SELECT 1 FROM highest)
    )
    SELECT count(*)::integer AS removed FROM removed`,
);

/**
 * Forgets removals that are older than the retention, and keeps the highest transaction that is forgotten: whoever has
 * not seen it may have missed a removal. Does nothing while another process does it.
 */
export async function pruneRemovals(db: Database, retentionSeconds: number): Promise<void> {
  while ((await pruneBatch(db, retentionSeconds)) === BATCH_SIZE);
}

/** @returns how many it has removed */
function pruneBatch(db: Database, retentionSeconds: number): Promise<number> {
  return db.transaction(async (trx) => {
    const locked = await trx.query(LOCK, {});
    if (locked.length === 0) return 0;
    const [pruned] = await trx.queryAndCommit(PRUNE, { retention_seconds: retentionSeconds });
    return pruned!.removed;
  });
}

/** Prunes every few minutes. A failure is logged when it begins. @returns what ends it */
export function startPruning(
  db: Database,
  retentionSeconds: number,
  log: Logger,
  intervalMs = INTERVAL_MS,
): () => void {
  let failing = false;
  const stopped = new AbortController();
  const run = async () => {
    for (;;) {
      const pause = intervalMs * (0.75 + Math.random() / 2);
      await sleep(pause, undefined, { signal: stopped.signal, ref: false });
      try {
        await pruneRemovals(db, retentionSeconds);
        failing = false;
      } catch (error) {
        stopped.signal.throwIfAborted();
        if (!failing) log.warn('removals cannot be pruned', { error: errorType(error) });
        failing = true;
      }
    }
  };
  run().catch(() => undefined);
  return () => stopped.abort();
}
