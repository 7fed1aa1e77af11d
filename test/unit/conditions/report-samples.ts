import { judgeReport } from '../../../src/conditions/report';
import type { Report, ReportContext } from '../../../src/conditions/report';
import type { AdapterStatus } from '../../../src/conditions/types';

export const NOON = '2024-01-01T12:00:00.000Z';
export const BEFORE_NOON = '2024-01-01T11:59:59.999Z';

export function reportOf(change: Partial<Report> = {}): Report {
  return {
    adapter: 'dns',
    observed_generation: 3,
    observed_time: NOON,
    conditions: [{ type: 'Available', status: 'True' }],
    ...change,
  };
}

export function storedOf(change: Partial<AdapterStatus> = {}): AdapterStatus {
  return {
    adapter: 'dns',
    observed_generation: 3,
    conditions: [
      { type: 'Available', status: 'True', last_transition_time: '2024-01-01T10:00:00.000Z' },
    ],
    data: {},
    created_time: '2024-01-01T09:00:00.000Z',
    last_report_time: NOON,
    ...change,
  };
}

export function contextOf(change: Partial<ReportContext> = {}): ReportContext {
  return {
    generation: 3,
    deleting: false,
    stored: [],
    required: ['validation', 'dns'],
    receivedAt: NOON,
    ...change,
  };
}

export function acceptedStatus(report: Report, context: ReportContext): AdapterStatus {
  const verdict = judgeReport(report, context);
  if (verdict.outcome !== 'accepted') throw new Error(JSON.stringify(verdict));
  return verdict.status;
}

export const UNKNOWN = [{ type: 'Available', status: 'Unknown' as const }];
export const FINALIZED_UNKNOWN = [...UNKNOWN, { type: 'Finalized', status: 'True' as const }];
