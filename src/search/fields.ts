import { hrefOf, type Kind } from '../kinds/kind';
import { FALSE, type Alias, type Predicate, type Value } from './predicate';
import type { OrderTerm } from './order';
import { SearchError, quote } from './search-error';
import type { FieldName, Literal, NamePart } from './tokens';

/** What a list shows, and how its items are found and ordered. */
export interface Listing {
  /** Name of the kind, which scopes rows and labels; undefined: reports, which a resource scopes. */
  readonly kind: string | undefined;
  /** Every field with a fixed name. */
  readonly fields: ReadonlyMap<string, Column>;
  /** Those of them that a list can be ordered by. */
  readonly sortable: ReadonlyMap<string, Column>;
  /** The field that makes every order total. */
  readonly identity: string;
  readonly defaultOrder: OrderTerm;
}

/** A value that SQL can compute for each row and compare. */
export interface Column {
  readonly type: 'text' | 'number' | 'time';
  /** What a value of this column is in SQL; parameters compared with it are cast to this. */
  readonly cast: 'text' | 'numeric' | 'timestamptz';
  /** The table it is read from; undefined when every table of a list can give it. */
  readonly table: Alias | undefined;
  /** `id` is the column with the resource's id. Text is in the "C" collation: the same order everywhere. */
  readonly sql: (id: string) => string;
  readonly bindings: readonly Value[];
  readonly nullable: boolean;
  readonly sortable: boolean;
  /** No two living resources of a kind have the same value, or no two of the same parent. */
  readonly unique?: 'everywhere' | 'in parent';
  /** A better way to test equality than comparing what `sql` computes. */
  readonly equals?: (value: string) => Predicate;
  /** Reads a literal in this field's own way, or refuses it. */
  readonly read?: (literal: Literal) => string;
}

export type Field =
  | { readonly type: 'column'; readonly column: Column }
  | { readonly type: 'label'; readonly kind: string; readonly key: string }
  | { readonly type: 'spec'; readonly path: readonly string[] };

const CAST = { text: 'text', number: 'numeric', time: 'timestamptz' } as const;

function column(type: Column['type'], sql: string, more: Partial<Column> = {}): Column {
  return {
    type,
    cast: CAST[type],
    table: sql.startsWith('s.') ? 's' : sql.startsWith('a.') ? 'a' : 'r',
    sql: () => sql,
    bindings: [],
    nullable: false,
    sortable: false,
    ...more,
  };
}

const sortable = { sortable: true };
const nullable = { nullable: true };

