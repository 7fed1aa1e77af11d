import { isDeepStrictEqual } from 'node:util';
import type { Kinds } from '../kinds/kind';
import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import type { Session } from '../postgres/transaction';
import { ProblemError } from '../problems/problem';
import { aggregateRow } from './aggregation';
import { getWithReports, lockWithReports, type ResourceWithReports } from './resources';
import { type JsonObject, type ResourceRow, STATUS, statusValues, type StatusValues } from './rows';
import type { Target } from './targets';

/** What a user can change in a resource. */
export interface Desired {
  spec: JsonObject;
  labels: Record<string, string>;
}

export interface Patch {
  /** Derives the desired state from the current one; throws to refuse. */
  desired: (row: ResourceRow) => Desired;
  /** Throws when a precondition names another version. */
  assertVersion: (version: number) => void;
  actor: string;
}

interface PatchValues extends StatusValues {
  id: string;
  version: number;
  spec: string;
  labels: string;
  generation: number;
  updated_time: string;
  updated_by: string;
}

const WRITE_PATCH = statement<{ version: number }, PatchValues>(
  { name: 'write_patch', operation: 'update', table: 'resources' },
  // Locks the resource before its status, as everywhere. Labels are removed and set in any order, because these are
  // different rows.
  `
    WITH locked AS MATERIALIZED (
      SELECT id FROM resources WHERE id = :id FOR NO KEY UPDATE
    ), status AS (
      UPDATE resource_status SET version = version + 1, ${STATUS.assign}
      WHERE resource_id = (SELECT id FROM locked) AND version = :version
      RETURNING resource_id, version
    ), resource AS (
      UPDATE resources SET
        spec = :spec, labels = :labels, generation = :generation,
        updated_time = :updated_time, updated_by = :updated_by
      FROM status WHERE id = status.resource_id
      RETURNING id, kind, labels
    ), removed AS (
      DELETE FROM resource_labels USING resource
      WHERE resource_id = resource.id AND NOT (resource.labels \\? resource_labels.key)
    ), set_labels AS (
      INSERT INTO resource_labels (kind, key, value, resource_id)
      SELECT resource.kind, label.key, label.value, resource.id
      FROM resource, jsonb_each_text(resource.labels) label
      ON CONFLICT (resource_id, key) DO UPDATE SET value = excluded.value
      WHERE resource_labels.value <> excluded.value
    )
    SELECT version FROM status`,
);

/**
 * Changes spec and labels. Generation, `updated_*` and conditions change with them, or not at all when the values are
 * the same. Two round trips; four when another process changes the same resource at that moment.
 * @throws ProblemError NTF-001, CNF-003 when the resource is being deleted, and what the patch throws
 */
export function patchResource(
  db: Database,
  target: Target,
  patch: Patch,
  kinds: Kinds,
): Promise<ResourceRow> {
  return db.queue.run(target.id, async () => {
    const patched = await tryPatch(db, await getWithReports(db, target), patch, kinds);
    if (patched !== undefined) return patched;
    return db.transaction(async (trx) => {
      const row = await lockWithReports(trx, target);
      const locked = await tryPatch({ query: trx.queryAndCommit }, row, patch, kinds);
      if (locked === undefined) throw new Error('a locked resource changed its version');
      return locked;
    });
  });
}

/** @returns the resulting resource; undefined when its version has changed since `row` was read */
async function tryPatch(
  session: Session,
  row: ResourceWithReports,
  { desired, assertVersion, actor }: Patch,
  kinds: Kinds,
): Promise<ResourceRow | undefined> {
  assertVersion(row.version);
  if (row.deleted_time !== null) {
    throw new ProblemError('CNF-003', `'${row.name}' is being deleted and cannot be changed.`);
  }
  const wanted = desired(row);
  if (isStored(wanted, row)) return row;
  const changed: ResourceWithReports = {
    ...row,
    ...wanted,
    generation: row.generation + 1,
    updated_time: new Date().toISOString(),
    updated_by: actor,
  };
  const aggregate = aggregateRow(changed, kinds);
  const [written] = await session.query(WRITE_PATCH, {
    id: row.id,
    version: row.version,
    spec: JSON.stringify(changed.spec),
    labels: JSON.stringify(changed.labels),
    generation: changed.generation,
    updated_time: changed.updated_time,
    updated_by: changed.updated_by,
    ...statusValues(aggregate),
  });
  return written && { ...changed, ...aggregate, version: written.version };
}

/** Compares values as JSON: the order of keys does not matter, and -0 is 0. */
function isStored(desired: Desired, { spec, labels }: ResourceRow): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(desired)), { spec, labels });
}
