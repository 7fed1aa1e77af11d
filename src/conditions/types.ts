import type { components } from '../../generated/openapi';

type Schemas = components['schemas'];

export type AdapterStatus = Schemas['AdapterStatus'];
export type AdapterCondition = Schemas['AdapterCondition'];
export type ResourceCondition = Schemas['ResourceCondition'];
export type ResourcePhase = Schemas['ResourcePhase'];

/**
 * What determines the conditions of a resource. Every time is UTC with milliseconds (see
 * `parseTime`), so times compare as strings.
 *
 * G is `generation`, R is `required`. A report is *usable* when its generation is ≤ G and its
 * `Available` is True or False; anything else counts as not reported.
 */
export interface AggregateInput {
  /** Name of the kind, for messages. */
  kind: string;
  generation: number;
  /** The resource's updated_time. */
  ref: string;
  /** Names of the required adapters, in configured order, without duplicates. */
  required: readonly string[];
  reports: readonly AdapterStatus[];
  /** The conditions stored before, without aliases; empty for a new resource. */
  previous: readonly ResourceCondition[];
  /** The phase stored before and the time it began. */
  previousPhase?: { phase: ResourcePhase; since: string };
  /** The resource is marked for deletion. */
  deleting: boolean;
  /** The resource still has children. */
  hasChildren: boolean;
}

/** What a rule decides about one aggregate condition, before its other times are carried over. */
export type Outcome = Pick<
  ResourceCondition,
  'status' | 'reason' | 'message' | 'observed_generation' | 'last_updated_time'
>;
