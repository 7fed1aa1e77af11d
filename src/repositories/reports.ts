import { type DiscardReason, judgeReport, type Report } from '../conditions/report';
import type { Kinds } from '../kinds/kind';
import type { AdapterStatus } from '../conditions/types';
import { ProblemError } from '../problems/problem';
import { aggregateRow, isRowComplete } from './aggregation';
import type { Database, Session, Statement } from '../postgres/database';
import { lockFamily, removeResource } from './lifecycle';
import { changeResource, type ResourceWithReports, type Target } from './resources';
import { STATUS_COLUMNS, STATUS_FROM_NEW, STATUS_TYPES, statusValues } from './rows';

export type ReportOutcome =
  { outcome: 'accepted'; status: AdapterStatus } | { outcome: 'discarded'; reason: DiscardReason };

/**
 * Judges a report, stores it and aggregates, so that concurrent reports on one resource all count.
 * Two round trips when it is accepted (four when another process changes the resource at that moment), one when it
 * is discarded. Those about different resources that arrive together are written together.
 * @param receivedAt RFC 3339 UTC with milliseconds
 * @throws ProblemError NTF-001 (first of all), VAL-000, CNF-002
 */
export async function storeReport(
  db: Database,
  target: Target,
  report: Report,
  kinds: Kinds,
  receivedAt: string,
): Promise<ReportOutcome> {
  const judge = (row: ResourceWithReports): ReportOutcome => {
    const verdict = judgeReport(report, {
      generation: row.generation,
      deleting: row.deleted_time !== null,
      stored: row.reports,
      required: target.kind.requiredAdapters,
      receivedAt,
    });
    if (verdict.outcome !== 'refused') return verdict;
    throw new ProblemError(verdict.code, verdict.detail, { errors: verdict.errors });
  };
  const outcome = await changeResource<ReportOutcome | 'completes'>(
    db,
    target,
    async (row, session) => {
      const verdict = judge(row);
      if (verdict.outcome === 'discarded') return verdict;
      const after = withReport(row, verdict.status);
      if (isRowComplete(after, kinds)) return 'completes';
      const write = reportWrite(after, verdict.status, kinds);
      const stored =
        session === db
          ? await db.batches.join('reports', write, lengthOf(write), (writes) =>
              writeReports(db, writes),
            )
          : (await writeReports(session, [write]))[0];
      return stored ? verdict : undefined;
    },
  );
  if (outcome !== 'completes') return outcome;

  // The report that completes a deletion removes the resource, and perhaps the cluster above it.
  return db.transaction(async (trx) => {
    const row = await lockFamily(trx, target);
    const verdict = judge(row);
    if (verdict.outcome === 'discarded') return verdict;
    const after = withReport(row, verdict.status);
    if (isRowComplete(after, kinds)) await removeResource(trx, after, kinds);
    else await writeReports(trx, [reportWrite(after, verdict.status, kinds)]);
    return verdict;
  });
}

/** The resource as it is once `status` is stored. */
function withReport(row: ResourceWithReports, status: AdapterStatus): ResourceWithReports {
  const others = row.reports.filter(({ adapter }) => adapter !== status.adapter);
  return { ...row, reports: [...others, status] };
}

const REPORT_TYPES = {
  adapter: 'text',
  observed_generation: 'integer',
  created_time: 'timestamptz',
  last_report_time: 'timestamptz',
  conditions: 'jsonb',
  metadata: 'jsonb',
  data: 'jsonb',
};
const REPORT_COLUMNS = Object.keys(REPORT_TYPES);

/** Of the parameters: id and version of the resource, its new status, the report. */
const TYPES = ['text', 'bigint', ...STATUS_TYPES, ...Object.values(REPORT_TYPES)];

const ONE = TYPES.map((type, index) => `$${index + 1}::${type}`).join(', ');

// As subqueries, because PostgreSQL would look at the length of an array, find a plan of its own for each execution
// cheaper than the one it can keep, and plan every time (measured: twice the CPU).
const SEVERAL = TYPES.map((type, index) => `(SELECT $${index + 1}::${type}[])`).join(', ');

const WRITE_REPORT = writing('write_report', `NOT MATERIALIZED (SELECT ${ONE})`);
const WRITE_REPORTS = writing('write_reports', `MATERIALIZED (SELECT * FROM unnest(${SEVERAL}))`);

/** One report and several are written by the same SQL but for where they come from: one alone would pay for arrays. */
function writing(name: string, source: string): Statement {
  return {
    name,
    operation: 'update',
    table: 'adapter_statuses',
    // What somebody else holds is left out: it is about to change, and whoever waits for nobody is in no deadlock.
    text: `
      WITH new (
        resource_id, version, ${STATUS_COLUMNS.join(', ')},
        ${REPORT_COLUMNS.map((column) => `report_${column}`).join(', ')}
      ) AS ${source},
      unchanged AS (
        SELECT resource_id FROM resource_status s JOIN new USING (resource_id, version)
        FOR UPDATE OF s SKIP LOCKED
      ), owner AS (
        UPDATE resource_status s SET version = s.version + 1, ${STATUS_FROM_NEW}
        FROM unchanged JOIN new USING (resource_id)
        WHERE s.resource_id = unchanged.resource_id
        RETURNING s.resource_id
      )
      INSERT INTO adapter_statuses (resource_id, ${REPORT_COLUMNS.join(', ')})
      SELECT resource_id, ${REPORT_COLUMNS.map((column) => `report_${column}`).join(', ')}
      FROM owner JOIN new USING (resource_id)
      ON CONFLICT (resource_id, adapter) DO UPDATE SET
        ${REPORT_COLUMNS.slice(1)
          .map((column) => `${column} = excluded.${column}`)
          .join(', ')}
      RETURNING resource_id`,
  };
}

/** Values of the columns of `new`. */
type ReportWrite = [id: string, version: number, ...unknown[]];

function reportWrite(after: ResourceWithReports, status: AdapterStatus, kinds: Kinds): ReportWrite {
  return [
    after.id,
    after.version,
    ...statusValues(aggregateRow(after, kinds)),
    status.adapter,
    status.observed_generation,
    status.created_time,
    status.last_report_time,
    JSON.stringify(status.conditions),
    status.metadata === undefined ? null : JSON.stringify(status.metadata),
    JSON.stringify(status.data),
  ];
}

function lengthOf(write: ReportWrite): number {
  return write.reduce<number>((sum, it) => sum + (typeof it === 'string' ? it.length : 0), 0);
}

/**
 * Stores reports, and the conditions they lead to.
 * @returns for each, whether it is stored; false: its resource has changed since it was read, or is being changed
 */
async function writeReports(session: Session, writes: readonly ReportWrite[]): Promise<boolean[]> {
  // Of several about one resource one wins: that they take turns is usual, but nothing to rely on.
  const winners = new Map(writes.map((write) => [write[0], write]));
  const rows = [...winners.values()];
  const stored = await (rows.length === 1
    ? session.query<{ resource_id: string }>(WRITE_REPORT, rows[0]!)
    : session.query<{ resource_id: string }>(
        WRITE_REPORTS,
        TYPES.map((_, column) => rows.map((write) => write[column])),
      ));
  const ids = new Set(stored.map(({ resource_id }) => resource_id));
  return writes.map((write) => ids.has(write[0]) && winners.get(write[0]) === write);
}
