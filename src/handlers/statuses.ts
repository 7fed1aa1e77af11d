import { listReports } from '../repositories/lists';
import type { Target } from '../repositories/resources';
import { toAdapterStatus } from '../repositories/rows';
import { storeReport } from '../repositories/reports';
import type { components } from '../../generated/openapi';
import type { Handler, Service } from '../contract/handler';
import { ProblemError } from '../problems/problem';
import { type ListQuery, listOptions } from '../http/list-options';

/** Reports, written once for both kinds and both methods. */
const cluster = (params: { cluster_id: string }): Target => ({
  kind: 'Cluster',
  id: params.cluster_id,
});

const nodePool = (params: { cluster_id: string; nodepool_id: string }): Target => ({
  kind: 'NodePool',
  id: params.nodepool_id,
  ownerId: params.cluster_id,
});

interface ReportRequest {
  body: components['schemas']['AdapterStatusCreateRequest'];
  traceId: string;
}

async function report(target: Target, request: ReportRequest, service: Service) {
  const { adapter, observed_generation, observed_time, conditions, metadata, data } = request.body;
  const receivedAt = new Date().toISOString();
  const verdict = await storeReport(
    service.db,
    target,
    {
      adapter,
      observed_generation,
      observed_time: observed_time ?? receivedAt,
      conditions,
      metadata,
      data,
    },
    service.required,
    receivedAt,
  ).catch((error: unknown) => {
    if (error instanceof ProblemError) {
      service.metrics.reportJudged(target.kind, 'refused', error.code);
    }
    throw error;
  });
  if (verdict.outcome === 'accepted') {
    service.metrics.reportJudged(target.kind, 'accepted', '');
    return { status: 201, body: verdict.status } as const;
  }
  const { reason } = verdict;
  service.metrics.reportJudged(target.kind, 'discarded', reason);
  service.log.info('report discarded', {
    reason,
    adapter,
    observed_generation,
    resource_type: target.kind,
    resource_id: target.id,
    trace_id: request.traceId,
  });
  return { status: 204, headers: { 'HyperFleet-Report-Discarded': reason } } as const;
}

export const postClusterStatuses: Handler<'postClusterStatuses'> = (request, service) =>
  report(cluster(request.params), request, service);

export const putClusterStatuses: Handler<'putClusterStatuses'> = (request, service) =>
  report(cluster(request.params), request, service);

export const postNodePoolStatuses: Handler<'postNodePoolStatuses'> = (request, service) =>
  report(nodePool(request.params), request, service);

export const putNodePoolStatuses: Handler<'putNodePoolStatuses'> = (request, service) =>
  report(nodePool(request.params), request, service);

export const STATUSES_PAGE_SIZE = 100;

async function list(target: Target, query: ListQuery, service: Service) {
  const options = listOptions(query, 'AdapterStatus', STATUSES_PAGE_SIZE);
  const { rows, total } = await listReports(service.db, target, options);
  const items = rows.map(toAdapterStatus);
  return {
    status: 200,
    body: { kind: 'AdapterStatusList', page: options.page, size: items.length, total, items },
  } as const;
}

export const getClusterStatuses: Handler<'getClusterStatuses'> = (request, service) =>
  list(cluster(request.params), request.query, service);

export const getNodePoolsStatuses: Handler<'getNodePoolsStatuses'> = (request, service) =>
  list(nodePool(request.params), request.query, service);
