import { isDeepStrictEqual } from 'node:util';
import type { Aggregate } from '../conditions/aggregate';
import { getKind, type Kinds } from '../kinds/kind';
import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import type { Session, Transaction } from '../postgres/transaction';
import { ProblemError } from '../problems/problem';
import {
  assertReferences,
  idsOf,
  lockRows,
  type ReferenceCheck,
  type References,
  referencesValues,
  WRITE_REFERENCES,
} from './references';
import {
  getWithReports,
  lockWithReports,
  type ResourceWithReports,
  aggregateRow,
} from './resources';
import {
  type JsonObject,
  NEW_VERSION,
  type ResourceRow,
  STATUS,
  statusValues,
  type StatusValues,
} from './rows';
import type { Target } from './targets';

/** What a user can change in a resource. */
export interface Desired {
  spec: JsonObject;
  labels: Record<string, string>;
  references: References;
}

export interface Patch {
  /** Derives the desired state from the current one. */
  desired: (row: ResourceRow) => Desired;
  /** Throws when that state may not be stored. A patch that changes nothing is not asked: rules become stricter. */
  assertValid: (desired: Desired) => void;
  /** Throws when a precondition names another version. */
  assertVersion: (version: number) => void;
  actor: string;
  /** Resources that it may begin to refer to; undefined: it leaves references alone. */
  targetIds?: readonly string[] | undefined;
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
      UPDATE resource_status s SET ${NEW_VERSION}, ${STATUS.assign}
      WHERE resource_id = (SELECT id FROM locked) AND version = :version
      RETURNING resource_id, version
    ), resource AS (
      UPDATE resources SET
        spec = :spec, labels = :labels, generation = :generation,
        updated_time = :updated_time, updated_by = :updated_by,
        changed_xid = DEFAULT
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
 * Changes spec, labels and references. Generation, `updated_*` and conditions change with them, or not at all when the
 * values are the same. Two round trips, unless references change or another process changes the resource at that moment.
 * @throws ProblemError NTF-001, CNF-003 when the resource is being deleted, VAL-000 for references, and what the patch
 * throws
 */
export function patchResource(
  db: Database,
  target: Target,
  patch: Patch,
  kinds: Kinds,
): Promise<ResourceRow> {
  return db.queue.run(target.id, async () => {
    if (patch.targetIds === undefined) {
      const row = await getWithReports(db, target);
      const change = changeOf(row, patch, kinds);
      if (change === undefined) return row;
      const written = await write(db, change);
      if (written !== undefined) return written;
    }
    return db.transaction((trx) => patchLocked(trx, target, patch, kinds));
  });
}

/** The targets are locked too, so that each is there until the reference is. */
async function patchLocked(
  trx: Transaction,
  target: Target,
  patch: Patch,
  kinds: Kinds,
): Promise<ResourceRow> {
  const { targetIds } = patch;
  const [targets, row] = await Promise.all([
    lockRows(trx, [target.id, ...(targetIds ?? [])]),
    lockWithReports(trx, target),
  ]);
  const change = changeOf(row, patch, kinds, targetIds && targets);
  if (change === undefined) return row;
  if (targetIds !== undefined) {
    await trx.query(WRITE_REFERENCES, referencesValues(row.id, change.changed.reference_ids));
  }
  const written = await write({ query: trx.queryAndCommit }, change);
  if (written === undefined) throw new Error('a locked resource changed its version');
  return written;
}

/** A row, and what becomes of it. */
interface Change {
  row: ResourceWithReports;
  changed: ResourceWithReports;
  aggregate: Aggregate;
}

/**
 * @param targets what it may begin to refer to, locked; undefined: it leaves references alone
 * @returns undefined when nothing changes
 */
function changeOf(
  row: ResourceWithReports,
  { desired, assertValid, assertVersion, actor }: Patch,
  kinds: Kinds,
  targets?: ReferenceCheck['targets'],
): Change | undefined {
  assertVersion(row.version);
  if (row.deleted_time !== null) {
    throw new ProblemError('CNF-003', `'${row.name}' is being deleted and cannot be changed.`);
  }
  const wanted = desired(row);
  if (targets !== undefined) {
    const stored = row.reference_ids ?? {};
    const kind = getKind(kinds, row.kind);
    assertReferences({ kind, wanted: wanted.references, stored, targets });
  }
  const { spec, labels } = wanted;
  const reference_ids = idsOf(wanted.references);
  if (isStored({ spec, labels, reference_ids }, row)) return undefined;
  assertValid(wanted);
  const changed: ResourceWithReports = {
    ...row,
    ...{ spec, labels, reference_ids },
    generation: row.generation + 1,
    updated_time: new Date().toISOString(),
    updated_by: actor,
  };
  return { row, changed, aggregate: aggregateRow(changed, kinds) };
}

/** Compares values as JSON: the order of keys does not matter, and -0 is 0. */
function isStored(
  wanted: Pick<ResourceRow, 'spec' | 'labels' | 'reference_ids'>,
  { spec, labels, reference_ids }: ResourceRow,
): boolean {
  const stored = { spec, labels, reference_ids: reference_ids ?? {} };
  return isDeepStrictEqual(JSON.parse(JSON.stringify(wanted)), stored);
}

/** @returns the resulting resource; undefined when its version has changed since it was read */
async function write(
  session: Session,
  { row, changed, aggregate }: Change,
): Promise<ResourceRow | undefined> {
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
