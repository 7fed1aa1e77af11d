import fc from 'fast-check';
import { getKind, type Kind, type Kinds } from '../../src/kinds/kind';
import {
  type Available,
  type Model,
  type ModelResource,
  type Place,
  type Request,
  type SentReferences,
} from './lifecycle-model';

/** What to do next, in terms that mean something in every state. */
export type Step =
  | { do: 'create'; kind: number; at: number; name: number; value: number; refer: Refer }
  | { do: 'patch'; at: number; merge: boolean; of: 'spec' | 'labels'; value: number | null }
  /** A patch of references; null: of all of them to none. */
  | { do: 'refer'; at: number; merge: boolean; refer: Refer | null }
  | { do: 'delete'; at: number; aim: 'any' | 'target' | 'parent' }
  | { do: 'force-delete'; at: number }
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

/** References of one type, beside those that the kind requires, and what is wrong with them. */
interface Refer {
  type: number;
  targets: readonly number[];
  slip: 'none' | 'unknown type' | 'kind of another' | 'any target' | 'twice' | 'too many';
}

/** Counts back from the newest resource; the highest one, from the newest place that is empty. */
const EMPTY_PLACE = 6;
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

const refer: fc.Arbitrary<Refer> = fc.record({
  type: few,
  targets: fc.array(at, { maxLength: 3 }),
  slip: fc.oneof(
    { weight: 3, arbitrary: fc.constant('none' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        ...(['unknown type', 'kind of another', 'any target', 'twice', 'too many'] as const),
      ),
    },
  ),
});

const steps = {
  create: fc.record({
    do: fc.constant('create' as const),
    ...{ kind: fc.nat(1000), at, name: few, value: few, refer },
  }),
  patch: fc.record({
    do: fc.constant('patch' as const),
    at,
    merge: fc.boolean(),
    of: fc.constantFrom('spec' as const, 'labels' as const),
    value: fc.option(few),
  }),
  refer: fc.record({
    do: fc.constant('refer' as const),
    ...{ at, merge: fc.boolean(), refer: fc.option(refer, { freq: 9 }) },
  }),
  delete: fc.record({
    do: fc.constant('delete' as const),
    ...{
      at,
      aim: fc.constantFrom('any' as const, 'any' as const, 'target' as const, 'parent' as const),
    },
  }),
  'force-delete': fc.record({ do: fc.constant('force-delete' as const), at }),
  report,
  finalize: fc.record({ do: fc.constant('finalize' as const), at, turn: fc.nat(1) }),
};

/** Any step that means something to these kinds. */
export function anyStepOf(kinds: Kinds): fc.Arbitrary<Step> {
  const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });
  return fc.oneof(
    weighted(6, steps.create),
    weighted(3, steps.patch),
    weighted(anyReferences(kinds) ? 6 : 0, steps.refer),
    weighted(4, steps.delete),
    weighted(1, steps['force-delete']),
    weighted(6, steps.report),
    weighted(8, steps.finalize),
  );
}

function anyReferences(kinds: Kinds): boolean {
  return [...kinds.values()].some(({ references }) => references.length > 0);
}

const NEWEST: Refer = { type: 0, targets: [0], slip: 'none' };

/**
 * Something to begin with, so that not every sequence is spent on creating: one of each kind that refers to what is
 * there, and one more of the last; a DELETE of the first or none.
 */
export function anyPreludeOf({ size }: Kinds): fc.Arbitrary<readonly Step[]> {
  const create = (kind: number, name: number): Step => ({
    ...{ do: 'create', kind, at: 0, name, value: 0, refer: NEWEST },
  });
  const family = [
    ...Array.from({ length: size }, (_, kind) => create(kind, 0)),
    create(size - 1, 1),
  ];
  return fc.constantFrom(family, [...family, { do: 'delete', at: size, aim: 'any' } as const]);
}

