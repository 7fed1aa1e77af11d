import fc from 'fast-check';
import {
  type Available,
  type Model,
  type ModelResource,
  type Place,
  type Request,
  REQUIRED,
} from './lifecycle-model';

/** What to do next, in terms that mean something in every state. */
export type Step =
  | { do: 'create cluster'; name: number; value: number }
  | { do: 'create node pool'; at: number; name: number; value: number }
  | { do: 'patch'; at: number; merge: boolean; of: 'spec' | 'labels'; value: number | null }
  | { do: 'delete' | 'force-delete'; at: number }
  /** A report that says Finalized, of either adapter, on what is marked for deletion if anything is. */
  | { do: 'finalize'; at: number; turn: number }
  | {
      do: 'report';
      at: number;
      adapter: string;
      /** Added to the generation of the resource. */
      offset: number;
      available: Available;
      finalized: boolean;
    };

/** Counts back from the newest resource; the highest one, from the newest place that is empty. */
const EMPTY_PLACE = 5;
const at = fc.nat(EMPTY_PLACE);
const few = fc.nat(1);

const report = fc.record({
  do: fc.constant('report' as const),
  at,
  adapter: fc.constantFrom('validation', 'validation', 'dns', 'extra'),
  offset: fc.constantFrom(0, 0, 0, 0, -1, 1),
  available: fc.constantFrom<Available>('True', 'True', 'False', 'Unknown', 'absent'),
  finalized: fc.boolean(),
});

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('create cluster' as const), name: few, value: few }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('create node pool' as const),
      at,
      name: few,
      value: few,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('patch' as const),
      at,
      merge: fc.boolean(),
      of: fc.constantFrom('spec' as const, 'labels' as const),
      value: fc.option(few),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('delete' as const), at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('force-delete' as const), at }) },
  { weight: 6, arbitrary: report },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('finalize' as const), at, turn: fc.nat(1) }),
  },
);

const FAMILY: readonly Step[] = [
  { do: 'create cluster', name: 0, value: 0 },
  { do: 'create node pool', at: 0, name: 0, value: 0 },
  { do: 'create node pool', at: 0, name: 1, value: 0 },
];

/** Something to begin with, so that not every sequence is spent on creating: a family, marked or not. */
export const anyPrelude: fc.Arbitrary<readonly Step[]> = fc.constantFrom(FAMILY, [
  ...FAMILY,
  { do: 'delete', at: 2 } as const,
]);

const NOWHERE: Place = { kind: 'Cluster', id: '2nowhere' };

/** The request a step stands for in this state. */
export function requestOf(model: Model, step: Step): Request {
  model.time++;
  const pick = (back: number, fits: (place: Place, found?: ModelResource) => boolean) => {
    const places = model.places.filter((it) => {
      const found = model.resources.get(it.id);
      return (found !== undefined) === back < EMPTY_PLACE && fits(it, found);
    });
    return places[places.length - 1 - (back % Math.max(1, places.length))];
  };
  const place = (back: number) => pick(back, () => true) ?? NOWHERE;
  switch (step.do) {
    case 'create cluster':
      return {
        ...{ do: 'create', kind: 'Cluster', name: `cluster-${step.name}` },
        ...{ spec: { value: step.value }, labels: {} },
      };
    case 'create node pool': {
      const cluster = pick(step.at, ({ kind }) => kind === 'Cluster') ?? NOWHERE;
      return {
        ...{ do: 'create', kind: 'NodePool', ownerId: cluster.id },
        ...{ name: `pool-${step.name}`, spec: { value: step.value }, labels: { role: 'worker' } },
      };
    }
    case 'patch': {
      const value = step.of === 'labels' && step.value !== null ? `v${step.value}` : step.value;
      const change = !step.merge && value === null ? {} : { value };
      const body = { [step.of]: change };
      return { do: 'patch', at: place(step.at), merge: step.merge, body };
    }
    case 'report': {
      const { adapter, available, finalized } = step;
      const where = place(step.at);
      const now = model.resources.get(where.id)?.generation ?? 1;
      const generation = Math.max(1, now + step.offset);
      return {
        ...{ do: 'report', at: where, adapter, generation },
        ...{ time: model.time, available, finalized },
      };
    }
    case 'finalize': {
      const where = pick(step.at, (_, found) => found?.deleted === true) ?? place(step.at);
      const required = REQUIRED[where.kind];
      return {
        ...{ do: 'report', at: where, adapter: required[step.turn % required.length]! },
        generation: model.resources.get(where.id)?.generation ?? 1,
        ...{ time: model.time, available: 'Unknown', finalized: true },
      };
    }
    default:
      return { do: step.do, at: place(step.at) };
  }
}
