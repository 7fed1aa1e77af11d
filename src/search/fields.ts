import { hrefOf, type Kind } from '../kinds/kind';
import { column, type Column } from './column';
import { conditionField } from './condition-fields';
import { all, FALSE, isOfKinds, TRUE, type Alias, type Predicate } from './predicate';
import { SearchError, quote } from './search-error';
import type { FieldName, NamePart } from './tokens';

export type Direction = 'asc' | 'desc';

export interface OrderTerm {
  readonly field: string;
  readonly direction: Direction;
}

/** What a list shows, and how its items are found and ordered. */
export interface Listing {
  /** Names of the kinds, which scope rows and labels; none: reports, which a resource scopes. */
  readonly kinds: readonly string[];
  /** The table with a row for each item. */
  readonly table: Alias;
  /** The column with the id of the resource that children, or reports, belong to. */
  readonly parentColumn: string;
  /** Every field with a fixed name. */
  readonly fields: ReadonlyMap<string, Column>;
  /** Those of them that a list can be ordered by. */
  readonly sortable: ReadonlyMap<string, Column>;
  /** Types of the references that its resources may have. */
  readonly references: readonly string[];
  /** The field that makes every order total. */
  readonly identity: string;
  readonly defaultOrder: OrderTerm;
}

export type Field =
  | { readonly type: 'column'; readonly column: Column }
  | { readonly type: 'label'; readonly kinds: readonly string[]; readonly key: string }
  | { readonly type: 'reference'; readonly referenceType: string }
  | { readonly type: 'spec'; readonly path: readonly string[] };

const sortable = { sortable: true };
const nullable = { nullable: true };

/** An SQL literal that depends on the kind of the row, which `column` holds. */
function byKind(kinds: readonly Kind[], column: string, literal: (kind: Kind) => string): string {
  const literals = kinds.map(literal);
  if (new Set(literals).size === 1) return literals[0]!;
  const cases = kinds.map(({ name }, index) => `WHEN '${name}' THEN ${literals[index]!}`);
  return `CASE ${column} ${cases.join(' ')} END`;
}

/** A resource's path is its id behind a constant of its kind, so a path is found as fast as an id. */
function href(kinds: readonly Kind[]): Column {
  const prefix = byKind(kinds, 'r.kind', (kind) => `'${hrefOf(kind, '')}'`);
  return column('string', '', {
    ...sortable,
    table: kinds.length === 1 ? undefined : 'r',
    sql: (id) => `(${prefix} || ${id})`,
    equals(value) {
      const kind = kinds.find((known) => value.startsWith(hrefOf(known, '')));
      if (kind === undefined) return FALSE;
      const isId: Predicate = {
        type: 'sql',
        table: undefined,
        sql: (id) => `${id} = ?`,
        bindings: [value.slice(hrefOf(kind, '').length)],
        unique: 'everywhere',
      };
      return all([isId, kinds.length === 1 ? TRUE : kindIs(kind.name)]);
    },
  });
}

function kindOf(kinds: readonly Kind[]): Column {
  const [first, ...others] = kinds;
  return others.length === 0
    ? column('string', `'${first!.name}'::text COLLATE "C"`, { table: undefined, ...sortable })
    : column('string', 'r.kind COLLATE "C"', { ...sortable, equals: kindIs });
}

/** Without a collation, so that the indexes on `kind` can be used. */
function kindIs(name: string): Predicate {
  const { sql, bindings } = isOfKinds([name]);
  return { type: 'sql', table: 'r', sql: () => sql('r.kind'), bindings };
}

/** With a test that is never NULL, and that the index on owners can answer. */
function ownerId(mayBeAbsent: boolean): Column {
  if (!mayBeAbsent) return column('string', 'r.owner_id', sortable);
  return column('string', 'r.owner_id', {
    ...{ ...nullable, ...sortable },
    equals: (value) => ({
      type: 'sql',
      table: 'r',
      sql: () => '(r.owner_id IS NOT NULL AND r.owner_id = ?)',
      bindings: [value],
    }),
  });
}

