import type pg from 'pg';

/** Copies a resource without labels, its status too, as often as numbers are given. @returns nothing; ids hold the numbers */
export async function multiply(
  client: pg.Client,
  id: string,
  [first, last]: readonly [number, number],
): Promise<void> {
  await client.query(
    `WITH n AS (SELECT n, '2' || lpad(n::text, 26, '0') AS id FROM generate_series(${first}, ${last}) n),
     copies AS (
       INSERT INTO resources (id, kind, owner_id, name, spec, labels, generation, created_time, created_by,
         updated_time, updated_by)
       SELECT n.id, kind, owner_id, 'copy-' || n, spec, labels, generation, created_time, created_by,
         updated_time, updated_by
       FROM resources r, n WHERE r.id = $1)
     INSERT INTO resource_status (resource_id, kind, version, conditions, ready, available,
       ready_last_updated_time, phase, last_transition_time, observed_generation, last_updated_time)
     SELECT n.id, kind, version, conditions, ready, available, ready_last_updated_time, phase,
       last_transition_time, observed_generation, last_updated_time
     FROM resource_status s, n WHERE s.resource_id = $1`,
    [id],
  );
}

/** Changes a resource as a report does. */
export const TOUCH =
  'UPDATE resource_status SET version = version + 1, changed_xid = DEFAULT WHERE resource_id = ANY ($1)';
