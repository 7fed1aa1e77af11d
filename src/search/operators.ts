import type { Column } from './column';
import { toNumber, toTime } from './literals';
import type { Operator } from './parse';
import {
  FALSE,
  any,
  isOneOf,
  labelIsOneOf,
  not,
  type ColumnTest,
  type Predicate,
  type SqlPredicate,
} from './predicate';
import { SearchError, quote } from './search-error';
import type { FieldName, Literal } from './tokens';

export type Ordering = Exclude<Operator, '=' | '!='>;

/** The four things a search can ask of a field; everything else is put together from these and `not`. */
export interface Tests {
  readonly oneOf: (values: readonly Literal[]) => Predicate;
  readonly order: (operator: Ordering, value: Literal) => Predicate;
  readonly like: (pattern: Literal, ignoreCase: boolean) => Predicate;
  readonly isNull: () => Predicate;
}

export function columnTests(column: Column, name: FieldName): Tests {
  const passes = ({ sql, bindings }: ColumnTest, mayBeNull = column.nullable): SqlPredicate => ({
    type: 'sql',
    table: column.table,
    sql: (id) => {
      const test = sql(column.sql(id));
      return mayBeNull ? `COALESCE(${test}, FALSE)` : test;
    },
    bindings: [...column.bindings, ...bindings],
  });
  const read = (literal: Literal): string => readValue(column, literal, name.text);
  return {
    oneOf(literals) {
      const values = [...new Set(literals.map(read))];
      if (values.length === 0) return FALSE;
      if (column.equals !== undefined) return any(values.map(column.equals));
      const matches = passes(isOneOf(values, column.cast));
      return values.length === 1 ? { ...matches, unique: column.unique } : matches;
    },
    order: (operator, literal) => passes(compares(operator, read(literal), column.cast)),
    like(pattern, ignoreCase) {
      if (column.type !== 'string') {
        throw new SearchError(
          `Expected a string field for "like", found the ${column.type} ${quote(name.text)}`,
          name.position,
        );
      }
      return passes(isLike(pattern.text, ignoreCase));
    },
    isNull: () => (column.nullable ? passes(IS_NULL, false) : FALSE),
  };
}

/** Labels are searched in their own table, whose index leads from a key and value to the resources. */
export function labelTests(kinds: readonly string[], key: string): Tests {
  const hasLabel = (test: ColumnTest): Predicate => ({ type: 'label', kinds, key, test });
  return {
    oneOf(literals) {
      const values = [...new Set(literals.map(({ text }) => text))];
      return values.length === 0 ? FALSE : labelIsOneOf(kinds, key, values);
    },
    order: (operator, { text }) => hasLabel(compares(operator, text, 'text')),
    like: ({ text }, ignoreCase) => hasLabel(isLike(text, ignoreCase)),
    isNull: () => not(hasLabel(ANY_VALUE)),
  };
}

/** What a resource refers to has a table of its own, too. Ids have no order, so they are only equal or not. */
export function referenceTests(type: string, name: FieldName): Tests {
  const refersTo = ({ sql, bindings }: ColumnTest): Predicate => ({
    type: 'sql',
    table: undefined,
    exists: true,
    sql: (id) =>
      `SELECT FROM resource_references x WHERE ${sql('x.target_id')} AND x.ref_type = ? AND x.referrer_id = ${id}`,
    bindings: [...bindings, type],
  });
  const refuse = (): never => {
    throw new SearchError(
      `Expected "=", "!=", "in", "not in", "is null" or "is not null" with ${quote(name.text)}`,
      name.position,
    );
  };
  return {
    oneOf(literals) {
      const ids = [...new Set(literals.map(({ text }) => text))];
      return ids.length === 0 ? FALSE : refersTo(isOneOf(ids, 'text'));
    },
    order: refuse,
    like: refuse,
    isNull: () => not(refersTo(ANY_VALUE)),
  };
}

const IS_NULL: ColumnTest = { sql: (column) => `${column} IS NULL`, bindings: [] };
const ANY_VALUE: ColumnTest = { sql: (column) => `${column} IS NOT NULL`, bindings: [] };

function compares(operator: Ordering, value: string, type: string): ColumnTest {
  return { sql: (column) => `${column} ${operator} ?::${type}`, bindings: [value] };
}

/**
 * `%` and `_` are the only special characters. A backslash stands for itself, which PostgreSQL spells
 * with two; a lone one at the end would be an SQL error.
 */
function isLike(pattern: string, ignoreCase: boolean): ColumnTest {
  return {
    sql: (column) => `${column} ${ignoreCase ? 'ILIKE' : 'LIKE'} ?::text`,
    bindings: [pattern.replaceAll('\\', '\\\\')],
  };
}

function readValue(column: Column, literal: Literal, name: string): string {
  if (column.read !== undefined) return column.read(literal);
  switch (column.type) {
    case 'string':
      return literal.text;
    case 'number':
      return toNumber(literal, name);
    case 'time':
      return toTime(literal, name);
  }
}
