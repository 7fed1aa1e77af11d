import type { Alias, Predicate, Value } from './predicate';
import type { Literal } from './tokens';

/** A value that SQL can compute for each row and compare. */
export interface Column {
  readonly type: 'string' | 'number' | 'time';
  /** Its type in SQL, to which values compared with it are cast. */
  readonly cast: 'text' | 'numeric' | 'timestamptz';
  /** The table it is read from; undefined when every table of a list can give it. */
  readonly table: Alias | undefined;
  /** `id` is the column with the resource's id. Strings are in the "C" collation: the same order everywhere. */
  readonly sql: (id: string) => string;
  readonly bindings: readonly Value[];
  readonly nullable: boolean;
  readonly sortable: boolean;
  /** No two living resources of a kind have the same value, or no two of the same parent. */
  readonly unique?: 'everywhere' | 'in parent';
  /** A better way to test equality than to compare what `sql` computes. */
  readonly equals?: (value: string) => Predicate;
  /** Reads a literal in this field's own way, or refuses it. */
  readonly read?: (literal: Literal) => string;
}

const CAST = { string: 'text', number: 'numeric', time: 'timestamptz' } as const;

/** A column of the table whose alias `sql` begins with. */
export function column(type: Column['type'], sql: string, more: Partial<Column> = {}): Column {
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
