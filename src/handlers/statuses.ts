import type { ResourceHandler, ResourceRequest, Service } from '../contract/handler';
import { ProblemError } from '../problems/problem';
import { listReports } from '../repositories/lists';
import { storeReport } from '../repositories/reports';
import { toAdapterStatus } from '../repositories/rows';
import { REPORT_LISTING } from '../search/fields';
import { listOptions } from './list-options';

export const listStatuses: ResourceHandler<'list-statuses'> = async (request, service) => {
  const options = listOptions(request, REPORT_LISTING);
  const { rows, total } = await listReports(service.db, request, options);
  const items = rows.map(toAdapterStatus);
  return {
    status: 200,
    body: { kind: 'AdapterStatusList', page: options.page, size: items.length, total, items },
  };
};

export const report: ResourceHandler<'report'> = async (request, service) => {
  const receivedAt = new Date().toISOString();
  const sent = { ...request.body, observed_time: request.body.observed_time ?? receivedAt };
  const verdict = await storeReport(service.db, request, sent, service.kinds, receivedAt).catch(
    (error: unknown) => {
      if (error instanceof ProblemError) count(service, request, 'refused', error.code);
      throw error;
    },
  );
  if (verdict.outcome === 'accepted') {
    count(service, request, 'accepted', '');
    return { status: 201, body: verdict.status };
  }
  const { reason } = verdict;
  count(service, request, 'discarded', reason);
  service.log.info('report discarded', {
    reason,
    adapter: sent.adapter,
    observed_generation: sent.observed_generation,
    resource_type: request.kind.name,
    resource_id: request.id,
    trace_id: request.traceId,
  });
  return { status: 204, headers: { 'HyperFleet-Report-Discarded': reason } };
};

function count(
  { metrics }: Service,
  { kind }: ResourceRequest<'report'>,
  outcome: string,
  reason: string,
): void {
  metrics.reportJudged(kind.name, outcome, reason);
}
