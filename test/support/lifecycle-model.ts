import { getKind, type Kind, type Kinds } from '../../src/kinds/kind';

/*
 * What the service should do, without its database: small enough to be right by reading. Reports are reduced
 * to what decides, times to a counter; of the conditions only whether Ready and Available hold is foretold.
 */

export type Available = 'True' | 'False' | 'Unknown' | 'absent';
type Values = Record<string, string | number | null>;

/** By type of reference, as a client sends them. */
export type SentReferences = Record<string, Sent | null>;
type Sent = readonly { id: string; kind?: string }[];
/** Ids by type of reference; a type without any is absent. */
export type ReferenceIds = Record<string, readonly string[]>;

/** Where a resource is, or was. */
export interface Place {
  kind: string;
  id: string;
  ownerId?: string;
}

interface Changes {
  spec?: Values;
  labels?: Values;
  references?: SentReferences | null;
}

export type Request =
  | ({ do: 'create'; kind: string; ownerId?: string; name: string } & Required<Changes>)
  | { do: 'patch'; at: Place; merge: boolean; body: Changes }
  | { do: 'delete' | 'force-delete'; at: Place }
  | ({ do: 'report'; at: Place; adapter: string } & ModelReport);

interface ModelReport {
  generation: number;
  time: number;
  available: Available;
  finalized: boolean;
}

export interface ModelResource extends Place {
  name: string;
  generation: number;
  spec: Values;
  labels: Values;
  references: ReferenceIds;
  deleted: boolean;
  ready: boolean;
  available: boolean;
  /** The generation at which Available was last found True. */
  availableAt: number;
  reports: Map<string, ModelReport>;
}

export interface Model {
  kinds: Kinds;
  /** By id; what has vanished is not here. */
  resources: Map<string, ModelResource>;
  /** Every place that ever was, oldest first. */
  places: Place[];
  time: number;
}

/** What a response says, as far as it is foretold. */
export interface Outcome {
  status: number;
  code?: string;
  generation?: number;
  deleted?: boolean;
  /** Absent for a kind without references. */
  references?: ReferenceIds;
  id?: string;
}

const INVALID: Outcome = { status: 400, code: 'HYPERFLEET-VAL-000' };
const NOT_FOUND: Outcome = { status: 404, code: 'HYPERFLEET-NTF-001' };
const NAME_TAKEN: Outcome = { status: 409, code: 'HYPERFLEET-CNF-001' };
const AHEAD: Outcome = { status: 409, code: 'HYPERFLEET-CNF-002' };
const DELETION: Outcome = { status: 409, code: 'HYPERFLEET-CNF-003' };
const REFERRED_TO: Outcome = { status: 409, code: 'HYPERFLEET-CNF-004' };
const DISCARDED: Outcome = { status: 204 };

export function emptyModel(kinds: Kinds): Model {
  return { kinds, resources: new Map(), places: [], time: 0 };
}

export function copyOf({ kinds, resources, places, time }: Model): Model {
  const copies = [...resources].map(
    ([id, one]) => [id, { ...one, reports: new Map(one.reports) }] as const,
  );
  return { kinds, resources: new Map(copies), places: [...places], time };
}

/**
 * Does to the model what the request should do to the service.
 * @param newId the id that the service gave, or would give, to what is created
 */
export function perform(model: Model, request: Request, newId: string): Outcome {
  if (request.do === 'create') return create(model, request, newId);
  const found = model.resources.get(request.at.id);
  if (found === undefined) return NOT_FOUND;
  switch (request.do) {
    case 'patch':
      return patch(model, found, request);
    case 'delete':
      return markDeleted(model, found);
    case 'report':
      return report(model, found, request);
    case 'force-delete':
      if (!found.deleted) return DELETION;
      childrenOf(model, found.id).forEach(({ id }) => model.resources.delete(id));
      remove(model, found);
      return { status: 204 };
  }
}

function kindOf({ kinds }: Model, { kind }: { kind: string }): Kind {
  return getKind(kinds, kind);
}

/** The response that shows a resource. */
function shown(model: Model, one: ModelResource, status: number): Outcome {
  const { generation, deleted, references } = one;
  const refers = kindOf(model, one).references.length > 0;
  return { status, generation, deleted, ...(refers && { references }) };
}

function create(model: Model, request: Request & { do: 'create' }, id: string): Outcome {
  const { kind, ownerId, name, spec, labels } = request;
  const wanted = request.references ?? {};
  if (!areValid(model, kindOf(model, request), wanted, {})) return INVALID;
  if (ownerId !== undefined) {
    const owner = model.resources.get(ownerId);
    if (owner === undefined) return NOT_FOUND;
    if (owner.deleted) return DELETION;
  }
  for (const other of model.resources.values()) {
    const sibling = other.kind === kind && other.ownerId === ownerId;
    if (!other.deleted && sibling && other.name === name) return NAME_TAKEN;
  }
  const place = { kind, id, ...(ownerId !== undefined && { ownerId }) };
  const created: ModelResource = {
    ...place,
    ...{ name, spec, labels, references: idsOf(wanted), generation: 1, deleted: false },
    ...{ ready: false, available: false, availableAt: 0, reports: new Map() },
  };
  model.places.push(place);
  model.resources.set(id, created);
  return { ...shown(model, created, 201), id };
}

