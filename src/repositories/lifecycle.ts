import { ProblemError } from '../problems/problem';
import type { Kinds } from '../kinds/kind';
import { aggregateRow, isRowComplete } from './aggregation';
import type { Database, Session, Statement } from '../postgres/database';
import {
  DECIDING_COLUMNS,
  lockResource,
  lockWithReports,
  notFound,
  type ResourceWithReports,
  type Target,
  TARGET,
  targetValues,
} from './resources';
import {
  RESOURCE_COLUMNS,
  RESOURCE_TABLES,
  type ResourceRow,
  STATUS_COLUMNS,
  STATUS_FROM_NEW,
  statusArrays,
  statusColumns,
} from './rows';

/*
 * Lock order, everywhere (docs/decisions/0003-lock-order.md): the cluster, then its node pools by id, and of
 * each its row in `resources` before the one in `resource_status`; last, by trigger, a counter. Whoever may
 * remove a node pool therefore locks its cluster first, because the removal of the last one may remove the
 * cluster.
 */

const FIND_OWNER: Statement = {
  name: 'find_owner',
  operation: 'select',
  table: 'resources',
  text: `SELECT r.owner_id FROM resources r WHERE ${TARGET}`,
};

/**
 * Locks a resource and, before it, the cluster it belongs to.
 * @throws ProblemError NTF-001
 */
export async function lockFamily(trx: Session, target: Target): Promise<ResourceWithReports> {
  const { parent } = target.kind;
  if (parent === undefined) return lockWithReports(trx, target);
  const [found] = await trx.query<{ owner_id: string }>(FIND_OWNER, targetValues(target));
  if (found === undefined) throw notFound(target);
  const [, row] = await Promise.all([
    lockResource(trx, { kind: parent, id: found.owner_id }),
    lockWithReports(trx, target),
  ]);
  return row;
}

const LOCK_CHILDREN: Statement = {
  name: 'lock_children',
  operation: 'select',
  table: 'resources',
  text: 'SELECT 1 FROM resources WHERE owner_id = $1 ORDER BY id FOR NO KEY UPDATE',
};

const LOCK_CHILDREN_STATUS: Statement = {
  name: 'lock_children_status',
  operation: 'select',
  table: 'resource_status',
  text: `
    SELECT 1 FROM resource_status
    WHERE resource_id IN (SELECT id FROM resources WHERE owner_id = $1)
    ORDER BY resource_id FOR UPDATE`,
};

const FIND_CHILDREN: Statement = {
  name: 'find_children',
  operation: 'select',
  table: 'resources',
  text: `
    SELECT ${RESOURCE_COLUMNS}, ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES}
    WHERE r.owner_id = $1 ORDER BY r.id`,
};

/** Locks the node pools of a cluster that is locked already, and reads them. */
async function lockChildren(trx: Session, clusterId: string): Promise<ResourceWithReports[]> {
  const [, , children] = await Promise.all([
    trx.query(LOCK_CHILDREN, [clusterId]),
    trx.query(LOCK_CHILDREN_STATUS, [clusterId]),
    trx.query<ResourceWithReports>(FIND_CHILDREN, [clusterId]),
  ]);
  return children;
}

