import { judgeReport } from '../../../src/conditions/report';
import type { Report } from '../../../src/conditions/report';
import {
  BEFORE_NOON,
  UNKNOWN,
  acceptedStatus,
  contextOf,
  reportOf,
  storedOf,
} from './report-samples';

describe('rule 1: a generation below 1', () => {
  it.each([0, -1])('refuses generation %i', (observed_generation) => {
    expect(judgeReport(reportOf({ observed_generation }), contextOf())).toEqual({
      outcome: 'refused',
      code: 'VAL-000',
      detail: 'observed_generation must be at least 1',
      errors: [
        {
          field: 'observed_generation',
          message: 'observed_generation must be at least 1',
          constraint: 'minimum',
          value: String(observed_generation),
        },
      ],
    });
  });
});

describe('rule 2: ambiguous names', () => {
  it('refuses a condition type that occurs twice and names it once', () => {
    const conditions = ['Available', 'Health', 'Health', 'Health'].map((type) => ({
      type,
      status: 'True' as const,
    }));
    expect(judgeReport(reportOf({ conditions }), contextOf())).toMatchObject({
      outcome: 'refused',
      code: 'VAL-000',
      detail: 'condition type "Health" occurs more than once',
      errors: [{ field: 'conditions.2.type', value: 'Health' }],
    });
  });

  it('tells condition types apart by case', () => {
    const conditions = ['Health', 'health'].map((type) => ({ type, status: 'True' as const }));
    expect(judgeReport(reportOf({ conditions }), contextOf()).outcome).toBe('accepted');
  });

  it.each([
    ['a stored report', contextOf({ stored: [storedOf({ adapter: 'gcp-dns' })] })],
    ['a required adapter that has not reported', contextOf({ required: ['gcp-dns'] })],
  ])('refuses an adapter whose condition type belongs to %s', (_owner, context) => {
    expect(judgeReport(reportOf({ adapter: 'gcpDns' }), context)).toMatchObject({
      outcome: 'refused',
      code: 'VAL-000',
      errors: [
        {
          field: 'adapter',
          message:
            'adapter "gcpDns" would share the condition type GcpDnsSuccessful with adapter "gcp-dns"',
          value: 'gcpDns',
        },
      ],
    });
  });

  it('names both when a type repeats and the adapter collides', () => {
    const conditions = [...UNKNOWN, ...UNKNOWN];
    const verdict = judgeReport(
      reportOf({ adapter: 'Validation', conditions }),
      contextOf({ required: ['validation'] }),
    );
    expect(verdict).toMatchObject({
      errors: [{ field: 'conditions.1.type' }, { field: 'adapter' }],
    });
  });

  it('does not take an adapter for another one of its own name', () => {
    expect(judgeReport(reportOf(), contextOf({ stored: [storedOf()] })).outcome).toBe('accepted');
  });
});

describe('rule 3: the time of the observation', () => {
  it.each([
    ['more than 5 minutes ahead', '2024-01-01T12:05:00.001Z', /5 minutes ahead/],
    ['before 1970', '1969-12-31T23:59:59.999Z', /before 1970/],
    ['a leap second', '2023-12-31T23:59:60Z', /leap second/],
    ['30 February', '2023-02-30T00:00:00Z', /existing time/],
  ])('refuses %s', (_what, observed_time, detail) => {
    expect(judgeReport(reportOf({ observed_time }), contextOf())).toEqual({
      outcome: 'refused',
      code: 'VAL-000',
      detail: expect.stringMatching(detail),
      errors: [
        {
          field: 'observed_time',
          message: expect.stringMatching(detail),
          constraint: expect.any(String),
          value: observed_time,
        },
      ],
    });
  });

  it.each(['2024-01-01T12:05:00.000Z', '1970-01-01T00:00:00.000Z'])(
    'accepts the limit %s',
    (observed_time) => {
      expect(judgeReport(reportOf({ observed_time }), contextOf()).outcome).toBe('accepted');
    },
  );

  it('stores the time in its one form', () => {
    const status = acceptedStatus(
      reportOf({ observed_time: '2024-01-01T13:00:00.123456+01:00' }),
      contextOf(),
    );
    expect(status.last_report_time).toBe('2024-01-01T12:00:00.123Z');
  });
});

describe('rule 4: a generation ahead of the resource', () => {
  it('refuses it as a conflict that names both generations', () => {
    expect(judgeReport(reportOf({ observed_generation: 4 }), contextOf())).toEqual({
      outcome: 'refused',
      code: 'CNF-002',
      detail: 'observed_generation 4 is ahead of the resource, which is at generation 3',
    });
  });
});

describe('the order of the rules', () => {
  // Each report breaks its own rule and every later one: the first hit must win.
  const broken = {
    observed_generation: 0,
    conditions: [...UNKNOWN, ...UNKNOWN],
    observed_time: '2025-01-01T00:00:00.000Z',
  };
  const context = contextOf({ stored: [storedOf()] });

  it.each<[string, Partial<Report>, string]>([
    ['1 before 2', broken, 'at least 1'],
    ['2 before 3', { ...broken, observed_generation: 4 }, 'more than once'],
    ['3 before 4', { ...broken, observed_generation: 4, conditions: UNKNOWN }, '5 minutes ahead'],
    ['4 before 7', { observed_generation: 4, conditions: UNKNOWN }, 'ahead of the resource'],
    [
      '5 before 6 and 7',
      { observed_generation: 2, conditions: UNKNOWN, observed_time: BEFORE_NOON },
      'stale_generation',
    ],
    ['6 before 7', { conditions: UNKNOWN, observed_time: BEFORE_NOON }, 'stale_time'],
  ])('%s', (_order, report, expected) => {
    expect(JSON.stringify(judgeReport(reportOf(report), context))).toContain(expected);
  });
});
