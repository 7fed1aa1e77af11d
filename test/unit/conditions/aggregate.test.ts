import { aggregateConditions, isComplete } from '../../../src/conditions/aggregate';
import type { AggregateInput } from '../../../src/conditions/aggregate';
import { DOWN, GONE, REF, UP, at, conditionOf, inputOf, previousOf, report } from './samples';

describe('which reports count', () => {
  it('ignores a report that is ahead of the resource in every respect', () => {
    const ahead = report('a', 3, 9, { ...DOWN, Health: 'False', Finalized: 'True' });
    const previous = [previousOf('Available', 'True'), previousOf('Ready', 'True')];
    for (const deleting of [false, true]) {
      const input = inputOf({ required: ['a'], reports: [ahead], previous, deleting });
      const aggregate = aggregateConditions(input);
      expect(aggregate.conditions.map(({ type, reason }) => [type, reason])).toEqual([
        ['Available', 'AwaitingAdapters'],
        ['Ready', 'AwaitingAdapters'],
      ]);
      expect(aggregate.conditions[1]?.last_transition_time).toBe(REF);
      expect(aggregate.phase).toBe('NotReady');
      expect(isComplete(input)).toBe(false);
    }
  });
});

describe('times of a flip', () => {
  it('counts a required report that is not usable, and no other adapter', () => {
    const change = {
      reports: [
        report('a', 2, 5, UP),
        report('b', 2, 7, { Available: 'Unknown' }),
        report('x', 2, 9, UP),
      ],
      previous: [previousOf('Available', 'True'), previousOf('Ready', 'True')],
    };
    expect(conditionOf('Ready', change).last_transition_time).toBe(at(7));
    expect(conditionOf('Available', change).last_transition_time).toBe(at(7));
  });

  it('is never earlier than the update that caused it', () => {
    const change = {
      ref: at(8),
      reports: [report('a', 2, 5, UP), report('b', 2, 6, UP)],
      previous: [previousOf('Available', 'True'), previousOf('Ready', 'False')],
    };
    expect(conditionOf('Ready', change).last_transition_time).toBe(at(8));
    expect(conditionOf('Available', change).last_transition_time).toBe(at(3));
  });
});

describe('B0: nothing to go by', () => {
  it.each([
    [['a'], 'AwaitingAdapters', 'Waiting for adapters to report status'],
    [[], 'NoRequiredAdapters', 'No adapters are required'],
  ])('with %j required gives both conditions the reason %s', (required, reason, message) => {
    const { conditions } = aggregateConditions(inputOf({ required }));
    const outcome = { status: 'False', reason, message, observed_generation: 0 };
    expect(conditions).toMatchObject([
      { type: 'Available', ...outcome },
      { type: 'Ready', ...outcome },
    ]);
  });

  it('takes over even when Available was True, at the resource update', () => {
    const previous = [previousOf('Available', 'True'), previousOf('Ready', 'True')];
    expect(conditionOf('Available', { previous })).toMatchObject({
      status: 'False',
      last_updated_time: REF,
    });
  });

  it('is left by Ready, not by Available, when one adapter has finalized', () => {
    const change = { deleting: true, reports: [report('a', 2, 5, GONE)] };
    expect(conditionOf('Ready', change)).toMatchObject({
      reason: 'MissingRequiredAdapters',
      observed_generation: 2,
      last_updated_time: at(5),
    });
    expect(conditionOf('Available', change).reason).toBe('AwaitingAdapters');
  });

  it('is not left by Finalized=True at an older generation, or when nothing is deleted', () => {
    const old = { deleting: true, reports: [report('a', 1, 5, GONE)] };
    expect(conditionOf('Ready', old).reason).toBe('AwaitingAdapters');
    const live = { reports: [report('a', 2, 5, GONE)] };
    expect(conditionOf('Ready', live).reason).toBe('AwaitingAdapters');
  });
});

