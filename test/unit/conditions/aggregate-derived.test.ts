import { aggregateConditions, isComplete, withAliases } from '../../../src/conditions/aggregate';
import type { AggregateInput } from '../../../src/conditions/aggregate';
import { conditionTypeOf } from '../../../src/kinds/adapter-names';
import type { AdapterStatus } from '../../../src/conditions/types';
import { GONE, REF, UP, at, conditionOf, inputOf, previousOf, report } from './samples';

describe('B3: one condition per adapter', () => {
  it.each([
    ['validation', 'ValidationSuccessful'],
    ['gcp-provisioner', 'GcpProvisionerSuccessful'],
    ['DNS', 'DNSSuccessful'],
    ['a-1st.try_b', 'A1st.try_bSuccessful'],
    ['a--b', 'ABSuccessful'],
  ])('%s reports under %s', (adapter, type) => {
    expect(conditionTypeOf(adapter)).toBe(type);
  });

  it('lists the required ones in their order, then the others by name', () => {
    const reports = ['z', 'a', 'y', 'b', 'x'].map((adapter) => report(adapter, 1, 5, UP));
    const types = aggregateConditions(inputOf({ reports })).conditions.map(({ type }) => type);
    expect(types.slice(2).map((type) => type.charAt(0))).toEqual(['B', 'A', 'X', 'Y', 'Z']);
  });

  it('takes everything from the report and its Available', () => {
    const reported = report('x', 1, 5, { Applied: 'False' });
    reported.conditions.push({
      type: 'Available',
      status: 'False',
      reason: '',
      message: 'Quota is used up',
      last_transition_time: at(4),
    });
    expect(conditionOf('XSuccessful', { reports: [reported] })).toStrictEqual({
      type: 'XSuccessful',
      status: 'False',
      reason: '',
      message: 'Quota is used up',
      observed_generation: 1,
      created_time: at(1),
      last_updated_time: at(5),
      last_transition_time: at(4),
    });
  });

  it.each([
    ['Available=Unknown', report('a', 1, 5, { Available: 'Unknown' })],
    ['no Available', report('a', 1, 5, { Applied: 'True' })],
  ])('is absent for a report with %s', (_what, unusable) => {
    expect(aggregateConditions(inputOf({ reports: [unusable] })).conditions).toHaveLength(2);
  });
});

describe('B4: created_time', () => {
  it('is the first update and stays through every flip', () => {
    const reports = [report('a', 2, 5, UP), report('b', 2, 6, UP)];
    const fresh = aggregateConditions(inputOf({ reports }));
    expect(fresh.conditions[0]?.created_time).toBe(REF);
    expect(fresh.conditions[1]?.created_time).toBe(REF);
    const previous = [previousOf('Available', 'False'), previousOf('Ready', 'False')];
    expect(conditionOf('Available', { reports, previous }).created_time).toBe(at(1));
    expect(conditionOf('Ready', { reports, previous }).created_time).toBe(at(1));
  });
});

describe('B5: what is derived', () => {
  it.each<[string, Partial<AggregateInput>, string]>([
    [
      'Ready when Ready is True, even if unhealthy',
      {
        required: ['a'],
        reports: [report('a', 2, 5, { Available: 'True', Health: 'False' })],
      },
      'Ready',
    ],
    [
      'Failed when a required adapter is unhealthy',
      { reports: [report('a', 2, 5, { Available: 'Unknown', Health: 'False' })] },
      'Failed',
    ],
    [
      'not Failed for an older generation',
      { reports: [report('a', 1, 5, { Available: 'True', Health: 'False' })] },
      'NotReady',
    ],
    [
      'not Failed for an adapter that is not required',
      { reports: [report('x', 2, 5, { Available: 'True', Health: 'False' })] },
      'NotReady',
    ],
    [
      'not Failed for Health=Unknown',
      { reports: [report('a', 2, 5, { Health: 'Unknown' })] },
      'NotReady',
    ],
  ])('phase: %s', (_case, change, phase) => {
    expect(aggregateConditions(inputOf(change)).phase).toBe(phase);
  });

  it('takes the lowest generation and time of the conditions that decide', () => {
    const aggregate = aggregateConditions(
      inputOf({
        generation: 3,
        required: ['a'],
        reports: [report('a', 2, 7, UP), report('retired', 1, 2, UP)],
        ref: at(9),
      }),
    );
    expect(aggregate).toMatchObject({ observed_generation: 2, last_updated_time: at(7) });
  });

  it('dates the phase like a condition', () => {
    const reports = [report('a', 2, 5, UP), report('b', 2, 6, UP)];
    const since = at(3);
    const dated = (previousPhase: AggregateInput['previousPhase']) =>
      aggregateConditions(inputOf({ reports, previousPhase })).last_transition_time;
    expect(dated(undefined)).toBe(REF);
    expect(dated({ phase: 'Ready', since })).toBe(since);
    expect(dated({ phase: 'Failed', since })).toBe(at(6));
  });

  it('adds the newer names behind the older ones and leaves the stored conditions alone', () => {
    const reports = [report('a', 2, 5, UP), report('b', 1, 6, UP)];
    const { conditions } = aggregateConditions(inputOf({ reports }));
    const before = structuredClone(conditions);
    const [available, ready, ...adapters] = conditions;
    expect(withAliases(conditions)).toStrictEqual([
      available,
      ready,
      { ...ready, type: 'Reconciled' },
      { ...available, type: 'LastKnownReconciled' },
      ...adapters,
    ]);
    expect(conditions).toStrictEqual(before);
  });
});

describe('a resource marked for deletion is complete', () => {
  const marked = {
    generation: 2,
    required: ['a', 'b'],
    reports: [report('a', 2, 5, GONE), report('b', 2, 6, { ...GONE, Available: 'Unknown' })],
    deleting: true,
    hasChildren: false,
  };
  const [a, b] = marked.reports as [AdapterStatus, AdapterStatus];

  it.each([
    ['when every required adapter has finalized', {}, true],
    ['at once when nothing is required', { required: [], reports: [] }, true],
    ['whatever other adapters say', { reports: [a, b, report('x', 2, 5, UP)] }, true],
    ['not while node pools are left', { hasChildren: true }, false],
    [
      'not while node pools are left and nothing is required',
      { required: [], hasChildren: true },
      false,
    ],
    ['not when one has not reported', { reports: [a] }, false],
    [
      'not when one finalized an older generation',
      { reports: [a, report('b', 1, 5, GONE)] },
      false,
    ],
    [
      'not when one says Finalized=False',
      { reports: [a, report('b', 2, 5, { Finalized: 'False' })] },
      false,
    ],
    ['not when it is not marked', { deleting: false }, false],
  ])('%s', (_case, change, expected) => {
    expect(isComplete({ ...marked, ...change })).toBe(expected);
  });
});
