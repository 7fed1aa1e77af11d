import type { ResourceHandler } from '../contract/handler';
import { Unwritten } from '../contract/written';
import { ProblemError } from '../problems/problem';
import { listReports } from '../lists/lists';
import { storeReport } from '../repositories/reports';
import { getVersion } from '../repositories/resources';
import { toAdapterStatus } from '../repositories/rows';
import { REPORT_LISTING } from '../search/fields';
import { listOptions } from './list-options';

export const listStatuses: ResourceHandler<'list-statuses'> = async (request, { db, written }) => {
  const key = `${request.id}/statuses ${JSON.stringify(request.query)}`;
  if (written.has(key)) {
    const body = written.find(key, await getVersion(db, request));
    if (body !== undefined) return { status: 200, body };
  }
  const options = listOptions(request, REPORT_LISTING);
  const { rows, total, version } = await listReports(db, request, options);
  const items = rows.map(toAdapterStatus);
  const page = { kind: 'AdapterStatusList', page: options.page, size: items.length, total, items };
  return { status: 200, body: new Unwritten(key, version, page, true) };
};

export const report: ResourceHandler<'report'> = async (request, service) => {
  const { kind, id, body, traceId } = request;
  const receivedAt = new Date().toISOString();
  const sent = { ...body, observed_time: body.observed_time ?? receivedAt };
  const counted = (outcome: string, reason: string) =>
    service.metrics.reportJudged(kind.name, outcome, reason);
  const decision = await storeReport(service.db, request, sent, service.kinds, receivedAt);
  switch (decision.outcome) {
    case 'refused': {
      const { code, detail, errors } = decision;
      counted('refused', code);
      throw new ProblemError(code, detail, { errors });
    }
    case 'discarded': {
      const { reason } = decision;
      const { adapter, observed_generation } = sent;
      counted('discarded', reason);
      service.log.info('report discarded', {
        ...{ reason, adapter, observed_generation },
        ...{ resource_type: kind.name, resource_id: id, trace_id: traceId },
      });
      return { status: 204, headers: { 'HyperFleet-Report-Discarded': reason } };
    }
    case 'stored':
    case 'completed':
      counted('accepted', '');
      return { status: 201, body: decision.status };
  }
};
