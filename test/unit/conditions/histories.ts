import fc from 'fast-check';
import type { Report } from '../../../src/conditions/report';
import { advance, createWorld, isGone, type Happening, type World } from '../../support/history';

/* Random histories of a resource: reports, patches and deletions, a minute apart. */

export const REQUIRED = ['validation', 'dns'];
const ADAPTERS = [...REQUIRED, 'extra'];

/** One happening before it meets a world: generations and times are relative. */
export interface Step {
  kind: 'report' | 'patch' | 'delete';
  adapter: string;
  /** Generations behind the resource; -1 is ahead of it. */
  lag: number;
  /** Seconds between the observation and its arrival. */
  delay: number;
  statuses: Record<string, 'True' | 'False' | 'Unknown'>;
}

export function steps({ late }: { late: boolean }): fc.Arbitrary<Step[]> {
  const available = fc.oneof(
    { weight: 7, arbitrary: fc.constant({ Available: 'True' as const }) },
    { weight: 2, arbitrary: fc.constant({ Available: 'False' as const }) },
    { weight: 1, arbitrary: fc.constant({ Available: 'Unknown' as const }) },
    { weight: 1, arbitrary: fc.constant({}) },
  );
  const health = fc.constantFrom({}, {}, {}, { Health: 'True' }, { Health: 'False' });
  const finalized = fc.constantFrom({}, {}, { Finalized: 'True' }, { Finalized: 'False' });
  const step = fc.record({
    kind: fc.oneof(
      { weight: 24, arbitrary: fc.constant('report' as const) },
      { weight: 3, arbitrary: fc.constant('patch' as const) },
      { weight: 1, arbitrary: fc.constant('delete' as const) },
    ),
    adapter: fc.constantFrom(...ADAPTERS),
    lag: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 1, 2, -1),
    delay: late ? fc.constantFrom(0, 0, 0, 30, 90, 600) : fc.constant(0),
    statuses: fc
      .tuple(available, health, finalized)
      .map((parts) => Object.assign({}, ...parts) as Step['statuses']),
  });
  return fc.array(step, { minLength: 1, maxLength: 30, size: 'max' });
}

/** A minute passes between one happening and the next. */
export function moment(index: number, delay = 0): string {
  return new Date(Date.UTC(2024, 0, 1) + index * 60_000 - delay * 1000).toISOString();
}

export function reportOf(step: Step, index: number, generation: number): Report {
  return {
    adapter: step.adapter,
    observed_generation: generation - step.lag,
    observed_time: moment(index, step.delay),
    conditions: Object.entries(step.statuses).map(([type, status]) => ({ type, status })),
  };
}

export function happeningOf(step: Step, index: number, world: World): Happening {
  const now = moment(index);
  return step.kind === 'report'
    ? { kind: 'report', now, report: reportOf(step, index, world.generation) }
    : { kind: step.kind, now };
}

/** Every state of a resource with this history, until it vanishes. */
export function worldsOf(history: readonly Step[]): World[] {
  const worlds = [createWorld(REQUIRED, moment(0))];
  for (const [index, step] of history.entries()) {
    const world = worlds.at(-1)!;
    if (isGone(world)) break;
    worlds.push(advance(world, happeningOf(step, index + 1, world)));
  }
  return worlds;
}

/** Reports and discards between two updates, and another order of them that each adapter agrees to. */
export function interleavings(): fc.Arbitrary<{ history: Step[]; reordered: number[] }> {
  const onlyReports = steps({ late: true }).map((all) =>
    all.filter(({ kind }) => kind === 'report'),
  );
  return onlyReports.chain((history) => {
    const turns = fc.shuffledSubarray([...history.keys()], { minLength: history.length });
    return turns.map((order) => {
      const queues = new Map(
        ADAPTERS.map((adapter) => [
          adapter,
          [...history.keys()].filter((index) => history[index]!.adapter === adapter),
        ]),
      );
      return {
        history,
        reordered: order.map((index) => queues.get(history[index]!.adapter)!.shift()!),
      };
    });
  });
}