describe('B1: Ready', () => {
  it.each<[string, Partial<AggregateInput>, string, string, string]>([
    [
      'every adapter available at the generation',
      { reports: [report('a', 2, 5, UP), report('b', 2, 6, UP)] },
      'True',
      'ResourceReady',
      'All adapters report ready at current generation',
    ],
    [
      'one False, one missing',
      { reports: [report('b', 2, 6, DOWN)] },
      'False',
      'MissingRequiredAdapters',
      'Required adapters not reporting Available=True: [a, b]. Currently reporting: [b]',
    ],
    [
      'one at an older generation',
      { reports: [report('a', 2, 5, UP), report('b', 1, 6, UP)] },
      'False',
      'MissingRequiredAdapters',
      'Required adapters not reporting Available=True: [b]. Currently reporting: [a, b]',
    ],
    [
      'one not finalized',
      { deleting: true, reports: [report('a', 2, 5, GONE), report('b', 2, 6, UP)] },
      'False',
      'MissingRequiredAdapters',
      'Required adapters not reporting Finalized=True: [b]. Currently reporting: [a, b]',
    ],
    [
      'one not finalized and children left',
      { deleting: true, hasChildren: true, reports: [report('a', 2, 5, GONE)] },
      'False',
      'MissingRequiredAdapters',
      'Required adapters not reporting Finalized=True: [b]. Currently reporting: [a]',
    ],
    [
      'finalized, children left',
      {
        deleting: true,
        hasChildren: true,
        reports: [report('a', 2, 5, GONE), report('b', 2, 6, { ...GONE, ...DOWN })],
      },
      'False',
      'WaitingForChildren',
      'Waiting for the removal of its children',
    ],
    [
      'children of a resource that is not marked',
      { hasChildren: true, reports: [report('a', 2, 5, UP), report('b', 2, 6, UP)] },
      'True',
      'ResourceReady',
      'All adapters report ready at current generation',
    ],
  ])('%s', (_case, change, status, reason, message) => {
    expect(conditionOf('Ready', change)).toMatchObject({ status, reason, message });
  });

  it('is dated by the earliest report that counts at the generation', () => {
    const reports = [
      report('a', 2, 8, UP),
      report('b', 1, 2, UP),
      report('c', 2, 5, DOWN),
      report('d', 2, 4, { Available: 'Unknown' }),
    ];
    const change = { required: ['a', 'b', 'c', 'd'], reports };
    expect(conditionOf('Ready', change).last_updated_time).toBe(at(5));
  });
});

describe('B2: Available', () => {
  it.each<[string, Partial<AggregateInput>, string, string, string]>([
    [
      'every adapter available at one generation',
      { reports: [report('a', 1, 5, UP), report('b', 1, 6, UP)] },
      'True',
      'ResourceAvailable',
      'Cluster is accessible',
    ],
    [
      'a node pool says so of itself',
      { kind: 'NodePool', reports: [report('a', 2, 5, UP), report('b', 2, 6, UP)] },
      'True',
      'ResourceAvailable',
      'NodePool is accessible',
    ],
    [
      'missing comes before not available',
      { reports: [report('b', 2, 6, DOWN)] },
      'False',
      'MissingRequiredAdapters',
      'Required adapters not reporting Available: [a]. Currently reporting: [b]',
    ],
    [
      'not available comes before mixed generations',
      { reports: [report('a', 1, 5, DOWN), report('b', 2, 6, UP)] },
      'False',
      'AdapterReportedNotAvailable',
      'Required adapters reporting Available=False: [a]',
    ],
    [
      'mixed generations',
      { reports: [report('b', 2, 6, UP), report('a', 1, 5, UP)] },
      'False',
      'AdaptersNotAtSameGeneration',
      'Required adapters report different generations: [a at 1, b at 2]',
    ],
  ])('%s', (_case, change, status, reason, message) => {
    expect(conditionOf('Available', change)).toMatchObject({ status, reason, message });
  });

  it('keeps a True unchanged, message and times included, while adapters move on', () => {
    const previous = previousOf('Available', 'True');
    const change = {
      previous: [previous],
      ref: at(9),
      reports: [report('a', 1, 5, UP), report('b', 2, 6, DOWN)],
    };
    expect(conditionOf('Available', change)).toStrictEqual(previous);
  });

  it('does not keep a True without a report from every adapter', () => {
    const change = {
      previous: [previousOf('Available', 'True')],
      reports: [report('a', 1, 5, UP)],
    };
    expect(conditionOf('Available', change).reason).toBe('MissingRequiredAdapters');
  });

  it('keeps the time of a False whose newest reports are all True', () => {
    const reports = [report('a', 1, 5, DOWN), report('b', 2, 6, UP)];
    const previous = [previousOf('Available', 'False')];
    expect(conditionOf('Available', { reports, previous }).last_updated_time).toBe(at(2));
    expect(conditionOf('Available', { reports }).last_updated_time).toBe(REF);
  });

  it('dates a False by the earliest report of the newest generation that has one', () => {
    const required = ['a', 'b', 'c'];
    const reports = [report('a', 1, 3, DOWN), report('b', 2, 6, DOWN), report('c', 2, 5, UP)];
    expect(conditionOf('Available', { required, reports })).toMatchObject({
      observed_generation: 2,
      last_updated_time: at(5),
    });
  });
});
