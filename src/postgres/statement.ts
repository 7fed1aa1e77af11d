import knexBuilder, { type Knex } from 'knex';

/** Builds SQL; it never connects. */
export const sql = knexBuilder({ client: 'pg' });

/** Labels of a statement in metrics. With a name it is prepared, and PostgreSQL keeps its plan. */
export interface StatementLabels {
  name?: string;
  operation: 'select' | 'insert' | 'update' | 'delete' | 'transaction';
  table: string;
  /** Large JSON objects are returned as `LargeJson`. */
  keepsLargeJson?: boolean;
}

/** SQL that is compiled once and executed with other values each time; `Row` is what it returns. */
export interface Statement<Row = unknown, Values extends object = object> extends StatementLabels {
  readonly text: string;
  /** One per placeholder of `text`, in order: a slot for a value by name, or a constant. */
  readonly bindings: readonly unknown[];
  /** Never set; carries the types for the compiler. */
  readonly types?: { row: Row; values: Values };
}

/** Stands for a value that is named when the statement is compiled and given when it is executed. */
export class Slot {
  /** Makes the type of Knex accept it as a value. */
  readonly [name: string]: unknown;

  constructor(readonly slot: string) {}
}

/** `:name`, but neither the type of a cast (`::text`) nor an escaped colon (`\\:`). */
const NAME = /(?<![:\\\w]):(\w+)/g;
const CAST = /::(\w+)/g;

/**
 * Compiles SQL with named values: `WHERE id = :id`. Literal colons and question marks must be escaped (`\\?`).
 * @throws Error when a value has the name of a type that the SQL casts to, which Knex would take for the value
 */
export function statement<Row, Values extends object = object>(
  labels: StatementLabels,
  text: string,
): Statement<Row, Values> {
  const names = new Set(Array.from(text.matchAll(NAME), ([, name]) => name!));
  for (const [, type] of text.matchAll(CAST)) {
    if (names.has(type!)) throw new Error(`the value :${type} has the name of a type`);
  }
  const slots = Object.fromEntries(Array.from(names, (name) => [name, new Slot(name)]));
  return compile(labels, sql.raw(text, slots as Record<string, Knex.Value>));
}

/** Compiles a query that Knex has built, with a `Slot` for each value that differs between executions. */
export function compile<Row, Values extends object = object>(
  labels: StatementLabels,
  query: Knex.Raw | Knex.QueryBuilder,
): Statement<Row, Values> {
  const { sql: text, bindings } = query.toSQL().toNative();
  return { ...labels, text, bindings };
}

/** @returns the values in the order of the placeholders @throws Error when one is missing */
export function fill<Values extends object>(
  { name, bindings }: Statement<unknown, Values>,
  values: Values,
): unknown[] {
  return bindings.map((binding) => {
    if (!(binding instanceof Slot)) return binding;
    const value = values[binding.slot as keyof Values];
    if (value === undefined) {
      throw new Error(`the statement ${name ?? ''} lacks the value :${binding.slot}`);
    }
    return value;
  });
}
