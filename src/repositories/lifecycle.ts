import { capitalized, getKind, type Kind, type Kinds } from '../kinds/kind';
import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import type { Session } from '../postgres/transaction';
import { ProblemError } from '../problems/problem';
import { assertNotReferenced, nameThem } from './references';
import {
  DECIDING_COLUMNS,
  lockFamily,
  lockWithReports,
  type ResourceWithReports,
  aggregateRow,
  isRowComplete,
} from './resources';
import {
  columnsOf,
  NEW_VERSION,
  RESOURCE_TABLES,
  type ResourceRow,
  STATUS,
  statusValues,
  type StatusValues,
} from './rows';
import type { Target } from './targets';

/*
 * Lock order, everywhere (docs/decisions/0003-lock-order.md): the parent, then its children by id; for each, the row in
 * `resources` before the one in `resource_status`; last, by trigger, a counter. Code that may remove a child locks its
 * parent first, because the removal of the last child may remove the parent.
 */

interface ParentValues {
  parent_id: string;
}

const LOCK_CHILDREN = statement<object, ParentValues>(
  { name: 'lock_children', operation: 'select', table: 'resources' },
  'SELECT 1 FROM resources WHERE owner_id = :parent_id ORDER BY id FOR NO KEY UPDATE',
);

const LOCK_CHILDREN_STATUS = statement<object, ParentValues>(
  { name: 'lock_children_status', operation: 'select', table: 'resource_status' },
  `
    SELECT 1 FROM resource_status
    WHERE resource_id IN (SELECT id FROM resources WHERE owner_id = :parent_id)
    ORDER BY resource_id FOR UPDATE`,
);

const FIND_CHILDREN = statement<ResourceWithReports, ParentValues>(
  { name: 'find_children', operation: 'select', table: 'resources' },
  `SELECT ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES} WHERE r.owner_id = :parent_id ORDER BY r.id`,
);

/** Locks and reads the children of a locked resource. */
async function lockChildren(trx: Session, { id }: ResourceRow): Promise<ResourceWithReports[]> {
  const values = { parent_id: id };
  const [, , children] = await Promise.all([
    trx.query(LOCK_CHILDREN, values),
    trx.query(LOCK_CHILDREN_STATUS, values),
    trx.query(FIND_CHILDREN, values),
  ]);
  return children;
}

/**
 * Marks a resource and its children for deletion, and removes those that have nothing to wait for in the same
 * transaction. Repeating it changes nothing.
 * @returns the marked resource, even when it has been removed
 * @throws ProblemError NTF-001, CNF-003 for a child that must be deleted first, CNF-004 for references from others, and
 * what `assertVersion` throws
 */
export function deleteResource(
  db: Database,
  target: Target,
  assertVersion: (version: number) => void,
  actor: string,
  kinds: Kinds,
): Promise<ResourceRow> {
  return db.transaction(async (trx) => {
    const row = await lockWithReports(trx, target);
    assertVersion(row.version);
    if (row.deleted_time !== null) return row;

    const time = new Date().toISOString();
    const children = row.has_children ? await lockChildren(trx, row) : [];
    const unmarked = children.filter((child) => child.deleted_time === null);
    assertNoneStays(row, unmarked, kinds, (child) => child?.onParentDelete === 'cascade');
    await assertNotReferenced(trx, [row, ...unmarked], kinds);
    const marked = unmarked.map((child) => mark(child, time, actor));
    const gone = marked.filter((child) => isRowComplete(child, kinds));
    const self = { ...mark(row, time, actor), has_children: children.length > gone.length };
    await writeMarks(trx, [self, ...marked], kinds);
    await removeRows(trx, isRowComplete(self, kinds) ? [...gone, self] : gone);
    return { ...self, ...aggregateRow(self, kinds), version: row.version + 1 };
  });
}

/**
 * Children of a kind that is not declared stay, because nobody knows what their deletion waits for.
 * @throws ProblemError CNF-003 that names the children in the way
 */
function assertNoneStays(
  { kind, name }: ResourceRow,
  children: readonly ResourceRow[],
  kinds: Kinds,
  goes: (child: Kind | undefined) => boolean,
): void {
  const staying = children.filter((child) => !goes(kinds.get(child.kind)));
  if (staying.length === 0) return;
  throw new ProblemError(
    'CNF-003',
    `${capitalized(getKind(kinds, kind).noun)} '${name}' cannot be deleted before ${nameThem(staying, kinds)}.`,
  );
}

