import { isDeepStrictEqual } from 'node:util';
import { getKind, type Kinds } from '../kinds/kind';
import { conditionTypeOf } from '../kinds/adapter-names';
import { ProblemError } from '../problems/problem';
import { aggregateRow, isRowComplete } from './aggregation';
import type { Database, Statement } from '../postgres/database';
import { lockFamily, removeResource } from './lifecycle';
import { DECIDING_COLUMNS, type ResourceWithReports } from './resources';
import {
  RESOURCE_COLUMNS,
  RESOURCE_TABLES,
  type ResourceRow,
  STATUS_COLUMNS,
  STATUS_FROM_NEW,
  statusArrays,
  statusColumns,
} from './rows';

const COUNT_REMAINING: Statement = {
  name: 'count_remaining',
  operation: 'select',
  table: 'resources',
  text: 'SELECT count(*) AS total FROM resources WHERE id > $1',
};

const FIND_BATCH: Statement = {
  name: 'find_batch',
  operation: 'select',
  table: 'resources',
  text: `
    SELECT ${RESOURCE_COLUMNS}, ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES}
    WHERE r.id > $1 ORDER BY r.id LIMIT $2`,
};

const LOCK_BATCH: Statement = {
  name: 'lock_batch',
  operation: 'select',
  table: 'resource_status',
  // Families one after the other, and in each the cluster first, whatever the clocks did to the ids:
  // whoever deletes a cluster locks its family in this order as well.
  text: `
    SELECT 1 FROM resource_status s JOIN resources r ON r.id = s.resource_id
    WHERE s.resource_id = ANY ($1::text[])
    ORDER BY coalesce(r.owner_id, r.id), r.owner_id IS NOT NULL, r.id
    FOR UPDATE OF s`,
};

const WRITE_BATCH: Statement = {
  name: 'write_batch',
  operation: 'update',
  table: 'resource_status',
  text: `
    UPDATE resource_status s SET version = s.version + 1, ${STATUS_FROM_NEW}
    FROM unnest($1::text[], $2::bigint[], ${statusArrays(3)})
      AS new (resource_id, version, ${STATUS_COLUMNS.join(', ')})
    WHERE s.resource_id = new.resource_id AND s.version = new.version
    RETURNING s.resource_id`,
};

export interface Progress {
  /** The last id done: a later run can begin behind it. */
  lastId: string;
  /** Resources there were behind `after` at the start. */
  total: number;
  seen: number;
  changed: number;
  removed: number;
}

/** A stored report under the condition type of an adapter that is required now: neither can report any more. */
export interface Collision {
  resourceId: string;
  adapter: string;
  requiredAdapter: string;
}

export interface ReaggregateObserver {
  onProgress: (progress: Readonly<Progress>) => void;
  onCollision: (collision: Collision) => void;
}

/**
 * Recomputes the conditions of every resource, in batches by id, for when the required adapters changed.
 * What is complete now, because less is required of it, is removed. Running it again changes nothing.
 * @param after begin behind this id; '' for all
 */
export async function reaggregateAll(
  db: Database,
  kinds: Kinds,
  after: string,
  batchSize: number,
  observer: ReaggregateObserver,
): Promise<Progress> {
  const [count] = await db.query<{ total: number }>(COUNT_REMAINING, [after]);
  const progress = { lastId: after, total: count!.total, seen: 0, changed: 0, removed: 0 };
  for (;;) {
    const rows = await db.query<ResourceWithReports>(FIND_BATCH, [progress.lastId, batchSize]);
    if (rows.length === 0) return progress;
    rows.flatMap((row) => collisionsOf(row, kinds)).forEach(observer.onCollision);
    const complete = rows.filter((row) => isRowComplete(row, kinds));
    const outdated = rows.filter((row) => !complete.includes(row) && isOutdated(row, kinds));
    const written = await writeBatch(db, outdated, kinds);
    progress.changed += written.size;
    // Somebody else changed the others meanwhile, perhaps a server that still has the old list.
    for (const row of [...complete, ...outdated.filter(({ id }) => !written.has(id))]) {
      const done = await reaggregateOne(db, row, kinds);
      if (done !== undefined) progress[done]++;
    }
    progress.lastId = rows.at(-1)!.id;
    progress.seen += rows.length;
    observer.onProgress(progress);
  }
}

function collisionsOf({ id, kind, reports }: ResourceWithReports, kinds: Kinds): Collision[] {
  const types = new Map(
    getKind(kinds, kind).requiredAdapters.map((adapter) => [conditionTypeOf(adapter), adapter]),
  );
  return reports.flatMap(({ adapter }) => {
    const requiredAdapter = types.get(conditionTypeOf(adapter));
    if (requiredAdapter === undefined || requiredAdapter === adapter) return [];
    return { resourceId: id, adapter, requiredAdapter };
  });
}

function isOutdated(row: ResourceWithReports, kinds: Kinds): boolean {
  const { conditions, phase, last_transition_time, observed_generation, last_updated_time } = row;
  return !isDeepStrictEqual(aggregateRow(row, kinds), {
    ...{ conditions, phase, last_transition_time, observed_generation, last_updated_time },
  });
}

/** Writes, in one round trip, what nobody has changed since it was read. @returns the ids written */
async function writeBatch(
  db: Database,
  rows: readonly ResourceWithReports[],
  kinds: Kinds,
): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const ids = rows.map(({ id }) => id);
  const values = [
    ids,
    rows.map(({ version }) => version),
    ...statusColumns(rows.map((row) => aggregateRow(row, kinds))),
  ];
  const written = await db.transaction(async (trx) => {
    const [, changed] = await Promise.all([
      trx.query(LOCK_BATCH, [ids]),
      trx.queryAndCommit<{ resource_id: string }>(WRITE_BATCH, values),
    ]);
    return changed;
  });
  return new Set(written.map(({ resource_id }) => resource_id));
}

/** Does the same to one resource while nobody else can change it, and removes it when it is complete. */
function reaggregateOne(
  db: Database,
  { kind, id }: ResourceRow,
  kinds: Kinds,
): Promise<'changed' | 'removed' | undefined> {
  return db.transaction(async (trx) => {
    const row = await lockFamily(trx, { kind: getKind(kinds, kind), id }).catch(unlessGone);
    if (row === undefined) return undefined;
    if (isRowComplete(row, kinds)) {
      await removeResource(trx, row, kinds);
      return 'removed';
    }
    if (!isOutdated(row, kinds)) return undefined;
    const columns = statusColumns([aggregateRow(row, kinds)]);
    await trx.queryAndCommit(WRITE_BATCH, [[id], [row.version], ...columns]);
    return 'changed';
  });
}

function unlessGone(error: unknown): undefined {
  if (error instanceof ProblemError && error.code === 'NTF-001') return undefined;
  throw error;
}