function patch(
  model: Model,
  found: ModelResource,
  { merge, body }: Request & { do: 'patch' },
): Outcome {
  if (found.deleted) return DELETION;
  const after = {
    spec: patched(found.spec, body.spec, merge),
    labels: patched(found.labels, body.labels, merge),
    references: found.references,
  };
  if (body.references !== undefined) {
    const wanted = patched<Sent>(sentAgain(found.references), body.references, merge);
    if (!areValid(model, kindOf(model, found), wanted, found.references)) return INVALID;
    after.references = idsOf(wanted);
  }
  if (!same(after, found)) {
    Object.assign(found, after, { generation: found.generation + 1 });
    aggregate(model, found);
  }
  return shown(model, found, 200);
}

type Change<T> = Record<string, T | null>;

function patched<T>(before: Change<T>, change: Change<T> | null | undefined, merge: boolean) {
  if (change === undefined) return before;
  const after = { ...(merge && change !== null && before), ...change };
  return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== null));
}

type Desired = Pick<ModelResource, 'spec' | 'labels' | 'references'>;

function same(left: Desired, right: Desired): boolean {
  const text = ({ spec, labels, references }: Desired) =>
    JSON.stringify([spec, labels, references].map((it) => Object.entries(it).sort()));
  return text(left) === text(right);
}

function idsOf(references: SentReferences): ReferenceIds {
  const ids = Object.entries(references).map(
    ([type, list]) => [type, (list ?? []).map(({ id }) => id)] as const,
  );
  return Object.fromEntries(ids.filter(([, list]) => list.length > 0));
}

function sentAgain(stored: ReferenceIds): SentReferences {
  return Object.fromEntries(
    Object.entries(stored).map(([type, ids]) => [type, ids.map((id) => ({ id }))]),
  );
}

function areValid(model: Model, kind: Kind, wanted: SentReferences, stored: ReferenceIds): boolean {
  const known = new Set(kind.references.map(({ type }) => type));
  if (Object.keys(wanted).some((type) => !known.has(type))) return false;
  return kind.references.every(({ type, targetKind, min, max = Infinity }) => {
    const list = wanted[type] ?? [];
    const ids = list.map(({ id }) => id);
    if (ids.length < min || ids.length > max || new Set(ids).size < ids.length) return false;
    return list.every(({ id, kind: named = targetKind }) => {
      const target = model.resources.get(id);
      const refers = stored[type]?.includes(id) ?? false;
      const fits = target?.kind === targetKind && (refers || !target.deleted);
      return named === targetKind && fits;
    });
  });
}

function markDeleted(model: Model, found: ModelResource): Outcome {
  if (found.deleted) return shown(model, found, 202);
  const children = childrenOf(model, found.id).filter(({ deleted }) => !deleted);
  if (children.some((child) => kindOf(model, child).onParentDelete === 'restrict')) return DELETION;
  const family = [found, ...children];
  if (isReferredTo(model, family)) return REFERRED_TO;
  for (const one of family) {
    Object.assign(one, { deleted: true, references: {}, generation: one.generation + 1 });
    aggregate(model, one);
  }
  // Children first: their parent may wait for nothing else.
  for (const one of family.toReversed()) {
    if (isComplete(model, one)) model.resources.delete(one.id);
  }
  return shown(model, found, 202);
}

/** By others than themselves. */
function isReferredTo(model: Model, family: readonly ModelResource[]): boolean {
  const ids = family.map(({ id }) => id);
  return [...model.resources.values()].some(
    ({ id, references }) =>
      !ids.includes(id) &&
      Object.values(references)
        .flat()
        .some((target) => ids.includes(target)),
  );
}

function report(model: Model, found: ModelResource, request: Request & { do: 'report' }): Outcome {
  const { adapter, generation, time, available, finalized } = request;
  if (generation > found.generation) return AHEAD;
  const stored = found.reports.get(adapter);
  if (stored !== undefined) {
    if (generation < stored.generation) return DISCARDED;
    if (generation === stored.generation && time < stored.time) return DISCARDED;
    if (available === 'Unknown' && !(found.deleted && finalized)) return DISCARDED;
  }
  found.reports.set(adapter, { generation, time, available, finalized });
  aggregate(model, found);
  if (isComplete(model, found)) remove(model, found);
  return { status: 201 };
}

function childrenOf(model: Model, id: string): ModelResource[] {
  return [...model.resources.values()].filter(({ ownerId }) => ownerId === id);
}

export function isComplete(model: Model, one: ModelResource): boolean {
  if (!one.deleted || childrenOf(model, one.id).length > 0) return false;
  return kindOf(model, one).requiredAdapters.every((adapter) => {
    const last = one.reports.get(adapter);
    return last?.finalized === true && last.generation === one.generation;
  });
}

/** Removes one, and its parent if that only waited for it. */
function remove(model: Model, one: ModelResource): void {
  model.resources.delete(one.id);
  const owner = model.resources.get(one.ownerId ?? '');
  if (owner !== undefined && isComplete(model, owner)) model.resources.delete(owner.id);
}

function aggregate(model: Model, one: ModelResource): void {
  const required = kindOf(model, one).requiredAdapters.map((adapter) => one.reports.get(adapter));
  // Nobody could tell whether it is ready.
  if (required.length === 0) return;
  const usable = required.filter(
    (it) => it !== undefined && (it.available === 'True' || it.available === 'False'),
  ) as ModelReport[];
  const complete = usable.length === required.length;
  const good = usable.every(({ available }) => available === 'True');
  const generations = new Set(usable.map(({ generation }) => generation));

  // What is complete and marked vanishes, so a marked resource is never seen Ready.
  one.ready =
    complete && good && !one.deleted && usable.every((it) => it.generation === one.generation);
  if (complete && generations.size === 1) {
    one.available = good;
    one.availableAt = [...generations][0]!;
  } else {
    const failing = usable.some(
      (it) => it.available === 'False' && it.generation === one.availableAt,
    );
    one.available = complete && one.available && !failing;
  }
}
