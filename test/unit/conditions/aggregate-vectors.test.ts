import { aggregateConditions } from '../../../src/conditions/aggregate';
import type { Aggregate, AggregateInput } from '../../../src/conditions/aggregate';
import vectors from '../../vectors/aggregation.json';

interface Vector {
  name: string;
  input: Omit<AggregateInput, 'kind'>;
  expected: Aggregate;
}

const cases = vectors.cases as unknown as Vector[];

describe('the worked cases of the aggregation rules', () => {
  it('are all there', () => {
    expect(cases).toHaveLength(38);
  });

  it.each(cases)('$name', ({ input, expected }) => {
    const aggregate = aggregateConditions({ kind: 'Cluster', ...input });
    expect(withoutMessages(aggregate)).toStrictEqual(expected);
  });
});

/** The cases leave the wording of messages open. */
function withoutMessages(aggregate: Aggregate): Aggregate {
  const conditions = aggregate.conditions.map((condition) => {
    const rest = { ...condition };
    delete rest.message;
    return rest;
  });
  return { ...aggregate, conditions };
}
