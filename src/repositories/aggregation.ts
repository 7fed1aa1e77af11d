import { type Aggregate, aggregateConditions, isComplete } from '../conditions/aggregate';
import type { AggregateInput } from '../conditions/types';
import { getKind, type Kinds } from '../kinds/kind';
import type { ResourceWithReports } from './resources';

/** What determines the conditions of a resource, from its stored row. */
export function aggregateInput(row: ResourceWithReports, kinds: Kinds): AggregateInput {
  return {
    kind: row.kind,
    generation: row.generation,
    ref: row.updated_time,
    required: getKind(kinds, row.kind).requiredAdapters,
    reports: row.reports,
    previous: row.conditions,
    previousPhase: { phase: row.phase, since: row.last_transition_time },
    deleting: row.deleted_time !== null,
    hasChildren: row.has_children,
  };
}

/** The conditions of a resource. */
export function aggregateRow(row: ResourceWithReports, kinds: Kinds): Aggregate {
  return aggregateConditions(aggregateInput(row, kinds));
}

/** Whether a resource marked for deletion has nothing left to wait for. */
export function isRowComplete(row: ResourceWithReports, kinds: Kinds): boolean {
  return isComplete(aggregateInput(row, kinds));
}
