import { type Aggregate, aggregateConditions, isComplete } from './aggregate';
import { judgeReport, type Report, type Verdict } from './report';
import type { AdapterStatus, AggregateInput } from './types';

/** What a report leads to. */
export type Decision =
  | Exclude<Verdict, { outcome: 'accepted' }>
  /** It is stored, and the resource has this status. */
  | { outcome: 'stored'; status: AdapterStatus; aggregate: Aggregate }
  /** It is the last one that the deletion of the resource waited for: the resource is removed. */
  | { outcome: 'completed'; status: AdapterStatus };

/**
 * Decides what a report does to a resource that exists: refuse, discard, store, or remove.
 * @param receivedAt RFC 3339 UTC with milliseconds
 */
export function decideReport(
  report: Report,
  resource: AggregateInput,
  receivedAt: string,
): Decision {
  const { generation, deleting, reports, required } = resource;
  const verdict = judgeReport(report, {
    ...{ generation, deleting, required, receivedAt },
    stored: reports,
  });
  if (verdict.outcome !== 'accepted') return verdict;
  const { status } = verdict;
  const others = reports.filter(({ adapter }) => adapter !== status.adapter);
  const after = { ...resource, reports: [...others, status] };
  return isComplete(after)
    ? { outcome: 'completed', status }
    : { outcome: 'stored', status, aggregate: aggregateConditions(after) };
}
