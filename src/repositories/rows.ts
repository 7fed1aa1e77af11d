import type { components } from '../../generated/openapi';
import { getKind, hrefOf, type Kind, type Kinds } from '../kinds/kind';
import type { Aggregate } from '../conditions/aggregate';
import { withAliases } from '../conditions/aggregate';
import type { ReferenceIds } from './references';
import type { AdapterStatus, ResourceCondition, ResourcePhase } from '../conditions/types';

type Schemas = components['schemas'];

export type JsonObject = Record<string, unknown>;

/** Requires every property of a contract type, even if undefined: a forgotten one does not compile. */
type Complete<T> = { [Name in keyof Required<T>]: T[Name] };

/** A resource and its aggregated status, as the tables `resources` and `resource_status` hold them. */
export interface ResourceRow {
  id: string;
  kind: string;
  owner_id: string | null;
  name: string;
  spec: JsonObject;
  labels: Record<string, string>;
  /** By reference type; null: it refers to nothing. */
  reference_ids: ReferenceIds | null;
  generation: number;
  created_time: string;
  created_by: string;
  updated_time: string;
  updated_by: string;
  deleted_time: string | null;
  deleted_by: string | null;
  version: number;
  conditions: ResourceCondition[];
  phase: ResourcePhase;
  last_transition_time: string;
  observed_generation: number;
  last_updated_time: string;
}

/**
 * A time as it is served: RFC 3339 in UTC with milliseconds. PostgreSQL's own form of a time depends on `DateStyle` and
 * `TimeZone`, which belong to the database, the role or whoever else uses a pooler.
 */
