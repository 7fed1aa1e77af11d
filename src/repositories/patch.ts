import { isDeepStrictEqual } from 'node:util';
import type { Kinds } from '../kinds/kind';
import { ProblemError } from '../problems/problem';
import { aggregateRow } from './aggregation';
import type { Database, Statement } from '../postgres/database';
import { assignStatus, changeResource, type ResourceWithReports, type Target } from './resources';
import { type JsonObject, type ResourceRow, STATUS_COLUMNS, statusValues } from './rows';

/** What a user decides about a resource after its creation. */
export interface Desired {
  spec: JsonObject;
  labels: Record<string, string>;
}

/** Compared as JSON tells values apart: the order of keys means nothing, and -0 is 0. */
function isStored(desired: Desired, { spec, labels }: ResourceRow): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(desired)), { spec, labels });
}

const RESOURCE_FIRST = 3 + STATUS_COLUMNS.length;

const WRITE_PATCH: Statement = {
  name: 'write_patch',
  operation: 'update',
  table: 'resources',
  // The resource is locked before its status, as everywhere. The removed labels and the set ones are
  // different rows, so the order of those two does not matter.
  text: `
    WITH locked AS MATERIALIZED (
      SELECT id FROM resources WHERE id = $1 FOR NO KEY UPDATE
    ), status AS (
      UPDATE resource_status SET version = version + 1, ${assignStatus(3)}
      WHERE resource_id = (SELECT id FROM locked) AND version = $2
      RETURNING resource_id, version
    ), resource AS (
      UPDATE resources SET
        spec = $${RESOURCE_FIRST}, labels = $${RESOURCE_FIRST + 1}, generation = $${RESOURCE_FIRST + 2},
        updated_time = $${RESOURCE_FIRST + 3}, updated_by = $${RESOURCE_FIRST + 4}
      FROM status WHERE id = status.resource_id
      RETURNING id, kind
    ), removed AS (
      DELETE FROM resource_labels USING resource
      WHERE resource_id = resource.id
        AND NOT ($${RESOURCE_FIRST + 1}::jsonb ? resource_labels.key)
    ), set_labels AS (
      INSERT INTO resource_labels (kind, key, value, resource_id)
      SELECT resource.kind, label.key, label.value, resource.id
      FROM resource, jsonb_each_text($${RESOURCE_FIRST + 1}::jsonb) label
      ON CONFLICT (resource_id, key) DO UPDATE SET value = excluded.value
      WHERE resource_labels.value <> excluded.value
    )
    SELECT version FROM status`,
};

/**
 * Changes what a user decides; generation, `updated_*` and conditions move together, or, when nothing
 * really changes, not at all.
 * @param decide the wanted state from the present one; throws to refuse
 * @param assertVersion throws when a precondition names another version
 * @throws ProblemError NTF-001, CNF-003 when the resource is being deleted, and what the callbacks throw
 */
export function patchResource(
  db: Database,
  target: Target,
  decide: (row: ResourceRow) => Desired,
  assertVersion: (version: number) => void,
  actor: string,
  kinds: Kinds,
): Promise<ResourceRow> {
  return changeResource<ResourceRow>(db, target, async (row, session) => {
    assertVersion(row.version);
    if (row.deleted_time !== null) {
      throw new ProblemError('CNF-003', `'${row.name}' is being deleted and cannot be changed.`);
    }
    const desired = decide(row);
    if (isStored(desired, row)) return row;
    const changed: ResourceWithReports = {
      ...row,
      ...desired,
      generation: row.generation + 1,
      updated_time: new Date().toISOString(),
      updated_by: actor,
    };
    const aggregate = aggregateRow(changed, kinds);
    const [written] = await session.query<{ version: number }>(WRITE_PATCH, [
      row.id,
      row.version,
      ...statusValues(aggregate),
      JSON.stringify(changed.spec),
      JSON.stringify(changed.labels),
      changed.generation,
      changed.updated_time,
      changed.updated_by,
    ]);
    return written && { ...changed, ...aggregate, version: written.version };
  });
}