/**
 * Marks a resource for deletion, and the node pools of a cluster with it; what has nothing to wait for
 * is removed in the same transaction. Marking again changes nothing.
 * @returns the resource as marked, even when it is already gone
 * @throws ProblemError NTF-001, and what `assertVersion` throws
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
    const children = row.has_children ? await lockChildren(trx, row.id) : [];
    const marked = children
      .filter((child) => child.deleted_time === null)
      .map((child) => mark(child, time, actor));
    const gone = marked.filter((child) => isRowComplete(child, kinds));
    const self = {
      ...mark(row, time, actor),
      has_children: children.length > gone.length,
    };
    await writeMarks(trx, [self, ...marked], kinds);
    const completed = isRowComplete(self, kinds) ? [...gone, self] : gone;
    await removeRows(trx, completed);
    return { ...self, ...aggregateRow(self, kinds), version: row.version + 1 };
  });
}

function mark(row: ResourceWithReports, time: string, actor: string): ResourceWithReports {
  return {
    ...row,
    generation: row.generation + 1,
    updated_time: time,
    updated_by: actor,
    deleted_time: time,
    deleted_by: actor,
  };
}

const WRITE_MARKS: Statement = {
  name: 'write_marks',
  operation: 'update',
  table: 'resources',
  text: `
    WITH marked AS (
      UPDATE resources SET generation = generation + 1, updated_time = $2, updated_by = $3,
        deleted_time = $2, deleted_by = $3
      WHERE id = ANY ($1::text[])
    )
    UPDATE resource_status s SET version = version + 1,
      ${STATUS_FROM_NEW}
    FROM unnest($1::text[], ${statusArrays(4)})
      AS new (resource_id, ${STATUS_COLUMNS.join(', ')})
    WHERE s.resource_id = new.resource_id`,
};

/** Stores freshly marked rows, all at once. */
async function writeMarks(
  trx: Session,
  rows: readonly ResourceWithReports[],
  kinds: Kinds,
): Promise<void> {
  await trx.query(WRITE_MARKS, [
    rows.map(({ id }) => id),
    rows[0]!.deleted_time,
    rows[0]!.deleted_by,
    ...statusColumns(rows.map((row) => aggregateRow(row, kinds))),
  ]);
}

const REMOVE: Statement = {
  name: 'remove_resources',
  operation: 'delete',
  table: 'resources',
  text: 'DELETE FROM resources WHERE id = ANY ($1::text[])',
};

/** Removes rows with their status, labels and reports. A cluster comes with, or after, its node pools. */
async function removeRows(trx: Session, rows: readonly { id: string }[]): Promise<void> {
  if (rows.length > 0) await trx.query(REMOVE, [rows.map(({ id }) => id)]);
}

const FIND_CLUSTER: Statement = {
  name: 'find_cluster',
  operation: 'select',
  table: 'resources',
  text: `SELECT ${RESOURCE_COLUMNS}, ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES} WHERE r.id = $1`,
};

const TOUCH: Statement = {
  name: 'touch_resource_status',
  operation: 'update',
  table: 'resource_status',
  text: 'UPDATE resource_status SET version = version + 1 WHERE resource_id = $1',
};

/**
 * Removes a resource that is complete, or to be removed by force, and then its cluster if that only
 * waited for it. The family is locked (`lockFamily`).
 */
export async function removeResource(
  trx: Session,
  row: ResourceWithReports,
  kinds: Kinds,
): Promise<void> {
  if (row.owner_id === null) return removeRows(trx, [row]);
  const [, found] = await Promise.all([
    removeRows(trx, [row]),
    trx.query<ResourceWithReports>(FIND_CLUSTER, [row.owner_id]),
  ]);
  const cluster = found[0]!;
  if (isRowComplete(cluster, kinds)) return removeRows(trx, [cluster]);
  // A report on the cluster that was judged while its last node pool was there must be judged again.
  if (cluster.deleted_time !== null && !cluster.has_children) await trx.query(TOUCH, [cluster.id]);
}

/**
 * Removes a resource marked for deletion without waiting for its adapters, with everything under it.
 * @returns the row that was removed
 * @throws ProblemError NTF-001, CNF-003 when it is not marked
 */
export function forceDeleteResource(
  db: Database,
  target: Target,
  kinds: Kinds,
): Promise<ResourceRow> {
  return db.transaction(async (trx) => {
    const row = await lockFamily(trx, target);
    if (row.deleted_time === null) {
      throw new ProblemError(
        'CNF-003',
        `'${row.name}' is not marked for deletion; DELETE it before removing it by force.`,
      );
    }
    if (row.has_children) await removeRows(trx, await lockChildren(trx, row.id));
    await removeResource(trx, row, kinds);
    return row;
  });
}
