import { aggregateConditions } from '../../../src/conditions/aggregate';
import { decideReport } from '../../../src/conditions/decide';
import type { AggregateInput } from '../../../src/conditions/types';
import { acceptedStatus, contextOf, NOON, reportOf, storedOf } from './report-samples';
import { inputOf } from './samples';

/* A resource at generation 3 that requires the adapter `dns` only, and a report of it. */

const resource = (change: Partial<AggregateInput> = {}) =>
  inputOf({ generation: 3, required: ['dns'], ...change });
const finalized = reportOf({ conditions: [{ type: 'Finalized', status: 'True' }] });

describe('a report', () => {
  it('is refused, or discarded, as it is judged', () => {
    const ahead = decideReport(reportOf({ observed_generation: 4 }), resource(), NOON);
    expect(ahead).toMatchObject({ outcome: 'refused', code: 'CNF-002' });
    const stale = reportOf({ observed_generation: 2 });
    const reports = [storedOf()];
    expect(decideReport(stale, resource({ reports }), NOON)).toEqual({
      outcome: 'discarded',
      reason: 'stale_generation',
    });
  });

  it('is stored in the place of its predecessor, with the status that follows from all reports', () => {
    const other = storedOf({ adapter: 'extra' });
    const before = [storedOf({ observed_generation: 2 }), other];
    const status = acceptedStatus(reportOf(), contextOf({ stored: before }));
    expect(decideReport(reportOf(), resource({ reports: before }), NOON)).toEqual({
      outcome: 'stored',
      status,
      aggregate: aggregateConditions(resource({ reports: [other, status] })),
    });
  });

  it('completes a deletion only when nothing else is waited for', () => {
    const deleting = resource({ deleting: true });
    expect(decideReport(finalized, deleting, NOON).outcome).toBe('completed');
    expect(decideReport(finalized, resource(), NOON).outcome).toBe('stored');
    expect(decideReport(reportOf(), deleting, NOON).outcome).toBe('stored');
    expect(decideReport(finalized, { ...deleting, hasChildren: true }, NOON).outcome).toBe(
      'stored',
    );
    const another = { ...deleting, required: ['dns', 'validation'] };
    expect(decideReport(finalized, another, NOON).outcome).toBe('stored');
  });
});
