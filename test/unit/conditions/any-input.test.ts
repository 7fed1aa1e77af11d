import fc from 'fast-check';
import { aggregateConditions } from '../../../src/conditions/aggregate';
import type { AggregateInput } from '../../../src/conditions/aggregate';
import { judgeReport } from '../../../src/conditions/report';
import type { AdapterStatus } from '../../../src/conditions/types';

const RUNS = { numRuns: 1000 };

describe('for any input at all', () => {
  const time = fc
    .integer({ min: 0, max: 20 })
    .map((minute) => new Date(Date.UTC(2024, 0, 1, 0, minute)).toISOString());
  const generation = fc.integer({ min: -1, max: 4 });
  const adapter = fc.oneof(fc.constantFrom('dns', 'validation', 'gcp-dns', 'gcpDns'), fc.string());
  const status = fc.constantFrom('True' as const, 'False' as const, 'Unknown' as const);
  const type = fc.oneof(fc.constantFrom('Available', 'Health', 'Finalized', 'Ready'), fc.string());
  const texts = { reason: fc.option(fc.string(), { nil: undefined }) };
  const stored: fc.Arbitrary<AdapterStatus> = fc.record({
    adapter,
    observed_generation: generation,
    conditions: fc.array(fc.record({ type, status, last_transition_time: time, ...texts })),
    data: fc.constant({}),
    created_time: time,
    last_report_time: time,
  });
  const reports = fc.uniqueArray(stored, { selector: (report) => report.adapter });
  const required = fc.uniqueArray(adapter, { maxLength: 4 });
  const input: fc.Arbitrary<AggregateInput> = fc.record({
    kind: fc.constantFrom('Cluster' as const, 'NodePool' as const),
    generation,
    ref: time,
    required,
    reports,
    previous: fc.array(
      fc.record({
        type: fc.constantFrom('Available', 'Ready', 'DnsSuccessful'),
        status,
        observed_generation: generation,
        created_time: time,
        last_updated_time: time,
        last_transition_time: time,
        ...texts,
      }),
    ),
    previousPhase: fc.option(
      fc.record({ phase: fc.constantFrom('NotReady', 'Ready', 'Failed'), since: time }),
      { nil: undefined },
    ),
    deleting: fc.boolean(),
    hasChildren: fc.boolean(),
  });

  it('aggregating again with its own output as previous changes nothing', () => {
    fc.assert(
      fc.property(input, (given) => {
        const first = aggregateConditions(given);
        const { conditions: previous, phase, last_transition_time: since } = first;
        const again = aggregateConditions({ ...given, previous, previousPhase: { phase, since } });
        expect(again).toStrictEqual(first);
      }),
      RUNS,
    );
  });

  it('neither the order of the stored reports nor a second call makes a difference', () => {
    fc.assert(
      fc.property(input, (given) => {
        const copy = structuredClone(given);
        const first = aggregateConditions(given);
        expect(given).toEqual(copy);
        expect(
          aggregateConditions({ ...copy, reports: [...copy.reports].reverse() }),
        ).toStrictEqual(first);
      }),
      RUNS,
    );
  });

  it('a report is always judged, never thrown at', () => {
    const report = fc.record({
      adapter,
      observed_generation: generation,
      observed_time: fc.oneof(time, fc.string()),
      conditions: fc.array(fc.record({ type, status })),
    });
    fc.assert(
      fc.property(report, generation, fc.boolean(), reports, required, time, (...given) => {
        const [sent, current, deleting, known, names, receivedAt] = given;
        const context = {
          generation: current,
          deleting,
          stored: known,
          required: names,
          receivedAt,
        };
        expect(['accepted', 'discarded', 'refused']).toContain(judgeReport(sent, context).outcome);
      }),
      RUNS,
    );
  });
});
