import { isDeepStrictEqual } from 'node:util';
import { getKind, type Kinds } from '../kinds/kind';
import { conditionTypeOf } from '../kinds/adapter-names';
import { ProblemError } from '../problems/problem';
import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import { removeResource } from './lifecycle';
import {
  DECIDING_COLUMNS,
  type ResourceWithReports,
  aggregateRow,
  isRowComplete,
  lockFamily,
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

/** Resources of a kind that is not declared are left alone. */
interface Remaining {
  after: string;
  declared: string[];
}

const COUNT_REMAINING = statement<{ total: number }, Remaining>(
  { name: 'count_remaining', operation: 'select', table: 'resources' },
  'SELECT count(*) AS total FROM resources WHERE id > :after AND kind = ANY (:declared::text[])',
);

const FIND_BATCH = statement<ResourceWithReports, Remaining & { size: number }>(
  { name: 'find_batch', operation: 'select', table: 'resources' },
  `
    SELECT ${DECIDING_COLUMNS} FROM ${RESOURCE_TABLES}
    WHERE r.id > :after AND r.kind = ANY (:declared::text[]) ORDER BY r.id LIMIT :size`,
);

type BatchValues = { ids: string[]; versions: number[] } & Record<keyof StatusValues, unknown[]>;

const WRITE_BATCH = statement<{ resource_id: string }, BatchValues>(
  { name: 'write_batch', operation: 'update', table: 'resource_status' },
  // Skips locked rows: it holds the statuses of several families, and must not wait for one that holds its resource.
  `
    WITH new AS MATERIALIZED (
      SELECT * FROM unnest(:ids::text[], :versions::bigint[], ${STATUS.arrays})
        AS new (resource_id, version, ${STATUS.columns})
    ), unchanged AS (
      SELECT resource_id FROM resource_status s JOIN new USING (resource_id, version)
      FOR UPDATE OF s SKIP LOCKED
    )
    UPDATE resource_status s SET ${NEW_VERSION}, ${STATUS.assignNew}
    FROM unchanged JOIN new USING (resource_id)
    WHERE s.resource_id = unchanged.resource_id
    RETURNING s.resource_id`,
);

function batchValues(rows: readonly ResourceWithReports[], kinds: Kinds): BatchValues {
  return {
    ids: rows.map(({ id }) => id),
    versions: rows.map(({ version }) => version),
    ...columnsOf(rows.map((row) => statusValues(aggregateRow(row, kinds)))),
  };
}

export interface Progress {
  /** The last processed id; a later run can continue after it. */
  lastId: string;
  /** Number of resources to process, at the start. */
  total: number;
  seen: number;
  changed: number;
  removed: number;
}

/** A stored report has the condition type of a different, required adapter: neither of the two can report. */
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
 * Recomputes the conditions of every resource, in batches by id, after a change of the required adapters. Removes
 * resources whose deletion is complete now that less is required. Running it again changes nothing.
 * @param after process only greater ids; '' for all
 */
export async function reaggregateAll(
  db: Database,
  kinds: Kinds,
  after: string,
  batchSize: number,
  observer: ReaggregateObserver,
): Promise<Progress> {
  const declared = [...kinds.keys()];
  const [count] = await db.query(COUNT_REMAINING, { after, declared });
  const progress = { lastId: after, total: count!.total, seen: 0, changed: 0, removed: 0 };
  for (;;) {
    const rows = await db.query(FIND_BATCH, { after: progress.lastId, declared, size: batchSize });
    if (rows.length === 0) return progress;
    rows.flatMap((row) => collisionsOf(row, kinds)).forEach(observer.onCollision);
    const complete = rows.filter((row) => isRowComplete(row, kinds));
    const outdated = rows.filter((row) => !complete.includes(row) && isOutdated(row, kinds));
    const written = await writeBatch(db, outdated, kinds);
    progress.changed += written.size;
    // The others have changed meanwhile or are about to, perhaps by a server that still has the old list of adapters.
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

/** Writes the rows that have not changed since they were read, and that nobody is changing. @returns their ids */
async function writeBatch(
  db: Database,
  rows: readonly ResourceWithReports[],
  kinds: Kinds,
): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const written = await db.query(WRITE_BATCH, batchValues(rows, kinds));
  return new Set(written.map(({ resource_id }) => resource_id));
}

/** Recomputes the conditions of one resource under lock, or removes the resource if it is complete. */
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
    await trx.queryAndCommit(WRITE_BATCH, batchValues([row], kinds));
    return 'changed';
  });
}

function unlessGone(error: unknown): undefined {
  if (error instanceof ProblemError && error.code === 'NTF-001') return undefined;
  throw error;
}