/** A resource's path is its id behind a constant, so a path is found as fast as an id. */
function href(kind: Kind): Column {
  const prefix = hrefOf(kind, '');
  return column('text', '', {
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
    id: column('text', 'r.id', {
      ...{ table: undefined, sql: (id) => id, unique: 'everywhere' },
      ...sortable,
    }),
    name: column('text', 'r.name', {
      unique: kind.parent === undefined ? 'everywhere' : 'in parent',
      ...sortable,
    }),
    href: href(kind),
    kind: column('text', `'${kind.name}'::text COLLATE "C"`, { table: undefined }),
    generation: column('number', 'r.generation', sortable),
    created_time: column('time', 'r.created_time', sortable),
    created_by: column('text', 'r.created_by COLLATE "C"', sortable),
    updated_time: column('time', 'r.updated_time', sortable),
    updated_by: column('text', 'r.updated_by COLLATE "C"', sortable),
    deleted_time: column('time', 'r.deleted_time', nullable),
    deleted_by: column('text', 'r.deleted_by COLLATE "C"', nullable),
    'status.phase': column('text', 's.phase COLLATE "C"'),
    // Served no lower than this, so found no lower.
    'status.observed_generation': column(
      'number',
      `greatest(s.observed_generation, ${kind.lowestObservedGeneration})`,
      { table: 's' },
    ),
    'status.last_transition_time': column('time', 's.last_transition_time'),
    'status.last_updated_time': column('time', 's.last_updated_time'),
    ...(kind.parent && { owner_id: column('text', 'r.owner_id', sortable) }),
  };
}

function listing(
  fields: Record<string, Column>,
  more: Pick<Listing, 'kind' | 'identity' | 'defaultOrder'>,
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
    adapter: column('text', 'a.adapter', sortable),
    observed_generation: column('number', 'a.observed_generation', sortable),
    created_time: column('time', 'a.created_time', sortable),
    last_report_time: column('time', 'a.last_report_time', sortable),
  },
  {
    kind: undefined,
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
  if (text === '')
    throw new SearchError('Expected a label key, found nothing in the quotes', position);
  return text;
}

const SUBFIELDS: ReadonlyMap<string, Column['type']> = new Map([
  ['last_updated_time', 'time'],
  ['last_transition_time', 'time'],
  ['created_time', 'time'],
  ['observed_generation', 'number'],
  ['reason', 'text'],
  ['message', 'text'],
]);

/** The newer names of two conditions; the database knows the older ones only. */
const STORED_TYPE: ReadonlyMap<string, string> = new Map([
  ['Reconciled', 'Ready'],
  ['LastKnownReconciled', 'Available'],
]);

const STATUSES = ['True', 'False', 'Unknown'];

function conditionField(type: NamePart, [subfield, more]: readonly NamePart[]): Column {
  if (!type.quoted && !/^[A-Z]/.test(type.text)) {
    throw new SearchError(
      `Expected a condition type that starts with an upper-case letter, found ${quote(type.text)}`,
      type.position,
      'Any other type must be in quotes.',
    );
  }
  const stored = STORED_TYPE.get(type.text) ?? type.text;
  if (subfield === undefined) return conditionStatus(stored);
  const as = SUBFIELDS.get(subfield.text);
  if (as === undefined || more !== undefined) {
    const wrong = as === undefined ? subfield : (more ?? subfield);
    throw new SearchError(
      `Expected a field of a condition, found ${quote(wrong.text)}`,
      wrong.position,
      `They are: ${[...SUBFIELDS.keys()].join(', ')}. A condition type with a dot must be in quotes.`,
    );
  }
  if (stored === 'Ready' && subfield.text === 'last_updated_time') {
    return column('time', 's.ready_last_updated_time');
  }
  return conditionMember(stored, subfield.text, as);
}

function conditionStatus(type: string): Column {
  if (type === 'Ready' || type === 'Available') {
    const flag = type === 'Ready' ? 'ready' : 'available';
    return column('text', `(CASE WHEN s.${flag} THEN 'True' ELSE 'False' END) COLLATE "C"`, {
      table: 's',
      equals: (status) =>
        status === 'Unknown' ? FALSE : { type: 'flag', column: flag, value: status === 'True' },
      read: readStatus,
    });
  }
  return {
    ...conditionMember(type, 'status', 'text'),
    equals: (status) => ({
      type: 'sql',
      table: 's',
      sql: () => 's.conditions @> ?::jsonb',
      bindings: [JSON.stringify([{ type, status }])],
    }),
    read: readStatus,
  };
}

function readStatus({ type, text, position }: Literal): string {
  const status = type === 'boolean' ? (text.toLowerCase() === 'true' ? 'True' : 'False') : text;
  if (STATUSES.includes(status)) return status;
  throw new SearchError(
    `Expected the status of a condition ('True', 'False' or 'Unknown'), found ${quote(text)}`,
    position,
  );
}

/**
 * One member of a condition in the stored array. Times are compared as the text they are stored as:
 * they all have the same form, in which later means greater.
 */
function conditionMember(type: string, member: string, as: Column['type']): Column {
  const json = as === 'number' ? 'number' : 'string';
  const path = `$[*] \\? (@.type == $type).${member} \\? (@.type() == "${json}")`;
  const value = `jsonb_path_query_first(s.conditions, '${path}', ?::jsonb)`;
  return column(as, as === 'number' ? `${value}::numeric` : `(${value} #>> '{}') COLLATE "C"`, {
    cast: as === 'number' ? 'numeric' : 'text',
    table: 's',
    bindings: [JSON.stringify({ type })],
    nullable: true,
  });
}