export function timeText(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** Columns that are times, under their own names. */
function times(...columns: string[]): string {
  return columns.map((column) => `${timeText(column)} AS ${column.split('.')[1]!}`).join(', ');
}

/** The columns of a `ResourceRow`, with `r` for resources and `s` for resource_status. */
export const RESOURCE_COLUMNS = `
  r.id, r.kind, r.owner_id, r.name, r.spec, r.labels, r.reference_ids, r.generation, r.created_by, r.updated_by, r.deleted_by,
  ${times('r.created_time', 'r.updated_time', 'r.deleted_time')},
  s.version, s.conditions, s.phase, s.observed_generation,
  ${times('s.last_transition_time', 's.last_updated_time')}`;

export const RESOURCE_TABLES = 'resources r JOIN resource_status s ON s.resource_id = r.id';

/** The columns of `resource_status` that an aggregation sets, with their types. */
export const STATUS_TYPES = {
  conditions: 'jsonb',
  ready: 'boolean',
  available: 'boolean',
  ready_last_updated_time: 'timestamptz',
  phase: 'text',
  last_transition_time: 'timestamptz',
  observed_generation: 'integer',
  last_updated_time: 'timestamptz',
} as const;

/** Values of these columns. */
export type StatusValues = Record<keyof typeof STATUS_TYPES, unknown>;

export function statusValues(aggregate: Aggregate): StatusValues {
  const [available, ready] = aggregate.conditions;
  return {
    conditions: JSON.stringify(aggregate.conditions),
    ready: ready!.status === 'True',
    available: available!.status === 'True',
    ready_last_updated_time: ready!.last_updated_time,
    phase: aggregate.phase,
    last_transition_time: aggregate.last_transition_time,
    observed_generation: aggregate.observed_generation,
    last_updated_time: aggregate.last_updated_time,
  };
}

const STATUS_NAMES = Object.keys(STATUS_TYPES);

/** What every change of `resource_status s` sets: without it, processes and watches go on showing the old state. */
export const NEW_VERSION = 'version = s.version + 1, changed_xid = DEFAULT';

/** Pieces of SQL about these columns. */
export const STATUS = {
  /** `conditions, ready, …` */
  columns: STATUS_NAMES.join(', '),
  /** `:conditions::jsonb, …`, one value each. */
  values: valuesOf(STATUS_TYPES),
  /** `:conditions::jsonb[], …`, an array each, as `unnest` takes them. */
  arrays: arraysOf(STATUS_TYPES),
  /** `conditions = :conditions, …` */
  assign: STATUS_NAMES.map((name) => `${name} = :${name}`).join(', '),
  /** `conditions = new.conditions, …` */
  assignNew: STATUS_NAMES.map((name) => `${name} = new.${name}`).join(', '),
};

export function valuesOf(types: Readonly<Record<string, string>>): string {
  return Object.entries(types)
    .map(([name, type]) => `:${name}::${type}`)
    .join(', ');
}

export function arraysOf(types: Readonly<Record<string, string>>): string {
  return Object.entries(types)
    .map(([name, type]) => `:${name}::${type}[]`)
    .join(', ');
}

/** Transposes at least one row: `[{a: 1}, {a: 2}]` → `{a: [1, 2]}`. */
export function columnsOf<Row extends object>(rows: readonly Row[]): Record<keyof Row, unknown[]> {
  const names = Object.keys(rows[0]!) as (keyof Row)[];
  return Object.fromEntries(names.map((name) => [name, rows.map((row) => row[name])])) as Record<
    keyof Row,
    unknown[]
  >;
}

/** A row as the contract shows it; `aliases` adds the newer names of Ready and Available. */
export function toResource(
  row: ResourceRow,
  kinds: Kinds,
  aliases: boolean,
): Complete<Schemas['Resource']> {
  const kind = getKind(kinds, row.kind);
  // JSON omits undefined. Never null: adapters tear down infrastructure when `deleted_time` is present.
  return {
    kind: row.kind,
    id: row.id,
    href: hrefOf(kind, row.id),
    name: row.name,
    owner_references: ownerReferences(row.owner_id, kind),
    generation: row.generation,
    spec: row.spec,
    labels: row.labels,
    references: references(row, kind, kinds),
    created_time: row.created_time,
    updated_time: row.updated_time,
    created_by: row.created_by,
    updated_by: row.updated_by,
    deleted_time: row.deleted_time ?? undefined,
    deleted_by: row.deleted_by ?? undefined,
    status: {
      phase: row.phase,
      observed_generation: Math.max(kind.lowestObservedGeneration, row.observed_generation),
      last_transition_time: row.last_transition_time,
      last_updated_time: row.last_updated_time,
      conditions: aliases ? withAliases(row.conditions) : row.conditions,
    },
  };
}

function ownerReferences(id: string | null, { parent }: Kind) {
  if (id === null || parent === undefined) return undefined;
  return { id, kind: parent.name, href: hrefOf(parent, id) };
}

/** Absent for a kind without references. */
function references({ reference_ids }: ResourceRow, kind: Kind, kinds: Kinds) {
  if (kind.references.length === 0) return undefined;
  const stored = new Map(Object.entries(reference_ids ?? {}));
  const shown = kind.references.flatMap(({ type, targetKind }) => {
    const ids = stored.get(type);
    if (ids === undefined) return [];
    const target = getKind(kinds, targetKind);
    return [[type, ids.map((id) => ({ id, kind: targetKind, href: hrefOf(target, id) }))] as const];
  });
  return Object.fromEntries(shown);
}

/** A report as the table `adapter_statuses` holds it. */
export interface AdapterStatusRow {
  adapter: string;
  observed_generation: number;
  created_time: string;
  last_report_time: string;
  conditions: AdapterStatus['conditions'];
  metadata: AdapterStatus['metadata'] | null;
  data: JsonObject;
}

export const ADAPTER_STATUS_COLUMNS = `
  a.adapter, a.observed_generation, a.conditions, a.metadata, a.data,
  ${times('a.created_time', 'a.last_report_time')}`;

export function toAdapterStatus(row: AdapterStatusRow): Complete<AdapterStatus> {
  return {
    adapter: row.adapter,
    observed_generation: row.observed_generation,
    conditions: row.conditions,
    metadata: row.metadata ?? undefined,
    data: row.data,
    created_time: row.created_time,
    last_report_time: row.last_report_time,
  };
}
