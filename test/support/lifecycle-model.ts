/*
 * What the service should do, without its database: small enough to be right by reading. Reports are reduced
 * to what decides, times to a counter; of the conditions only whether Ready and Available hold is foretold.
 */

type KindName = 'Cluster' | 'NodePool';

export const REQUIRED: Record<KindName, readonly string[]> = {
  Cluster: ['validation', 'dns'],
  NodePool: ['validation'],
};

export type Available = 'True' | 'False' | 'Unknown' | 'absent';
type Values = Record<string, string | number | null>;

/** Where a resource is, or was. */
export interface Place {
  kind: KindName;
  id: string;
  ownerId?: string;
}

export type Request =
  | { do: 'create'; kind: KindName; ownerId?: string; name: string; spec: Values; labels: Values }
  | { do: 'patch'; at: Place; merge: boolean; body: { spec?: Values; labels?: Values } }
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
  deleted: boolean;
  ready: boolean;
  available: boolean;
  /** The generation at which Available was last found True. */
  availableAt: number;
  reports: Map<string, ModelReport>;
}

export interface Model {
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
  id?: string;
}

const NOT_FOUND: Outcome = { status: 404, code: 'HYPERFLEET-NTF-001' };
const NAME_TAKEN: Outcome = { status: 409, code: 'HYPERFLEET-CNF-001' };
const AHEAD: Outcome = { status: 409, code: 'HYPERFLEET-CNF-002' };
const DELETION: Outcome = { status: 409, code: 'HYPERFLEET-CNF-003' };
const DISCARDED: Outcome = { status: 204 };

export function emptyModel(): Model {
  return { resources: new Map(), places: [], time: 0 };
}

export function copyOf({ resources, places, time }: Model): Model {
  const copies = [...resources].map(
    ([id, one]) => [id, { ...one, reports: new Map(one.reports) }] as const,
  );
  return { resources: new Map(copies), places: [...places], time };
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
      return patch(found, request);
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

function create(model: Model, request: Request & { do: 'create' }, id: string): Outcome {
  const { kind, ownerId, name, spec, labels } = request;
  if (ownerId !== undefined) {
    const owner = model.resources.get(ownerId);
    if (owner === undefined) return NOT_FOUND;
    if (owner.deleted) return DELETION;
  }
  for (const other of model.resources.values()) {
    if (!other.deleted && other.ownerId === ownerId && other.name === name) return NAME_TAKEN;
  }
  const place = { kind, id, ...(ownerId !== undefined && { ownerId }) };
  model.places.push(place);
  model.resources.set(id, {
    ...place,
    ...{ name, spec, labels, generation: 1, deleted: false },
    ...{ ready: false, available: false, availableAt: 0, reports: new Map() },
  });
  return { status: 201, generation: 1, deleted: false, id };
}

function patch(found: ModelResource, { merge, body }: Request & { do: 'patch' }): Outcome {
  if (found.deleted) return DELETION;
  const apply = (before: Values, change: Values | undefined): Values => {
    if (change === undefined) return before;
    const after = merge ? { ...before, ...change } : change;
    return Object.fromEntries(Object.entries(after).filter(([, value]) => value !== null));
  };
  const spec = apply(found.spec, body.spec);
  const labels = apply(found.labels, body.labels);
  if (!same(spec, found.spec) || !same(labels, found.labels)) {
    Object.assign(found, { spec, labels, generation: found.generation + 1 });
    aggregate(found);
  }
  return { status: 200, generation: found.generation, deleted: false };
}

function same(left: Values, right: Values): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length && names.every((name) => left[name] === right[name])
  );
}

function markDeleted(model: Model, found: ModelResource): Outcome {
  const family = [found, ...childrenOf(model, found.id)];
  if (!found.deleted) {
    for (const one of family.filter(({ deleted }) => !deleted)) {
      Object.assign(one, { deleted: true, generation: one.generation + 1 });
      aggregate(one);
    }
  }
  return { status: 202, generation: found.generation, deleted: true };
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
  aggregate(found);
  if (isComplete(model, found)) remove(model, found);
  return { status: 201 };
}

function childrenOf(model: Model, id: string): ModelResource[] {
  return [...model.resources.values()].filter(({ ownerId }) => ownerId === id);
}

export function isComplete(model: Model, one: ModelResource): boolean {
  if (!one.deleted || childrenOf(model, one.id).length > 0) return false;
  return REQUIRED[one.kind].every((adapter) => {
    const last = one.reports.get(adapter);
    return last?.finalized === true && last.generation === one.generation;
  });
}

/** Removes one, and its cluster if that only waited for it. */
function remove(model: Model, one: ModelResource): void {
  model.resources.delete(one.id);
  const owner = model.resources.get(one.ownerId ?? '');
  if (owner !== undefined && isComplete(model, owner)) model.resources.delete(owner.id);
}

function aggregate(one: ModelResource): void {
  const required = REQUIRED[one.kind].map((adapter) => one.reports.get(adapter));
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
