import { hrefOf, type Kind } from '../kinds/kind';
import { column, type Column } from './column';
import { conditionField } from './condition-fields';
import { FALSE, type Alias } from './predicate';
import { SearchError, quote } from './search-error';
import type { FieldName, NamePart } from './tokens';

export type Direction = 'asc' | 'desc';

export interface OrderTerm {
  readonly field: string;
  readonly direction: Direction;
}

/** What a list shows, and how its items are found and ordered. */
export interface Listing {
  /** Name of the kind, which scopes rows and labels; undefined: reports, which a resource scopes. */
  readonly kind: string | undefined;
  /** The table with a row for each item. */
  readonly table: Alias;
  /** The column with the id of the resource that children, or reports, belong to. */
  readonly parentColumn: string;
  /** Every field with a fixed name. */
  readonly fields: ReadonlyMap<string, Column>;
  /** Those of them that a list can be ordered by. */
  readonly sortable: ReadonlyMap<string, Column>;
  /** The field that makes every order total. */
  readonly identity: string;
  readonly defaultOrder: OrderTerm;
}

export type Field =
  | { readonly type: 'column'; readonly column: Column }
  | { readonly type: 'label'; readonly kind: string; readonly key: string }
  | { readonly type: 'spec'; readonly path: readonly string[] };

const sortable = { sortable: true };
const nullable = { nullable: true };

/** A resource's path is its id behind a constant, so a path is found as fast as an id. */
function href(kind: Kind): Column {
  const prefix = hrefOf(kind, '');
  return column('string', '', {
    ...sortable,
    table: undefined,
    sql: (id) => `('${prefix}' || ${id})`,
    equals: (value) =>
      value.startsWith(prefix)
        ? {
            type: 'sql',
            table: undefined,
            sql: (id) => `${id} = ?`,
            bindings: [value.slice(prefix.length)],
            unique: 'everywhere',
          }
        : FALSE,
  });
}

function resourceFields(kind: Kind): Record<string, Column> {
  return {
    id: column('string', 'r.id', {
      ...{ table: undefined, sql: (id) => id, unique: 'everywhere' },
      ...sortable,
    }),
    name: column('string', 'r.name', {
      unique: kind.parent === undefined ? 'everywhere' : 'in parent',
      ...sortable,
    }),
    href: href(kind),
    kind: column('string', `'${kind.name}'::text COLLATE "C"`, { table: undefined, ...sortable }),
    generation: column('number', 'r.generation', sortable),
    created_time: column('time', 'r.created_time', sortable),
    created_by: column('string', 'r.created_by COLLATE "C"', sortable),
    updated_time: column('time', 'r.updated_time', sortable),
    updated_by: column('string', 'r.updated_by COLLATE "C"', sortable),
    deleted_time: column('time', 'r.deleted_time', { ...nullable, ...sortable }),
    deleted_by: column('string', 'r.deleted_by COLLATE "C"', { ...nullable, ...sortable }),
    'status.phase': column('string', 's.phase COLLATE "C"'),
    // Served no lower than this, so found no lower.
    'status.observed_generation': column(
      'number',
      `greatest(s.observed_generation, ${kind.lowestObservedGeneration})`,
      { table: 's' },
    ),
    'status.last_transition_time': column('time', 's.last_transition_time'),
    'status.last_updated_time': column('time', 's.last_updated_time'),
    ...(kind.parent && { owner_id: column('string', 'r.owner_id', sortable) }),
  };
}

function listing(
  fields: Record<string, Column>,
  more: Omit<Listing, 'fields' | 'sortable'>,
): Listing {
  const entries = Object.entries(fields);
  return {
    ...more,
    fields: new Map(entries),
    sortable: new Map(entries.filter(([, field]) => field.sortable)),
  };
}

const listings = new WeakMap<Kind, Listing>();

/** The list of the resources of a kind. */
export function resourceListing(kind: Kind): Listing {
  let known = listings.get(kind);
  if (known === undefined) {
    known = listing(resourceFields(kind), {
      kind: kind.name,
      table: 'r',
      parentColumn: 'r.owner_id',
      identity: 'id',
      defaultOrder: { field: 'created_time', direction: 'desc' },
    });
    listings.set(kind, known);
  }
  return known;
}

/** The list of the reports about one resource. */
export const REPORT_LISTING: Listing = listing(
  {
    adapter: column('string', 'a.adapter', sortable),
    observed_generation: column('number', 'a.observed_generation', sortable),
    created_time: column('time', 'a.created_time', sortable),
    last_report_time: column('time', 'a.last_report_time', sortable),
  },
  {
    kind: undefined,
    table: 'a',
    parentColumn: 'a.resource_id',
    identity: 'adapter',
    defaultOrder: { field: 'adapter', direction: 'asc' },
  },
);

/** Every field whose name is completed by the author, listed with the others in messages. */
const FAMILIES = ['labels.<key>', 'spec.<path>', 'status.conditions.<Type>[.<subfield>]'];

export function resolveField(name: FieldName, { kind, fields }: Listing): Field {
  const [first, second, ...rest] = name.parts;
  if (kind !== undefined && first !== undefined && second !== undefined) {
    if (first.text === 'labels') return { type: 'label', kind, key: labelKey(second) };
    if (first.text === 'spec') {
      return { type: 'spec', path: [second, ...rest].map((part) => part.text) };
    }
    const [type, ...more] = rest;
    if (first.text === 'status' && second.text === 'conditions' && type !== undefined) {
      return { type: 'column', column: conditionField(type, more) };
    }
  }
  const column = fields.get(name.text);
  if (column !== undefined) return { type: 'column', column };
  const families = kind === undefined ? [] : FAMILIES;
  throw new SearchError(
    `Expected a field, found ${quote(name.text)}`,
    name.position,
    `The fields are: ${[...fields.keys(), ...families].join(', ')}.`,
  );
}

function labelKey({ text, position }: NamePart): string {
  if (text === '') throw new SearchError('Expected a label key, found an empty string', position);
  return text;
}
