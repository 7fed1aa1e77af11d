import { conditionTypeOf } from '../kinds/adapter-names';
import { decideAvailable } from './available';
import { decideReady } from './ready';
import { earliest, hasCondition, standingOf } from './standing';
import type { Standing } from './standing';
import type { AggregateInput, Outcome, ResourceCondition, ResourcePhase } from './types';

export type { AggregateInput } from './types';

export interface Aggregate {
  /** As stored: Available, Ready, then one per reporting adapter; no aliases. */
  conditions: ResourceCondition[];
  phase: ResourcePhase;
  /** The plain minimum; the lower limit of 1 for node pools is applied in the response. */
  observed_generation: number;
  last_updated_time: string;
  last_transition_time: string;
}

/** The two times that a condition or phase can begin at when it does not keep its previous time. */
interface Moments {
  ref: string;
  /** When a status that differs from the previous one began. */
  flip: string;
}

/**
 * Computes conditions and phase from stored reports. A pure function: the same input always gives the
 * same output, and aggregating again with the output as `previous` changes nothing.
 */
export function aggregateConditions(input: AggregateInput): Aggregate {
  const { generation, ref, required, reports, previous, previousPhase } = input;
  const stored = new Map(reports.map((report) => [report.adapter, report]));
  const standings = required.map((adapter) => standingOf(adapter, stored.get(adapter), generation));
  const others = reports
    .filter((report) => !required.includes(report.adapter))
    .map((report) => standingOf(report.adapter, report, generation))
    .sort((left, right) => (left.adapter < right.adapter ? -1 : 1));
  const moments = { ref, flip: flipTime(ref, standings) };

  const wasAvailable = previous.find((condition) => condition.type === 'Available');
  const wasReady = previous.find((condition) => condition.type === 'Ready');
  const available = decideAvailable(input, standings, wasAvailable);
  const ready = decideReady(input, standings);
  const phase = phaseOf(ready, standings);

  // Only these conditions decide the derived fields: a retired adapter must not hold them back.
  const deciding = [
    aggregateCondition('Available', available, wasAvailable, moments),
    aggregateCondition('Ready', ready, wasReady, moments),
    ...standings.flatMap(adapterCondition),
  ];
  return {
    conditions: [...deciding, ...others.flatMap(adapterCondition)],
    phase,
    observed_generation: Math.min(...deciding.map((it) => it.observed_generation)),
    last_updated_time: earliest(deciding.map((it) => it.last_updated_time)) ?? ref,
    last_transition_time: transitionTime(
      phase,
      previousPhase?.phase,
      previousPhase?.since,
      moments,
    ),
  };
}

/**
 * Times of a flip: a status (or phase) that differs from the previous one began at the later of
 * `ref` and the newest of R's stored reports at generations ≤ G, usable or not, because a report
 * that is not usable may be the one that caused it.
 */
function flipTime(ref: string, standings: readonly Standing[]): string {
  return standings.reduce(
    (latest, { report }) =>
      report !== undefined && report.last_report_time > latest ? report.last_report_time : latest,
    ref,
  );
}

/** Changed: the time of the flip. Unchanged: the previous time. Nothing before: `ref`. */
function transitionTime(
  value: string,
  previous: string | undefined,
  since: string | undefined,
  { ref, flip }: Moments,
): string {
  if (previous === undefined || since === undefined) return ref;
  return previous === value ? since : flip;
}

/** Completes what B0–B2 decided. B4: created_time, once set, never changes. */
function aggregateCondition(
  type: string,
  outcome: Outcome,
  previous: ResourceCondition | undefined,
  moments: Moments,
): ResourceCondition {
  const { status } = outcome;
  return {
    ...outcome,
    type,
    created_time: previous?.created_time ?? moments.ref,
    last_transition_time: transitionTime(
      status,
      previous?.status,
      previous?.last_transition_time,
      moments,
    ),
  };
}

/** B3. One condition per adapter with a usable report; none for the others. */
function adapterCondition({ adapter, report, available }: Standing): ResourceCondition[] {
  if (report === undefined || available === undefined) return [];
  return [
    {
      type: conditionTypeOf(adapter),
      status: available.status,
      ...(available.reason !== undefined && { reason: available.reason }),
      ...(available.message !== undefined && { message: available.message }),
      observed_generation: report.observed_generation,
      created_time: report.created_time,
      last_updated_time: report.last_report_time,
      last_transition_time: available.last_transition_time,
    },
  ];
}

/** B5. Ready when Ready is True; else Failed when a required adapter is unhealthy at G. */
function phaseOf(ready: Outcome, standings: readonly Standing[]): ResourcePhase {
  if (ready.status === 'True') return 'Ready';
  return standings.some((it) => it.unhealthy) ? 'Failed' : 'NotReady';
}

/**
 * B5. Adds `Reconciled` (Ready under its newer name) and `LastKnownReconciled` (Available under
 * its newer name) to stored conditions: Available, Ready, Reconciled, LastKnownReconciled, adapters.
 */
export function withAliases(conditions: readonly ResourceCondition[]): ResourceCondition[] {
  const [available, ready, ...adapters] = conditions;
  if (available === undefined || ready === undefined) return [...conditions];
  return [
    available,
    ready,
    { ...ready, type: 'Reconciled' },
    { ...available, type: 'LastKnownReconciled' },
    ...adapters,
  ];
}

/**
 * A resource marked for deletion is complete, and is removed, when every required adapter's report
 * has Finalized=True at its generation and no child is left. If no adapter is required, there is
 * nothing to wait for. (Ready does not decide this: by B0 it is False when no adapter is required.)
 */
export function isComplete(
  input: Pick<AggregateInput, 'generation' | 'required' | 'reports' | 'deleting' | 'hasChildren'>,
): boolean {
  if (!input.deleting || input.hasChildren) return false;
  const finalized = new Set<string>();
  for (const report of input.reports) {
    if (
      report.observed_generation === input.generation &&
      hasCondition(report, 'Finalized', 'True')
    ) {
      finalized.add(report.adapter);
    }
  }
  return input.required.every((adapter) => finalized.has(adapter));
}