function mark(row: ResourceWithReports, time: string, actor: string): ResourceWithReports {
  return {
    ...row,
    generation: row.generation + 1,
    updated_time: time,
    updated_by: actor,
    deleted_time: time,
    deleted_by: actor,
    reference_ids: null,
  };
}

type MarkValues = { ids: string[]; marked_time: string; marked_by: string } & Record<
  keyof StatusValues,
  unknown[]
>;

const WRITE_MARKS = statement<object, MarkValues>(
  { name: 'write_marks', operation: 'update', table: 'resources' },
  `
    WITH marked AS (
      UPDATE resources SET
        generation = generation + 1,
        updated_time = :marked_time, updated_by = :marked_by,
        deleted_time = :marked_time, deleted_by = :marked_by,
        reference_ids = NULL, changed_xid = DEFAULT
      WHERE id = ANY (:ids::text[])
    ), dropped AS (
      DELETE FROM resource_references WHERE referrer_id = ANY (:ids::text[])
    )
    UPDATE resource_status s SET ${NEW_VERSION}, ${STATUS.assignNew}
    FROM unnest(:ids::text[], ${STATUS.arrays}) AS new (resource_id, ${STATUS.columns})
    WHERE s.resource_id = new.resource_id`,
);

/** Stores newly marked rows in one statement. */
async function writeMarks(
  trx: Session,
  rows: readonly ResourceWithReports[],
  kinds: Kinds,
): Promise<void> {
  await trx.query(WRITE_MARKS, {
    ids: rows.map(({ id }) => id),
    marked_time: rows[0]!.deleted_time!,
    marked_by: rows[0]!.deleted_by!,
    ...columnsOf(rows.map((row) => statusValues(aggregateRow(row, kinds)))),
  });
}

const REMOVE = statement<object, { ids: string[] }>(
  { name: 'remove_resources', operation: 'delete', table: 'resources' },
  'DELETE FROM resources WHERE id = ANY (:ids::text[])',
);

/** Removes rows with their status, labels and reports. A parent must come with or after its children. */
async function removeRows(trx: Session, rows: readonly { id: string }[]): Promise<void> {
  if (rows.length > 0) await trx.query(REMOVE, { ids: rows.map(({ id }) => id) });
}

const FIND_PARENT = statement<ResourceWithReports, { id: string }>(
  { name: 'find_parent', operation: 'select', table: 'resources' },
  `SELECT ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES} WHERE r.id = :id`,
);

const TOUCH = statement<object, { id: string }>(
  { name: 'touch_resource_status', operation: 'update', table: 'resource_status' },
  `UPDATE resource_status s SET ${NEW_VERSION} WHERE resource_id = :id`,
);

/**
 * Removes a resource, and then its parent if that only waited for this child. The family must be locked
 * (`lockFamily`).
 */
export async function removeResource(
  trx: Session,
  { id, owner_id }: ResourceRow,
  kinds: Kinds,
): Promise<void> {
  if (owner_id === null) return removeRows(trx, [{ id }]);
  const [, found] = await Promise.all([
    removeRows(trx, [{ id }]),
    trx.query(FIND_PARENT, { id: owner_id }),
  ]);
  const parent = found[0]!;
  if (isRowComplete(parent, kinds)) return removeRows(trx, [parent]);
  // A report on the parent that was judged while it had a child must be judged again.
  if (parent.deleted_time !== null && !parent.has_children) {
    await trx.query(TOUCH, { id: owner_id });
  }
}

/**
 * Removes a resource marked for deletion without waiting for its adapters, with everything under it.
 * @returns the row that was removed
 * @throws ProblemError NTF-001, CNF-003 when it is not marked or has a child of a kind that is not declared, and what
 * `assertVersion` throws
 */
export function forceDeleteResource(
  db: Database,
  target: Target,
  assertVersion: (version: number) => void,
  kinds: Kinds,
): Promise<ResourceRow> {
  return db.transaction(async (trx) => {
    const row = await lockFamily(trx, target);
    assertVersion(row.version);
    if (row.deleted_time === null) {
      throw new ProblemError(
        'CNF-003',
        `'${row.name}' is not marked for deletion; delete it before you force its removal.`,
      );
    }
    const children = row.has_children ? await lockChildren(trx, row) : [];
    assertNoneStays(row, children, kinds, (child) => child !== undefined);
    await assertNotReferenced(trx, [row, ...children], kinds);
    await removeRows(trx, children);
    await removeResource(trx, row, kinds);
    return row;
  });
}
