import { type Decision, decideReport } from '../conditions/decide';
import type { Report } from '../conditions/report';
import type { AdapterStatus } from '../conditions/types';
import type { Kinds } from '../kinds/kind';
import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import type { Session } from '../postgres/transaction';
import { removeResource } from './lifecycle';
import { getWithReports, type ResourceWithReports, aggregateInput, lockFamily } from './resources';
import {
  arraysOf,
  columnsOf,
  NEW_VERSION,
  STATUS,
  STATUS_TYPES,
  statusValues,
  type StatusValues,
  valuesOf,
} from './rows';
import type { Target } from './targets';

/**
 * Decides about a report and applies the decision, so that concurrent reports on one resource all count.
 * Two round trips when it is stored, otherwise one. Concurrent reports on different resources are written together.
 * Changes to one resource by this process wait for one another: in a race, most of them would have to be repeated.
 * @param receivedAt RFC 3339 UTC with milliseconds
 * @throws ProblemError NTF-001
 */
export function storeReport(
  db: Database,
  target: Target,
  report: Report,
  kinds: Kinds,
  receivedAt: string,
): Promise<Decision> {
  const decide = (row: ResourceWithReports): Decision =>
    decideReport(report, aggregateInput(row, kinds), receivedAt);

  return db.queue.run(target.id, async () => {
    const row = await getWithReports(db, target);
    const decision = decide(row);
    if (decision.outcome === 'refused' || decision.outcome === 'discarded') return decision;
    if (decision.outcome === 'stored' && (await writeTogether(db, reportWrite(row, decision)))) {
      return decision;
    }
    // The resource is being changed by another process, or must be removed: decide again with the family locked.
    return db.transaction(async (trx) => {
      const locked = await lockFamily(trx, target);
      const final = decide(locked);
      if (final.outcome === 'stored') {
        const last = { query: trx.queryAndCommit };
        const [stored] = await writeReports(last, [reportWrite(locked, final)]);
        if (!stored) throw new Error('a locked resource changed its version');
      }
      if (final.outcome === 'completed') await removeResource(trx, locked, kinds);
      return final;
    });
  });
}

const REPORT_TYPES = {
  report_adapter: 'text',
  report_observed_generation: 'integer',
  report_created_time: 'timestamptz',
  report_last_report_time: 'timestamptz',
  report_conditions: 'jsonb',
  report_metadata: 'jsonb',
  report_data: 'jsonb',
} as const;
const REPORT_VALUES = Object.keys(REPORT_TYPES);
const REPORT_COLUMNS = REPORT_VALUES.map((name) => name.replace('report_', ''));

/** One report to be stored, with the status that follows, if the resource still has this version. */
type ReportWrite = { resource_id: string; version: number } & StatusValues &
  Record<keyof typeof REPORT_TYPES, unknown>;

const WRITE_TYPES = {
  resource_id: 'text',
  version: 'bigint',
  ...STATUS_TYPES,
  ...REPORT_TYPES,
} as const;

// The arrays are subqueries, so that PostgreSQL does not see their lengths: with them it finds a custom plan cheaper
// than the generic one, and plans at every execution.
const SEVERAL = arraysOf(WRITE_TYPES).replaceAll(/:\w+::\w+\[\]/g, '(SELECT $&)');

const WRITE_REPORT = writing<ReportWrite>(
  'write_report',
  `NOT MATERIALIZED (SELECT ${valuesOf(WRITE_TYPES)})`,
);
const WRITE_REPORTS = writing<Record<keyof ReportWrite, unknown[]>>(
  'write_reports',
  `MATERIALIZED (SELECT * FROM unnest(${SEVERAL}))`,
);

/** The SQL for one report and for several differs only in its source: arrays would make a single report slower. */
function writing<Values extends object>(name: string, source: string) {
  return statement<{ resource_id: string }, Values>(
    { name, operation: 'update', table: 'adapter_statuses' },
    // Skips locked rows: they are about to change, and a statement that does not wait cannot be part of a deadlock.
    `
      WITH new (${Object.keys(WRITE_TYPES).join(', ')}) AS ${source},
      unchanged AS (
        SELECT resource_id FROM resource_status s JOIN new USING (resource_id, version)
        FOR UPDATE OF s SKIP LOCKED
      ), owner AS (
        UPDATE resource_status s SET ${NEW_VERSION}, ${STATUS.assignNew}
        FROM unchanged JOIN new USING (resource_id)
        WHERE s.resource_id = unchanged.resource_id
        RETURNING s.resource_id
      )
      INSERT INTO adapter_statuses (resource_id, ${REPORT_COLUMNS.join(', ')})
      SELECT resource_id, ${REPORT_VALUES.join(', ')} FROM owner JOIN new USING (resource_id)
      ON CONFLICT (resource_id, adapter) DO UPDATE SET
        ${REPORT_COLUMNS.slice(1)
          .map((column) => `${column} = excluded.${column}`)
          .join(', ')}
      RETURNING resource_id`,
  );
}

function reportWrite(
  { id, version }: ResourceWithReports,
  { status, aggregate }: Extract<Decision, { outcome: 'stored' }>,
): ReportWrite {
  return {
    ...{ resource_id: id, version },
    ...statusValues(aggregate),
    ...reportValues(status),
  };
}

function reportValues(status: AdapterStatus): Record<keyof typeof REPORT_TYPES, unknown> {
  return {
    report_adapter: status.adapter,
    report_observed_generation: status.observed_generation,
    report_created_time: status.created_time,
    report_last_report_time: status.last_report_time,
    report_conditions: JSON.stringify(status.conditions),
    report_metadata: status.metadata === undefined ? null : JSON.stringify(status.metadata),
    report_data: JSON.stringify(status.data),
  };
}

/** Stores a report together with concurrent ones. @returns false when the version has changed */
function writeTogether(db: Database, write: ReportWrite): Promise<boolean> {
  const length = Object.values(write).reduce<number>(
    (sum, it) => sum + (typeof it === 'string' ? it.length : 0),
    0,
  );
  return db.batches.join('reports', write, length, (writes) => writeReports(db, writes));
}

/**
 * Stores reports, and the conditions they lead to.
 * @returns for each, whether it is stored; false when its resource has changed since it was read, or is being changed
 */
async function writeReports(session: Session, writes: readonly ReportWrite[]): Promise<boolean[]> {
  // Of several reports on one resource, one wins. They usually queue, but the queue does not guarantee it.
  const winners = new Map(writes.map((write) => [write.resource_id, write]));
  const rows = [...winners.values()];
  const stored = await (rows.length === 1
    ? session.query(WRITE_REPORT, rows[0]!)
    : session.query(WRITE_REPORTS, columnsOf(rows)));
  const ids = new Set(stored.map(({ resource_id }) => resource_id));
  return writes.map(
    (write) => ids.has(write.resource_id) && winners.get(write.resource_id) === write,
  );
}
