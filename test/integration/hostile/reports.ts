import { CLUSTER, CLUSTERS, type HostileRequest, table } from './hostile-request';

/* Reports that say too much, too little, or something else. */

const INVALID = { status: 400, code: 'VAL-000' };

const report = (changes: object) => ({
  adapter: 'validation',
  observed_generation: 1,
  conditions: [{ type: 'Available', status: 'True' }],
  ...changes,
});
const condition = (changes: object) =>
  report({ conditions: [{ type: 'A', status: 'True', ...changes }] });

const reports = table(
  [
    ['nothing', {}, ['adapter', 'observed_generation', 'conditions']],
    [
      '101 conditions',
      report({
        conditions: Array.from({ length: 101 }, (_, n) => ({ type: `T${n}`, status: 'True' })),
      }),
      ['conditions'],
    ],
    [
      '32,000 bad conditions',
      report({ conditions: Array.from({ length: 32_000 }, () => ({ a: 1 })) }),
      ['conditions'],
    ],
    ['an object as its conditions', report({ conditions: {} }), ['conditions']],
    ['null as its conditions', report({ conditions: null }), ['conditions']],
    ['a text as a condition', report({ conditions: ['Available'] }), ['conditions.0']],
    [
      'a condition twice',
      report({
        conditions: [
          { type: 'A', status: 'True' },
          { type: 'A', status: 'False' },
        ],
      }),
      undefined,
    ],
    ['a status in lower case', condition({ status: 'true' }), ['conditions.0.status']],
    ['true as a status', condition({ status: true }), ['conditions.0.status']],
    ['an empty type', condition({ type: '' }), ['conditions.0.type']],
    ['a number as a type', condition({ type: 7 }), ['conditions.0.type']],
    ['a list as a message', condition({ message: [] }), ['conditions.0.message']],
    ['null as a type', condition({ type: null }), ['conditions.0.type']],
    ['null as a condition', report({ conditions: [null] }), ['conditions.0']],
    ['null as its generation', report({ observed_generation: null }), ['observed_generation']],
    ['no adapter', report({ adapter: '' }), ['adapter']],
    ['an adapter of 64 characters', report({ adapter: 'a'.repeat(64) }), ['adapter']],
    ['a path as its adapter', report({ adapter: '../../x' }), ['adapter']],
    ['__proto__ as its adapter', report({ adapter: '__proto__' }), ['adapter']],
    ['an adapter with a line feed', report({ adapter: 'a\n' }), ['adapter']],
    ['a list as its adapter', report({ adapter: ['dns'] }), ['adapter']],
    ['generation 0', report({ observed_generation: 0 }), ['observed_generation']],
    ['generation -1', report({ observed_generation: -1 }), ['observed_generation']],
    ['half a generation', report({ observed_generation: 0.5 }), ['observed_generation']],
    ['a text as its generation', report({ observed_generation: '1' }), ['observed_generation']],
    ['generation 2^31', report({ observed_generation: 2 ** 31 }), ['observed_generation']],
    ['generation 1e20', report({ observed_generation: 1e20 }), ['observed_generation']],
    ['a word as its time', report({ observed_time: 'yesterday' }), ['observed_time']],
    ['30 February', report({ observed_time: '2026-02-30T00:00:00Z' }), ['observed_time']],
    ['the year 9999', report({ observed_time: '9999-12-31T23:59:59Z' }), ['observed_time']],
    ['the year 0', report({ observed_time: '0000-01-01T00:00:00Z' }), ['observed_time']],
    ['a number as its time', report({ observed_time: 1700000000 }), ['observed_time']],
    [
      'a time of 10,000 digits',
      report({ observed_time: `2026-01-01T00:00:00.${'1'.repeat(10_000)}x` }),
      ['observed_time'],
    ],
    ['a list as its data', report({ data: [] }), ['data']],
    ['a text as its data', report({ data: 'x' }), ['data']],
    ['a text as its metadata', report({ metadata: 'x' }), ['metadata']],
  ] as const,
  (_, body, fields) => ({
    ...{ method: 'POST', path: `${CLUSTER}/statuses`, body },
    ...INVALID,
    fields: fields && [...fields],
  }),
  (what) => `a report with ${what}`,
);

export const REPORTS: HostileRequest[] = [
  ...reports,
  {
    what: 'a report ahead of its cluster',
    method: 'POST',
    path: `${CLUSTER}/statuses`,
    body: report({ observed_generation: 2 }),
    status: 409,
    code: 'CNF-002',
  },
  {
    what: 'a report about nobody',
    method: 'POST',
    path: `${CLUSTERS}/2x/statuses`,
    body: report({}),
    status: 404,
    code: 'NTF-001',
  },
];