function resourceFields(kinds: readonly Kind[]): Record<string, Column> {
  const [first, ...others] = kinds;
  const parents = kinds.filter(({ parent }) => parent !== undefined).length;
  const lowest = byKind(kinds, 's.kind', (kind) => `${kind.lowestObservedGeneration}`);
  return {
    id: column('string', 'r.id', {
      ...{ table: undefined, sql: (id) => id, unique: 'everywhere' },
      ...sortable,
    }),
    name: column('string', 'r.name', {
      ...(others.length === 0 && { unique: first!.parent ? 'in parent' : 'everywhere' }),
      ...sortable,
    }),
    href: href(kinds),
    kind: kindOf(kinds),
    generation: column('number', 'r.generation', sortable),
    created_time: column('time', 'r.created_time', sortable),
    created_by: column('string', 'r.created_by COLLATE "C"', sortable),
    updated_time: column('time', 'r.updated_time', sortable),
    updated_by: column('string', 'r.updated_by COLLATE "C"', sortable),
    deleted_time: column('time', 'r.deleted_time', { ...nullable, ...sortable }),
    deleted_by: column('string', 'r.deleted_by COLLATE "C"', { ...nullable, ...sortable }),
    'status.phase': column('string', 's.phase COLLATE "C"'),
    // Served no lower than this, so found no lower.
    'status.observed_generation': column('number', `greatest(s.observed_generation, ${lowest})`, {
      table: 's',
    }),
    'status.last_transition_time': column('time', 's.last_transition_time'),
    'status.last_updated_time': column('time', 's.last_updated_time'),
    ...(parents > 0 && { owner_id: ownerId(parents < kinds.length) }),
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

/** By the first of the kinds, and then by the names of all. */
const listings = new WeakMap<Kind, Map<string, Listing>>();

/** The list of the resources of one or several kinds. */
export function resourceListing(kinds: readonly Kind[]): Listing {
  const first = kinds[0]!;
  const names = kinds.map(({ name }) => name);
  const key = names.join();
  const known = listings.get(first) ?? new Map<string, Listing>();
  listings.set(first, known);
  let found = known.get(key);
  if (found === undefined) {
    const types = kinds.flatMap(({ references }) => references.map(({ type }) => type));
    found = listing(resourceFields(kinds), {
      kinds: names,
      table: 'r',
      parentColumn: 'r.owner_id',
      references: [...new Set(types)],
      identity: 'id',
      defaultOrder: { field: 'created_time', direction: 'desc' },
    });
    known.set(key, found);
  }
  return found;
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
    kinds: [],
    table: 'a',
    parentColumn: 'a.resource_id',
    references: [],
    identity: 'adapter',
    defaultOrder: { field: 'adapter', direction: 'asc' },
  },
);

/** Every field whose name is completed by the author, listed with the others in messages. */
const FAMILIES = ['labels.<key>', 'spec.<path>', 'status.conditions.<Type>[.<subfield>]'];

export function resolveField(name: FieldName, { kinds, fields, references }: Listing): Field {
  const [first, second, ...rest] = name.parts;
  if (kinds.length > 0 && first !== undefined && second !== undefined) {
    if (first.text === 'labels') return { type: 'label', kinds, key: labelKey(second) };
    if (first.text === 'spec') {
      return { type: 'spec', path: [second, ...rest].map((part) => part.text) };
    }
    const [type, ...more] = rest;
    if (first.text === 'status' && second.text === 'conditions' && type !== undefined) {
      return { type: 'column', column: conditionField(type, more) };
    }
    if (first.text === 'references' && type === undefined && references.includes(second.text)) {
      return { type: 'reference', referenceType: second.text };
    }
  }
  const column = fields.get(name.text);
  if (column !== undefined) return { type: 'column', column };
  const others = references.map((type) => `references.${type}`);
  if (kinds.length > 0) others.push(...FAMILIES);
  throw new SearchError(
    `Expected a field, found ${quote(name.text)}`,
    name.position,
    `The fields are: ${[...fields.keys(), ...others].join(', ')}.`,
  );
}

function labelKey({ text, position }: NamePart): string {
  if (text === '') throw new SearchError('Expected a label key, found an empty string', position);
  return text;
}
