import { isDeepStrictEqual } from 'node:util';
import { aggregateRow, isRowComplete } from './aggregation';
import type { Database, Statement } from './connect';
import { lockFamily, removeResource } from './lifecycle';
import { DECIDING_COLUMNS, type RequiredAdapters, type ResourceWithReports } from './resources';
import {
  RESOURCE_COLUMNS,
  RESOURCE_TABLES,
  STATUS_COLUMNS,
  STATUS_FROM_NEW,
  statusArrays,
  statusColumns,
} from './rows';

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
  text: 'SELECT 1 FROM resource_status WHERE resource_id = ANY ($1::text[]) ORDER BY resource_id FOR UPDATE',
};

const WRITE_BATCH: Statement = {
  name: 'write_batch',
  operation: 'update',
  table: 'resource_status',
  text: `
    UPDATE resource_status s SET version = s.version + 1, ${STATUS_FROM_NEW}
    FROM unnest($1::text[], $2::bigint[], ${statusArrays(3)})
      AS new (resource_id, version, ${STATUS_COLUMNS.join(', ')})
    WHERE s.resource_id = new.resource_id AND s.version = new.version`,
};

export interface Progress {
  /** The last id done: a later run can begin behind it. */
  lastId: string;
  seen: number;
  changed: number;
  removed: number;
}

/**
 * Recomputes the conditions of every resource, in batches by id, for when the required adapters changed.
 * A resource that somebody else changes meanwhile is left to them: their write aggregates as well.
 * What is complete now, because nothing is required of it any more, is removed.
 * @param after begin behind this id; '' for all
 */
export async function reaggregateAll(
  db: Database,
  required: RequiredAdapters,
  after: string,
  batchSize: number,
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  const progress: Progress = { lastId: after, seen: 0, changed: 0, removed: 0 };
  for (;;) {
    const rows = await db.query<ResourceWithReports>(FIND_BATCH, [progress.lastId, batchSize]);
    if (rows.length === 0) return progress;
    const complete = rows.filter((row) => isRowComplete(row, required));
    const outdated = rows.filter((row) => !complete.includes(row) && isOutdated(row, required));
    if (outdated.length > 0) await writeBatch(db, outdated, required);
    for (const row of complete) await removeIfComplete(db, row, required);
    progress.lastId = rows.at(-1)!.id;
    progress.seen += rows.length;
    progress.changed += outdated.length;
    progress.removed += complete.length;
    onProgress(progress);
  }
}

function isOutdated(row: ResourceWithReports, required: RequiredAdapters): boolean {
  const { conditions, phase, last_transition_time, observed_generation, last_updated_time } = row;
  return !isDeepStrictEqual(aggregateRow(row, required), {
    ...{ conditions, phase, last_transition_time, observed_generation, last_updated_time },
  });
}

function writeBatch(
  db: Database,
  rows: readonly ResourceWithReports[],
  required: RequiredAdapters,
): Promise<void> {
  const ids = rows.map(({ id }) => id);
  return db.transaction(async (trx) => {
    await Promise.all([
      trx.query(LOCK_BATCH, [ids]),
      trx.query(WRITE_BATCH, [
        ids,
        rows.map(({ version }) => version),
        ...statusColumns(rows.map((row) => aggregateRow(row, required))),
      ]),
    ]);
  });
}

function removeIfComplete(
  db: Database,
  { kind, id }: ResourceWithReports,
  required: RequiredAdapters,
): Promise<void> {
  return db.transaction(async (trx) => {
    const row = await lockFamily(trx, { kind, id }).catch(() => undefined);
    if (row && isRowComplete(row, required)) await removeResource(trx, row, required);
  });
}
