import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import type { PendingCount } from '../telemetry/metrics';

/** A resource has been waiting since its last change, or since its phase changed if that was later. */
const COUNT_PENDING = statement<PendingCount, { now: string; stuck_after: number }>(
  { name: 'count_pending', operation: 'select', table: 'resource_status' },
  `
    SELECT kind, is_delete, count(*) AS pending, count(*) FILTER (WHERE age > :stuck_after) AS stuck,
      max(age) AS oldest
    FROM (
      SELECT s.kind, r.deleted_time IS NOT NULL AS is_delete,
        extract(epoch FROM :now::timestamptz - greatest(r.updated_time, s.last_transition_time))::float8 AS age
      FROM resource_status s JOIN resources r ON r.id = s.resource_id
      WHERE NOT s.ready
    ) waiting
    GROUP BY kind, is_delete`,
);

/** Counts the resources that are not Ready. @param stuckAfterSeconds time after which one counts as stuck */
export function countPending(db: Database, stuckAfterSeconds: number): Promise<PendingCount[]> {
  return db.query(COUNT_PENDING, { now: new Date().toISOString(), stuck_after: stuckAfterSeconds });
}
