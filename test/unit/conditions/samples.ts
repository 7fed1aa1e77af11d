import { aggregateConditions } from '../../../src/conditions/aggregate';
import type { AggregateInput } from '../../../src/conditions/aggregate';
import type { AdapterStatus, ResourceCondition } from '../../../src/conditions/types';

export const REF = at(0);

export function at(minute: number): string {
  return `2024-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`;
}

/** A stored report of this generation and minute. */
export function report(
  adapter: string,
  generation: number,
  minute: number,
  statuses: Record<string, 'True' | 'False' | 'Unknown'>,
): AdapterStatus {
  return {
    adapter,
    observed_generation: generation,
    conditions: Object.entries(statuses).map(([type, status]) => ({
      type,
      status,
      last_transition_time: at(minute),
    })),
    data: {},
    created_time: at(1),
    last_report_time: at(minute),
  };
}

export function inputOf(change: Partial<AggregateInput>): AggregateInput {
  return {
    kind: 'Cluster',
    generation: 2,
    ref: REF,
    required: ['b', 'a'],
    reports: [],
    previous: [],
    deleting: false,
    hasChildren: false,
    ...change,
  };
}

export function previousOf(
  type: string,
  status: 'True' | 'False',
  change: Partial<ResourceCondition> = {},
): ResourceCondition {
  return {
    type,
    status,
    reason: 'Before',
    message: 'before',
    observed_generation: 1,
    created_time: at(1),
    last_updated_time: at(2),
    last_transition_time: at(3),
    ...change,
  };
}

export function conditionOf(type: string, change: Partial<AggregateInput>): ResourceCondition {
  const { conditions } = aggregateConditions(inputOf(change));
  const found = conditions.find((condition) => condition.type === type);
  if (found === undefined) throw new Error(`no condition ${type}`);
  return found;
}

export const UP = { Available: 'True' } as const;
export const DOWN = { Available: 'False' } as const;
export const GONE = { Finalized: 'True' } as const;
