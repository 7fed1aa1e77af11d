import { aggregateConditions, isComplete } from '../../src/conditions/aggregate';
import type { Aggregate } from '../../src/conditions/aggregate';
import { judgeReport } from '../../src/conditions/report';
import type { Report, Verdict } from '../../src/conditions/report';
import type { AdapterStatus } from '../../src/conditions/types';

/** A resource and its reports as the service would hold them, without database or clock. */
export interface World {
  required: readonly string[];
  generation: number;
  ref: string;
  deleting: boolean;
  reports: readonly AdapterStatus[];
  aggregate: Aggregate;
}

/** `now` is when it happens; a report carries its own observed_time. */
export type Happening =
  { kind: 'patch' | 'delete'; now: string } | { kind: 'report'; now: string; report: Report };

type Facts = Omit<World, 'aggregate'>;

export function createWorld(required: readonly string[], now: string): World {
  const facts = { required, generation: 1, ref: now, deleting: false, reports: [] };
  return { ...facts, aggregate: aggregateConditions({ ...inputOf(facts), previous: [] }) };
}

/** What happens next. A report that is not accepted leaves the very same world. */
export function advance(world: World, happening: Happening): World {
  if (happening.kind === 'report') {
    const verdict = judge(world, happening.report, happening.now);
    if (verdict.outcome !== 'accepted') return world;
    const others = world.reports.filter((it) => it.adapter !== verdict.status.adapter);
    return reaggregate(world, { reports: [...others, verdict.status] });
  }
  // A marked resource is neither patched nor marked again.
  if (world.deleting) return world;
  return reaggregate(world, {
    generation: world.generation + 1,
    ref: happening.now,
    deleting: happening.kind === 'delete',
  });
}

export function judge(world: World, report: Report, receivedAt: string): Verdict {
  const { generation, deleting, reports, required } = world;
  return judgeReport(report, { generation, deleting, stored: reports, required, receivedAt });
}

/** True once the service would have removed the resource. */
export function isGone(world: World): boolean {
  return isComplete(inputOf(world));
}

function reaggregate(world: World, change: Partial<Facts>): World {
  const facts = { ...world, ...change };
  const { conditions, phase, last_transition_time: since } = world.aggregate;
  const aggregate = aggregateConditions({
    ...inputOf(facts),
    previous: conditions,
    previousPhase: { phase, since },
  });
  return { ...facts, aggregate };
}

function inputOf({ required, generation, ref, deleting, reports }: Facts) {
  return {
    kind: 'Cluster' as const,
    generation,
    ref,
    required,
    reports,
    deleting,
    hasChildren: false,
  };
}