/** The request a step stands for in this state. */
export function requestOf(model: Model, step: Step): Request {
  model.time++;
  const kinds = [...model.kinds.values()];
  const nowhere: Place = { kind: kinds[0]!.name, id: '2nowhere' };
  const pick = (back: number, fits: (place: Place, found?: ModelResource) => boolean) => {
    const places = model.places.filter((it) => {
      const found = model.resources.get(it.id);
      return (found !== undefined) === back < EMPTY_PLACE && fits(it, found);
    });
    return places[places.length - 1 - (back % Math.max(1, places.length))];
  };
  const place = (back: number) => pick(back, () => true) ?? nowhere;
  switch (step.do) {
    case 'create': {
      const kind = kinds[step.kind % kinds.length]!;
      const { parent } = kind;
      const owner = parent && (pick(step.at, (it) => it.kind === parent.name) ?? nowhere);
      return {
        ...{ do: 'create', kind: kind.name, ...(owner && { ownerId: owner.id }) },
        ...{ name: `name-${step.name}`, spec: { value: step.value }, labels: { role: 'worker' } },
        references: { ...requiredOf(model, kind), ...sent(kind, step.refer, pick) },
      };
    }
    case 'patch': {
      const value = step.of === 'labels' && step.value !== null ? `v${step.value}` : step.value;
      const change = !step.merge && value === null ? {} : { value };
      const body = { [step.of]: change };
      return { do: 'patch', at: place(step.at), merge: step.merge, body };
    }
    case 'refer': {
      const refers = ({ kind }: Place) => getKind(model.kinds, kind).references.length > 0;
      const where = pick(step.at, refers) ?? place(step.at);
      const kind = getKind(model.kinds, where.kind);
      const { merge } = step;
      const references = step.refer === null ? (merge ? null : {}) : sent(kind, step.refer, pick);
      return {
        do: 'patch',
        at: where,
        merge,
        body: refers(where) ? { references } : { labels: {} },
      };
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
      const required = getKind(model.kinds, where.kind).requiredAdapters;
      return {
        ...{ do: 'report', at: where, adapter: required[step.turn % required.length] ?? 'extra' },
        generation: model.resources.get(where.id)?.generation ?? 1,
        ...{ time: model.time, available: 'Unknown', finalized: true },
      };
    }
    case 'delete': {
      const aims = { any: () => true, target: isTarget, parent: isParent };
      const where = pick(step.at, ({ id }) => aims[step.aim](model, id)) ?? place(step.at);
      return { do: 'delete', at: where };
    }
    case 'force-delete':
      return { do: 'force-delete', at: place(step.at) };
  }
}

function isTarget({ resources }: Model, id: string): boolean {
  return [...resources.values()].some(({ references }) =>
    Object.values(references).flat().includes(id),
  );
}

function isParent({ resources }: Model, id: string): boolean {
  return [...resources.values()].some(({ ownerId }) => ownerId === id);
}

/** The newest targets that can be referred to, as many as the kind requires. */
function requiredOf({ resources }: Model, { references }: Kind): SentReferences {
  const required = references.filter(({ min }) => min > 0);
  return Object.fromEntries(
    required.map(({ type, targetKind, min }) => {
      const fitting = [...resources.values()].filter(
        ({ kind, deleted }) => kind === targetKind && !deleted,
      );
      return [type, fitting.slice(-min).map(({ id }) => ({ id }))];
    }),
  );
}

type Pick = (back: number, fits: (place: Place) => boolean) => Place | undefined;

function sent({ name, references }: Kind, { type, targets, slip }: Refer, pick: Pick) {
  const chosen = references[type % references.length];
  if (chosen === undefined) return {};
  const fits = ({ kind }: Place) => slip === 'any target' || kind === chosen.targetKind;
  const places = targets.flatMap((back) => pick(back, fits) ?? []);
  const distinct = [...new Set(places.map(({ id }) => id))];
  const allowed = slip === 'too many' ? distinct : distinct.slice(0, chosen.max);
  const list = (slip === 'twice' ? [...allowed, ...allowed] : allowed).map((id) => ({
    id,
    ...(slip === 'kind of another' && { kind: `${name}Other` }),
  }));
  return { [slip === 'unknown type' ? 'unknown' : chosen.type]: list };
}
