import { randomInt } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import { aggregateConditions } from '../conditions/aggregate';
import type { AdapterStatus } from '../conditions/types';
import { ProblemError } from '../problems/problem';
import type { Kind } from '../kinds/kind';
import type { Database, Session, Statement } from '../postgres/database';
import {
  type JsonObject,
  RESOURCE_COLUMNS,
  RESOURCE_TABLES,
  type ResourceRow,
  STATUS_COLUMNS,
  statusValues,
} from './rows';

/** Where a resource is looked for: of a kind, and perhaps only under one parent. */
export interface Target {
  kind: Kind;
  id: string;
  /** The parent named in the path; absent: any. */
  ownerId?: string;
}

export function notFound({ kind, id, ownerId }: Target): ProblemError {
  const where = ownerId === undefined ? '' : ` in ${kind.parent!.noun} '${ownerId}'`;
  return new ProblemError('NTF-001', `${capitalized(kind.noun)} '${id}' was not found${where}.`);
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The condition that finds a target; its values come first in every statement that uses it. */
export const TARGET = `r.id = $1 AND r.kind = $2 AND ($3::text IS NULL OR r.owner_id = $3)`;

export function targetValues({ kind, id, ownerId }: Target): unknown[] {
  return [id, kind.name, ownerId ?? null];
}

const FIND: Statement = {
  name: 'find_resource',
  operation: 'select',
  table: 'resources',
  text: `SELECT ${RESOURCE_COLUMNS} FROM ${RESOURCE_TABLES} WHERE ${TARGET}`,
};

/** @throws ProblemError NTF-001 */
export async function getResource(db: Database, target: Target): Promise<ResourceRow> {
  const [row] = await db.read<ResourceRow>(FIND, targetValues(target));
  if (row === undefined) throw notFound(target);
  return row;
}

const FIND_VERSION: Statement = {
  name: 'find_resource_version',
  operation: 'select',
  table: 'resource_status',
  text: `SELECT s.version FROM ${RESOURCE_TABLES} WHERE ${TARGET}`,
};

/** Only the version: enough to answer 304 without reading the resource. @throws ProblemError NTF-001 */
export async function getVersion(db: Database, target: Target): Promise<number> {
  const [row] = await db.read<{ version: number }>(FIND_VERSION, targetValues(target));
  if (row === undefined) throw notFound(target);
  return row.version;
}

/** A resource with all that decides its conditions. */
export interface ResourceWithReports extends ResourceRow {
  /** Stored reports without their metadata and data, which decide nothing. */
  reports: AdapterStatus[];
  /** Children are left under it. */
  has_children: boolean;
}

const RFC_3339 = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;

/** Columns of the reports of `r` and whether it has children; both from the snapshot of the statement. */
export const DECIDING_COLUMNS = `
  coalesce((
    SELECT jsonb_agg(jsonb_build_object(
      'adapter', a.adapter,
      'observed_generation', a.observed_generation,
      'created_time', to_char(a.created_time AT TIME ZONE 'UTC', ${RFC_3339}),
      'last_report_time', to_char(a.last_report_time AT TIME ZONE 'UTC', ${RFC_3339}),
      'conditions', a.conditions))
    FROM adapter_statuses a WHERE a.resource_id = r.id), '[]') AS reports,
  EXISTS (SELECT 1 FROM resources child WHERE child.owner_id = r.id) AS has_children`;

const FIND_WITH_REPORTS: Statement = {
  name: 'find_resource_with_reports',
  operation: 'select',
  table: 'resources',
  text: `SELECT ${RESOURCE_COLUMNS}, ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES} WHERE ${TARGET}`,
};

const LOCK_RESOURCE: Statement = {
  name: 'lock_resource',
  operation: 'select',
  table: 'resources',
  // Not FOR UPDATE: storing a report checks its foreign key, and that must not wait for us.
  text: `SELECT 1 FROM resources r WHERE ${TARGET} FOR NO KEY UPDATE`,
};

const LOCK_STATUS: Statement = {
  name: 'lock_resource_status',
  operation: 'select',
  table: 'resource_status',
  text: 'SELECT 1 FROM resource_status WHERE resource_id = $1 FOR UPDATE',
};

/** Locks a resource, then its status, until the transaction ends; nothing to lock is no error. */
export async function lockResource(trx: Session, target: Target): Promise<void> {
  await Promise.all([
    trx.query(LOCK_RESOURCE, targetValues(target)),
    trx.query(LOCK_STATUS, [target.id]),
  ]);
}

/**
 * Reads a resource with its reports, after locking it in a transaction.
 * Locking and reading are separate statements because a lock may have to wait, and what it waited for
 * shows only in the snapshot of the next statement; all are sent at once.
 * @throws ProblemError NTF-001
 */
export async function lockWithReports(trx: Session, target: Target): Promise<ResourceWithReports> {
  const [, rows] = await Promise.all([
    lockResource(trx, target),
    trx.query<ResourceWithReports>(FIND_WITH_REPORTS, targetValues(target)),
  ]);
  if (rows[0] === undefined) throw notFound(target);
  return rows[0];
}

/** Reads a resource with its reports, unlocked. @throws ProblemError NTF-001 */
export async function getWithReports(db: Database, target: Target): Promise<ResourceWithReports> {
  const [row] = await db.read<ResourceWithReports>(FIND_WITH_REPORTS, targetValues(target));
  if (row === undefined) throw notFound(target);
  return row;
}

/**
 * Reads, decides, writes. `attempt` writes by one statement, at most, and only if the resource still has
 * the version it read; it returns undefined when it has not, and runs again with the resource locked.
 * So a change costs two round trips, or four when another process changes the same resource at that moment.
 * Changes by this process wait for one another, because a crowd that races mostly loses.
 */
export function changeResource<T>(
  db: Database,
  target: Target,
  attempt: (row: ResourceWithReports, session: Session) => Promise<T | undefined>,
): Promise<T> {
  return db.turns.take(target.id, async () => {
    const result = await attempt(await getWithReports(db, target), db);
    if (result !== undefined) return result;
    return db.transaction(async (trx) => {
      const row = await lockWithReports(trx, target);
      const last: Session = { query: (statement, values) => trx.queryAndCommit(statement, values) };
      const locked = await attempt(row, last);
      if (locked === undefined) throw new Error('a locked resource changed its version');
      return locked;
    });
  });
}

/** Placeholders `$first, $first+1, …` for `count` values. */
function placeholders(first: number, count: number): string {
  return Array.from({ length: count }, (_, index) => `$${first + index}`).join(', ');
}

/** `column = $n, …` for the status columns, the first value being `$first`. */
export function assignStatus(first: number): string {
  return STATUS_COLUMNS.map((column, index) => `${column} = $${first + index}`).join(', ');
}

export interface NewResource {
  kind: Kind;
  /** The parent, for kinds that have one. */
  ownerId?: string;
  name: string;
  spec: JsonObject;
  labels: Record<string, string>;
  actor: string;
}

// Two creates of one process within a millisecond still sort in their order. Unlike the default, `randomInt` draws its
// bytes in batches: one of an id's 16 random digits at a time, they would be 16 system calls.
const nextUlid = monotonicFactory(() => randomInt(32) / 32);

/** An id made from `time`, so that the order of ids is the order of creation. */
export function newId(time: Date): string {
  return `2${nextUlid(time.getTime()).toLowerCase()}`;
}

const CREATE: Statement = {
  name: 'create_resources',
  operation: 'insert',
  table: 'resources',
  // FOR SHARE waits for a deletion of the parent that is under way, and makes one that comes later wait.
  text: `
    WITH parent AS (
      SELECT id, deleted_time FROM resources WHERE id = $2 AND kind = $17 FOR SHARE
    ), resource AS (
      INSERT INTO resources (id, kind, owner_id, name, spec, labels, generation,
                             created_time, created_by, updated_time, updated_by)
      SELECT new.id, $1, $2, new.name, new.spec, new.labels, 1, $3, new.actor, $3, new.actor
      FROM unnest($4::text[], $5::text[], $6::jsonb[], $7::jsonb[], $8::text[])
        new (id, name, spec, labels, actor)
      WHERE $2::text IS NULL OR EXISTS (SELECT 1 FROM parent WHERE deleted_time IS NULL)
      ON CONFLICT DO NOTHING
      RETURNING id, kind, labels
    ), status AS (
      INSERT INTO resource_status (resource_id, kind, version, ${STATUS_COLUMNS.join(', ')})
      SELECT id, kind, 1, ${placeholders(9, STATUS_COLUMNS.length)} FROM resource
    ), label AS (
      INSERT INTO resource_labels (kind, key, value, resource_id)
      SELECT kind, label.key, label.value, id FROM resource, jsonb_each_text(labels) label
    )
    SELECT ARRAY(SELECT id FROM resource) AS created,
           (SELECT id FROM parent) AS parent_id,
           EXISTS (SELECT 1 FROM parent WHERE deleted_time IS NOT NULL) AS deleting`,
};

interface Draft extends NewResource {
  specJson: string;
}

/**
 * Creates a resource. Those of one kind and parent that arrive together share one statement.
 * @throws ProblemError CNF-001 name taken, NTF-001 no such parent, CNF-003 parent being deleted
 */
export async function createResource(db: Database, resource: NewResource): Promise<ResourceRow> {
  const draft = { ...resource, specJson: JSON.stringify(resource.spec) };
  const group = `${draft.kind.name} ${draft.ownerId ?? ''}`;
  const outcome = await db.batches.join(group, draft, draft.specJson.length, (drafts) =>
    createTogether(db, drafts),
  );
  if (outcome instanceof ProblemError) throw outcome;
  return outcome;
}

/** @returns for each of them what is stored, or why it cannot be */
async function createTogether(
  db: Database,
  drafts: readonly Draft[],
): Promise<(ResourceRow | ProblemError)[]> {
  const { kind, ownerId } = drafts[0]!;
  const now = new Date();
  const time = now.toISOString();
  const aggregate = aggregateConditions({
    kind: kind.name,
    generation: 1,
    ref: time,
    required: kind.requiredAdapters,
    reports: [],
    previous: [],
    deleting: false,
    hasChildren: false,
  });
  const resources = drafts.map((draft) => ({ ...draft, id: newId(now) }));
  // All processes take the same names in the same order, so that none waits for one that waits for it.
  const sorted = resources.toSorted((one, other) =>
    one.name < other.name ? -1 : Number(one.name > other.name),
  );
  const [stored] = await db.query<{
    created: string[];
    parent_id: string | null;
    deleting: boolean;
  }>(CREATE, [
    ...[kind.name, ownerId ?? null, time],
    sorted.map(({ id }) => id),
    sorted.map(({ name }) => name),
    sorted.map(({ specJson }) => specJson),
    sorted.map(({ labels }) => JSON.stringify(labels)),
    sorted.map(({ actor }) => actor),
    ...statusValues(aggregate),
    kind.parent?.name ?? null,
  ]);
  const { created, parent_id, deleting } = stored!;
  const ids = new Set(created);
  return resources.map(({ id, name, spec, labels, actor }) => {
    if (ids.has(id)) {
      return {
        ...{ id, kind: kind.name, owner_id: ownerId ?? null, name, spec, labels, generation: 1 },
        ...{ created_time: time, created_by: actor, updated_time: time, updated_by: actor },
        ...{ deleted_time: null, deleted_by: null, version: 1 },
        ...aggregate,
      };
    }
    const { parent } = kind;
    if (parent === undefined || ownerId === undefined) return nameTaken(kind, name);
    if (parent_id === null) return notFound({ kind: parent, id: ownerId });
    if (!deleting) return nameTaken(kind, name, ` in ${parent.noun} '${ownerId}'`);
    return new ProblemError(
      'CNF-003',
      `${capitalized(parent.noun)} '${ownerId}' is being deleted; no ${kind.noun} can be created in it.`,
    );
  });
}

function nameTaken({ noun }: Kind, name: string, where = ''): ProblemError {
  const detail = `A ${noun} named '${name}' already exists${where}.`;
  return new ProblemError('CNF-001', detail, {
    errors: [{ field: 'name', message: detail, constraint: 'unique', value: name }],
  });
}
