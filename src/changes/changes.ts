import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import { type Position, POSITION, readPosition, xmaxOf, xminOf } from './snapshot';

/** A resource that is gone. */
export interface Removed {
  id: string;
  kind: string;
  owner_id: string | null;
}

/** What has become visible between two positions. */
export interface Changes {
  /** Where the next changes begin. */
  position: Position;
  /** Ids of resources that are new or have changed. */
  changed: string[];
  removed: Removed[];
  /** There are more than were asked for; `changed` and `removed` are then incomplete. */
  tooMany: boolean;
}

/** Why changes cannot be found. */
export type NoChanges =
  /** A standby does not show which transactions are in progress. */
  | 'standby'
  /** What was removed since then is not known any more, or another database has taken the place of the one before. */
  | 'gone';

interface Found {
  position: string | null;
  /** The last transaction whose removals are forgotten; null: one of another server, from which this was restored. */
  pruned: string | null;
  changed: string[];
  removed: Removed[];
}

interface Range {
  kinds: readonly string[];
  since: string;
  limit: number;
}

/**
 * Rows that the snapshot of the statement shows and the one before did not: those of transactions that began after it,
 * and those of transactions that were in progress. One branch each, because PostgreSQL does not use the index for both
 * in one condition. The lower bound of the second is there for the planner, the upper bound of the first for a server
 * that was restored to lower transaction ids.
 */
function since(table: string, columns: string): string {
  const select = `SELECT ${columns} FROM ${table} WHERE kind = ANY (:kinds::text[])`;
  return `(
      ${select} AND changed_xid >= pg_snapshot_xmax(:since::pg_snapshot)
        AND changed_xid < pg_snapshot_xmax(pg_current_snapshot()) LIMIT :limit::bigint
    ) UNION ALL (
      ${select} AND changed_xid = ANY (ARRAY(SELECT pg_snapshot_xip(:since::pg_snapshot)))
        AND changed_xid >= pg_snapshot_xmin(:since::pg_snapshot)
        AND changed_xid < pg_snapshot_xmax(:since::pg_snapshot) LIMIT :limit::bigint
    )`;
}

const FIND_CHANGES = statement<Found, Range>(
  { name: 'find_changes', operation: 'select', table: 'resource_status' },
  `SELECT ${POSITION} AS position,
     (SELECT changed_xid::text FROM pruned_removals
      WHERE changed_xid < pg_snapshot_xmax(pg_current_snapshot())) AS pruned,
     ARRAY(${since('resource_status', 'resource_id')}) AS changed,
     coalesce((SELECT json_agg(x) FROM (${since('removed_resources', 'id, kind, owner_id')}) x), '[]') AS removed`,
);

/** Finding up to so many takes no longer than a read by key or two. */
const SHORT = 1000;

/**
 * Finds what has changed in resources of some kinds since a position, seen by one snapshot.
 * @param kinds names of kinds
 * @param limit how many changes to find at most, of each sort
 */
export async function findChanges(
  db: Database,
  kinds: readonly string[],
  { identity, snapshot }: Position,
  limit: number,
): Promise<Changes | NoChanges> {
  const range = { kinds, since: snapshot, limit: limit + 1 };
  const [found] = await (limit <= SHORT
    ? db.read(FIND_CHANGES, range)
    : db.query(FIND_CHANGES, range));
  const { position: text, pruned, changed, removed } = found!;
  if (text === null) return 'standby';
  const position = readPosition(text);
  const begun = xmaxOf(snapshot) <= xmaxOf(position.snapshot);
  const isKnown = position.identity === identity && begun;
  if (!isKnown || BigInt(pruned ?? 0) >= xminOf(snapshot)) return 'gone';
  return { position, changed, removed, tooMany: changed.length + removed.length > limit };
}
