import { type Aggregate, aggregateConditions, isComplete } from '../conditions/aggregate';
import type { AdapterStatus, AggregateInput } from '../conditions/types';
import { getKind, type Kinds } from '../kinds/kind';
import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import type { Session } from '../postgres/transaction';
import { RESOURCE_COLUMNS, RESOURCE_TABLES, type ResourceRow, timeText } from './rows';
import { IS_TARGET, notFound, type Target, targetValues, type TargetValues } from './targets';

const FIND = statement<ResourceRow, TargetValues>(
  { name: 'find_resource', operation: 'select', table: 'resources' },
  `SELECT ${RESOURCE_COLUMNS} FROM ${RESOURCE_TABLES} WHERE ${IS_TARGET}`,
);

/** @throws ProblemError NTF-001 */
export async function getResource(db: Database, target: Target): Promise<ResourceRow> {
  const [row] = await db.read(FIND, targetValues(target));
  if (row === undefined) throw notFound(target);
  return row;
}

const FIND_KIND = statement<{ kind: string }, { id: string }>(
  { name: 'find_kind', operation: 'select', table: 'resources' },
  'SELECT kind FROM resources WHERE id = :id',
);

/** @returns the name of a resource's kind, which need not be declared; undefined: there is no such resource */
export async function findKindName(db: Database, id: string): Promise<string | undefined> {
  const [row] = await db.read(FIND_KIND, { id });
  return row?.kind;
}

const FIND_VERSION = statement<{ version: number }, TargetValues>(
  { name: 'find_resource_version', operation: 'select', table: 'resource_status' },
  `SELECT s.version FROM ${RESOURCE_TABLES} WHERE ${IS_TARGET}`,
);

/** Only the version: enough to respond 304 without reading the resource. @throws ProblemError NTF-001 */
export async function getVersion(db: Database, target: Target): Promise<number> {
  const [row] = await db.read(FIND_VERSION, targetValues(target));
  if (row === undefined) throw notFound(target);
  return row.version;
}

/** A resource with all that decides its conditions. */
export interface ResourceWithReports extends ResourceRow {
  /** Stored reports without their metadata and data, which decide nothing. */
  reports: AdapterStatus[];
  /** It still has children. */
  has_children: boolean;
}

/** Columns of a `ResourceWithReports`; all come from the snapshot of the statement. */
export const DECIDING_COLUMNS = `${RESOURCE_COLUMNS},
  coalesce((
    SELECT jsonb_agg(jsonb_build_object(
      'adapter', a.adapter,
      'observed_generation', a.observed_generation,
      'created_time', ${timeText('a.created_time')},
      'last_report_time', ${timeText('a.last_report_time')},
      'conditions', a.conditions))
    FROM adapter_statuses a WHERE a.resource_id = r.id), '[]') AS reports,
  EXISTS (SELECT 1 FROM resources child WHERE child.owner_id = r.id) AS has_children`;

const FIND_WITH_REPORTS = statement<ResourceWithReports, TargetValues>(
  { name: 'find_resource_with_reports', operation: 'select', table: 'resources' },
  `SELECT ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES} WHERE ${IS_TARGET}`,
);

/** Reads a resource with its reports, unlocked. @throws ProblemError NTF-001 */
export async function getWithReports(db: Database, target: Target): Promise<ResourceWithReports> {
  const [row] = await db.read(FIND_WITH_REPORTS, targetValues(target));
  if (row === undefined) throw notFound(target);
  return row;
}

const LOCK_RESOURCE = statement<object, TargetValues>(
  { name: 'lock_resource', operation: 'select', table: 'resources' },
  // Not FOR UPDATE: storing a report checks its foreign key, and must not wait for this lock.
  `SELECT 1 FROM resources r WHERE ${IS_TARGET} FOR NO KEY UPDATE`,
);

const LOCK_STATUS = statement<object, { id: string }>(
  { name: 'lock_resource_status', operation: 'select', table: 'resource_status' },
  'SELECT 1 FROM resource_status WHERE resource_id = :id FOR UPDATE',
);

/** Locks a resource, then its status, until the transaction ends. A missing resource is not an error. */
async function lockResource(trx: Session, target: Target): Promise<void> {
  await Promise.all([
    trx.query(LOCK_RESOURCE, targetValues(target)),
    trx.query(LOCK_STATUS, { id: target.id }),
  ]);
}

/**
 * Locks a resource in a transaction and reads it with its reports. Locking and reading are separate statements: a lock
 * may have to wait for a change, which only the snapshot of the next statement shows. All are sent at once.
 * @throws ProblemError NTF-001
 */
export async function lockWithReports(trx: Session, target: Target): Promise<ResourceWithReports> {
  const [, rows] = await Promise.all([
    lockResource(trx, target),
    trx.query(FIND_WITH_REPORTS, targetValues(target)),
  ]);
  if (rows[0] === undefined) throw notFound(target);
  return rows[0];
}

const FIND_OWNER = statement<{ owner_id: string }, TargetValues>(
  { name: 'find_owner', operation: 'select', table: 'resources' },
  `SELECT r.owner_id FROM resources r WHERE ${IS_TARGET}`,
);

/**
 * Locks a resource and, before it, its parent.
 * @throws ProblemError NTF-001
 */
export async function lockFamily(trx: Session, target: Target): Promise<ResourceWithReports> {
  const { parent } = target.kind;
  if (parent === undefined) return lockWithReports(trx, target);
  const [found] = await trx.query(FIND_OWNER, targetValues(target));
  if (found === undefined) throw notFound(target);
  const [, row] = await Promise.all([
    lockResource(trx, { kind: parent, id: found.owner_id }),
    lockWithReports(trx, target),
  ]);
  return row;
}

/** What determines the conditions of a resource, from its stored row. */
export function aggregateInput(row: ResourceWithReports, kinds: Kinds): AggregateInput {
  return {
    kind: row.kind,
    generation: row.generation,
    ref: row.updated_time,
    required: getKind(kinds, row.kind).requiredAdapters,
    reports: row.reports,
    previous: row.conditions,
    previousPhase: { phase: row.phase, since: row.last_transition_time },
    deleting: row.deleted_time !== null,
    hasChildren: row.has_children,
  };
}

/** The conditions of a resource. */
export function aggregateRow(row: ResourceWithReports, kinds: Kinds): Aggregate {
  return aggregateConditions(aggregateInput(row, kinds));
}

/** Whether a resource marked for deletion has nothing left to wait for. */
export function isRowComplete(row: ResourceWithReports, kinds: Kinds): boolean {
  return isComplete(aggregateInput(row, kinds));
}
