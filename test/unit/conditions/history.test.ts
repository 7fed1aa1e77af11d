import fc from 'fast-check';
import type { ResourceCondition } from '../../../src/conditions/types';
import { advance, isGone, judge } from '../../support/history';
import type { World } from '../../support/history';
import {
  type Step,
  steps,
  worldsOf,
  interleavings,
  reportOf,
  happeningOf,
  moment,
  REQUIRED,
} from './histories';

const RUNS = { numRuns: 1000 };
function pairsOf(worlds: readonly World[]): [World, World][] {
  return worlds.slice(1).map((world, index) => [worlds[index]!, world]);
}

function conditionOf(world: World, type: string): ResourceCondition {
  return world.aggregate.conditions.find((condition) => condition.type === type)!;
}

function isTrue(world: World, type: string): boolean {
  return conditionOf(world, type).status === 'True';
}

function undated(condition: ResourceCondition): Partial<ResourceCondition> {
  return { ...condition, last_transition_time: undefined };
}

/** Everything that has a status and the time it began: the conditions, and the phase. */
function datedStatuses({ aggregate }: World): { type: string; status: string; since: string }[] {
  return [
    { type: 'phase', status: aggregate.phase, since: aggregate.last_transition_time },
    ...aggregate.conditions.map(({ type, status, last_transition_time: since }) => ({
      type,
      status,
      since,
    })),
  ];
}

/** Runs a property over random histories: it returns whatever breaks it. */
function assertNever(late: boolean, violationsOf: (worlds: World[], history: Step[]) => unknown[]) {
  fc.assert(
    fc.property(steps({ late }), (history) => {
      expect(violationsOf(worldsOf(history), history)).toEqual([]);
    }),
    RUNS,
  );
}

describe('over any history', () => {
  it('last_transition_time moves exactly when the status does', () => {
    let flips = 0;
    assertNever(false, (worlds) =>
      pairsOf(worlds).flatMap(([before, after]) =>
        datedStatuses(after).filter(({ type, status, since }) => {
          const previous = datedStatuses(before).find((it) => it.type === type);
          if (previous === undefined) return false;
          const flipped = status !== previous.status;
          flips += Number(flipped);
          return flipped !== (since !== previous.since);
        }),
      ),
    );
    expect(flips).toBeGreaterThan(1000);
  });

  it('created_time never moves', () => {
    assertNever(true, (worlds) => {
      const created = new Map([
        ['Available', moment(0)],
        ['Ready', moment(0)],
      ]);
      return worlds.flatMap((world) =>
        world.aggregate.conditions.filter(({ type, created_time }) => {
          const first = created.get(type) ?? created_time;
          created.set(type, first);
          return created_time !== first;
        }),
      );
    });
  });

  it('another interleaving of the same reports gives the same Ready', () => {
    let reorderings = 0;
    const updates = fc.constantFrom('patch' as const, 'delete' as const);
    fc.assert(
      fc.property(
        steps({ late: true }),
        updates,
        interleavings(),
        (earlier, kind, { history, reordered }) => {
          const update: Step = { kind, adapter: '', lag: 0, delay: 0, statuses: {} };
          const start = worldsOf([...earlier, update]).at(-1)!;
          const offset = earlier.length + 2;
          // All arrive at the end, in any order: what dates a report is its adapter's own clock.
          const now = moment(offset + history.length);
          const replay = (order: readonly number[]) =>
            order.reduce((world, index) => {
              const report = reportOf(history[index]!, offset + index, start.generation);
              return advance(world, { kind: 'report', now, report });
            }, start);

          const one = replay([...history.keys()]);
          const other = replay(reordered);
          reorderings += Number(reordered.some((index, turn) => index !== turn));
          expect(undated(conditionOf(other, 'Ready'))).toEqual(undated(conditionOf(one, 'Ready')));
          expect(isGone(other)).toBe(isGone(one));
        },
      ),
      RUNS,
    );
    expect(reorderings).toBeGreaterThan(500);
  });

  it('last_updated_time of Ready is never later than a usable report at the generation', () => {
    let compared = 0;
    assertNever(true, (worlds) =>
      worlds.flatMap((world) => {
        const current = world.reports.filter(
          (report) =>
            REQUIRED.includes(report.adapter) &&
            report.observed_generation === world.generation &&
            report.conditions.some(
              ({ type, status }) => type === 'Available' && status !== 'Unknown',
            ),
        );
        compared += current.length;
        const updated = conditionOf(world, 'Ready').last_updated_time;
        return current.filter((report) => updated > report.last_report_time);
      }),
    );
    expect(compared).toBeGreaterThan(1000);
  });

  it('Available turns True only when every required adapter agrees on one generation', () => {
    let turns = 0;
    assertNever(true, (worlds) => {
      const turned = pairsOf(worlds)
        .filter(([before, after]) => !isTrue(before, 'Available') && isTrue(after, 'Available'))
        .map(([, after]) => after);
      turns += turned.length;
      return turned.filter((world) => {
        const { observed_generation } = conditionOf(world, 'Available');
        return !REQUIRED.every((adapter) =>
          world.reports.some(
            (report) =>
              report.adapter === adapter &&
              report.observed_generation === observed_generation &&
              report.conditions.some((it) => it.type === 'Available' && it.status === 'True'),
          ),
        );
      });
    });
    expect(turns).toBeGreaterThan(200);
  });

  it('meets every verdict, and nothing changes unless a report is accepted', () => {
    const met = new Set<string>();
    assertNever(true, (worlds, history) =>
      worlds.slice(0, -1).filter((world, index) => {
        const happening = happeningOf(history[index]!, index + 1, world);
        if (happening.kind !== 'report') return false;
        const verdict = judge(world, happening.report, happening.now);
        met.add('reason' in verdict ? verdict.reason : verdict.outcome);
        return verdict.outcome !== 'accepted' && worlds[index + 1] !== world;
      }),
    );
    expect([...met].sort()).toEqual([
      'accepted',
      'available_unknown',
      'refused',
      'stale_generation',
      'stale_time',
    ]);
  });
});
