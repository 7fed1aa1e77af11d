import { type DiscardReason, judgeReport, type Report } from '../conditions/report';
import type { AdapterStatus } from '../conditions/types';
import { ProblemError } from '../http/problem';
import { aggregateRow, isRowComplete } from './aggregation';
import type { Database, Session, Statement } from './connect';
import { lockFamily, removeResource } from './lifecycle';
import {
  assignStatus,
  changeResource,
  placeholders,
  type RequiredAdapters,
  type ResourceWithReports,
  type Target,
} from './resources';
import { STATUS_COLUMNS, statusValues } from './rows';

export type ReportOutcome =
  { outcome: 'accepted'; status: AdapterStatus } | { outcome: 'discarded'; reason: DiscardReason };

/**
 * Judges a report, stores it and aggregates, so that concurrent reports on one resource all count.
 * Two round trips when it is accepted (four when others report on the resource at that moment), one when it
 * is discarded.
 * @param receivedAt RFC 3339 UTC with milliseconds
 * @throws ProblemError NTF-001 (first of all), VAL-000, CNF-002
 */
export async function storeReport(
  db: Database,
  target: Target,
  report: Report,
  required: RequiredAdapters,
  receivedAt: string,
): Promise<ReportOutcome> {
  const judge = (row: ResourceWithReports): ReportOutcome => {
    const verdict = judgeReport(report, {
      generation: row.generation,
      deleting: row.deleted_time !== null,
      stored: row.reports,
      required: required[row.kind],
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
      if (isRowComplete(after, required)) return 'completes';
      return (await writeReport(session, after, verdict.status, required)) ? verdict : undefined;
    },
  );
  if (outcome !== 'completes') return outcome;

  // The report that completes a deletion removes the resource, and perhaps the cluster above it.
  return db.transaction(async (trx) => {
    const row = await lockFamily(trx, target);
    const verdict = judge(row);
    if (verdict.outcome === 'discarded') return verdict;
    const after = withReport(row, verdict.status);
    if (isRowComplete(after, required)) await removeResource(trx, after, required);
    else await writeReport(trx, after, verdict.status, required);
    return verdict;
  });
}

/** The resource as it is once `status` is stored. */
function withReport(row: ResourceWithReports, status: AdapterStatus): ResourceWithReports {
  const others = row.reports.filter(({ adapter }) => adapter !== status.adapter);
  return { ...row, reports: [...others, status] };
}

const REPORT_COLUMNS = [
  'adapter',
  'observed_generation',
  'created_time',
  'last_report_time',
  'conditions',
  'metadata',
  'data',
] as const;

const STATUS_FIRST = 3;
const REPORT_FIRST = STATUS_FIRST + STATUS_COLUMNS.length;

const WRITE_REPORT: Statement = {
  name: 'write_report',
  operation: 'update',
  table: 'adapter_statuses',
  text: `
    WITH owner AS (
      UPDATE resource_status SET version = version + 1, ${assignStatus(STATUS_FIRST)}
      WHERE resource_id = $1 AND version = $2
      RETURNING resource_id
    )
    INSERT INTO adapter_statuses (resource_id, ${REPORT_COLUMNS.join(', ')})
    SELECT resource_id, ${placeholders(REPORT_FIRST, REPORT_COLUMNS.length)} FROM owner
    ON CONFLICT (resource_id, adapter) DO UPDATE SET
      ${REPORT_COLUMNS.slice(1)
        .map((column) => `${column} = excluded.${column}`)
        .join(', ')}
    RETURNING adapter`,
};

/** Stores a report and the conditions it leads to. @returns false when the resource has changed since `after` was read */
async function writeReport(
  session: Session,
  after: ResourceWithReports,
  status: AdapterStatus,
  required: RequiredAdapters,
): Promise<boolean> {
  const rows = await session.query(WRITE_REPORT, [
    after.id,
    after.version,
    ...statusValues(aggregateRow(after, required)),
    status.adapter,
    status.observed_generation,
    status.created_time,
    status.last_report_time,
    JSON.stringify(status.conditions),
    status.metadata === undefined ? null : JSON.stringify(status.metadata),
    JSON.stringify(status.data),
  ]);
  return rows.length > 0;
}
