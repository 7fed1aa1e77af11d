import { judgeReport } from '../../../src/conditions/report';
import type { Report, ReportContext } from '../../../src/conditions/report';
import type { AdapterStatus } from '../../../src/conditions/types';
import {
  BEFORE_NOON,
  FINALIZED_UNKNOWN,
  NOON,
  UNKNOWN,
  acceptedStatus,
  contextOf,
  reportOf,
  storedOf,
} from './report-samples';

describe('rules 5 to 8: discard or accept', () => {
  it.each<[string, Partial<Report>, Partial<AdapterStatus>, Partial<ReportContext>, string]>([
    ['5: an older generation', { observed_generation: 2 }, {}, {}, 'stale_generation'],
    [
      '5: an older generation observed later',
      { observed_generation: 2 },
      { last_report_time: BEFORE_NOON },
      {},
      'stale_generation',
    ],
    ['6: an older time', { observed_time: BEFORE_NOON }, {}, {}, 'stale_time'],
    ['6: an equal time', {}, {}, {}, 'accepted'],
    [
      '6: an older time at a newer generation',
      { observed_time: BEFORE_NOON },
      { observed_generation: 2 },
      {},
      'accepted',
    ],
    ['7: Available=Unknown after a report', { conditions: UNKNOWN }, {}, {}, 'available_unknown'],
    [
      '7: Available=Unknown at a newer generation',
      { conditions: UNKNOWN },
      { observed_generation: 2 },
      {},
      'available_unknown',
    ],
    [
      '7: Available=Unknown with Finalized=True, not marked',
      { conditions: FINALIZED_UNKNOWN },
      {},
      {},
      'available_unknown',
    ],
    [
      '7: Available=Unknown with Finalized=True, marked for deletion',
      { conditions: FINALIZED_UNKNOWN },
      {},
      { deleting: true },
      'accepted',
    ],
    [
      '7: Available=Unknown without Finalized, marked for deletion',
      { conditions: UNKNOWN },
      {},
      { deleting: true },
      'available_unknown',
    ],
    [
      '7: no Available at all',
      { conditions: [{ type: 'Applied', status: 'True' }] },
      {},
      {},
      'accepted',
    ],
  ])('%s', (_rule, report, stored, context, expected) => {
    const verdict = judgeReport(
      reportOf(report),
      contextOf({ stored: [storedOf({ adapter: 'other' }), storedOf(stored)], ...context }),
    );
    expect(verdict.outcome === 'discarded' ? verdict.reason : verdict.outcome).toBe(expected);
  });

  it('7: accepts a first report with Available=Unknown', () => {
    expect(judgeReport(reportOf({ conditions: UNKNOWN }), contextOf()).outcome).toBe('accepted');
  });
});

describe('rule 8: what is stored', () => {
  it('dates everything in a first report by its observation and fills in data', () => {
    expect(judgeReport(reportOf(), contextOf())).toStrictEqual({
      outcome: 'accepted',
      status: {
        adapter: 'dns',
        observed_generation: 3,
        conditions: [{ type: 'Available', status: 'True', last_transition_time: NOON }],
        data: {},
        created_time: NOON,
        last_report_time: NOON,
      },
    });
  });

  it('keeps the time of a condition whose status did not change, and created_time', () => {
    const stored = storedOf({
      conditions: [
        { type: 'Available', status: 'True', last_transition_time: '2024-01-01T10:00:00.000Z' },
        { type: 'Health', status: 'True', last_transition_time: '2024-01-01T10:00:00.000Z' },
        { type: 'Applied', status: 'True', last_transition_time: '2024-01-01T10:00:00.000Z' },
      ],
    });
    const observed_time = '2024-01-01T12:01:00.000Z';
    const status = acceptedStatus(
      reportOf({
        observed_time,
        conditions: [
          { type: 'Health', status: 'False' },
          { type: 'Available', status: 'True', reason: 'Still' },
          { type: 'Finalized', status: 'True' },
        ],
      }),
      contextOf({ stored: [stored] }),
    );
    expect(status).toMatchObject({
      created_time: stored.created_time,
      last_report_time: observed_time,
    });
    expect(status.conditions).toStrictEqual([
      { type: 'Health', status: 'False', last_transition_time: observed_time },
      {
        type: 'Available',
        status: 'True',
        reason: 'Still',
        last_transition_time: '2024-01-01T10:00:00.000Z',
      },
      { type: 'Finalized', status: 'True', last_transition_time: observed_time },
    ]);
  });

  it('keeps reason and message as sent, even empty, and drops unknown properties', () => {
    const sent = {
      type: 'Available',
      status: 'True' as const,
      reason: '',
      message: '',
      last_transition_time: '2020-01-01T00:00:00.000Z',
      severity: 'high',
    };
    expect(acceptedStatus(reportOf({ conditions: [sent] }), contextOf()).conditions).toStrictEqual([
      { type: 'Available', status: 'True', reason: '', message: '', last_transition_time: NOON },
    ]);
  });

  it('keeps metadata and data as sent and replaces the stored ones', () => {
    const metadata = { job_name: 'dns-1', attempt: 2, colour: 'green' };
    const data = { zone: { id: 'z1' } };
    const stored = storedOf({ metadata: { job_name: 'dns-0' }, data: { old: true } });
    expect(
      acceptedStatus(reportOf({ metadata, data }), contextOf({ stored: [stored] })),
    ).toMatchObject({ metadata, data });

    const replaced = acceptedStatus(reportOf(), contextOf({ stored: [stored] }));
    expect(replaced).not.toHaveProperty('metadata');
    expect(replaced.data).toStrictEqual({});
  });

  it('leaves what is stored untouched', () => {
    const stored = storedOf();
    const before = structuredClone(stored);
    judgeReport(reportOf({ conditions: UNKNOWN, data: {} }), contextOf({ stored: [stored] }));
    judgeReport(reportOf({ data: { a: 1 } }), contextOf({ stored: [stored] }));
    expect(stored).toStrictEqual(before);
  });
});
