import type { Column } from './fields';
import { toNumber, toTime } from './literals';
import type { Operator } from './parse';
import {
  FALSE,
  any,
  hasLabel,
  isOneOf,
  labelIsOneOf,
  not,
  type Predicate,
  type Sql,
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
  const condition = (rest: (sql: string) => Sql, orNull = column.nullable) => ({
    type: 'sql' as const,
    table: column.table,
    sql: (id: string) => {
      const { sql } = rest(column.sql(id));
      return orNull ? `COALESCE(${sql}, FALSE)` : sql;
    },
    bindings: [...column.bindings, ...rest('').bindings],
  });
  const read = (literal: Literal): string => readValue(column, literal, name.text);
  return {
    oneOf(literals) {
      const values = [...new Set(literals.map(read))];
      if (values.length === 0) return FALSE;
      if (column.equals !== undefined) return any(values.map(column.equals));
      const matches = condition((sql) => isOneOf(sql, values, column.cast));
      return values.length === 1 ? { ...matches, unique: column.unique } : matches;
    },
    order(operator, literal) {
      const bindings = [read(literal)];
      return condition((sql) => ({ sql: `${sql} ${operator} ?::${column.cast}`, bindings }));
    },
    like(pattern, ignoreCase) {
      if (column.type !== 'text') {
        throw new SearchError(
          `Expected a text field for "like", found the ${column.type} ${quote(name.text)}`,
          name.position,
        );
      }
      return condition((sql) => likeSql(sql, pattern.text, ignoreCase));
    },
    isNull() {
      return column.nullable
        ? condition((sql) => ({ sql: `${sql} IS NULL`, bindings: [] }), false)
        : FALSE;
    },
  };
}

/** Labels are searched in their own table, whose index leads from a key and value to the resources. */
export function labelTests(kind: string, key: string): Tests {
  return {
    oneOf(literals) {
      const values = [...new Set(literals.map(({ text }) => text))];
      return values.length === 0 ? FALSE : labelIsOneOf(kind, key, values);
    },
    order: (operator, { text }) =>
      hasLabel(kind, key, (value) => ({ sql: `${value} ${operator} ?::text`, bindings: [text] })),
    like: ({ text }, ignoreCase) =>
      hasLabel(kind, key, (value) => likeSql(value, text, ignoreCase)),
    isNull: () => not(hasLabel(kind, key, () => ({ sql: 'TRUE', bindings: [] }))),
  };
}

/**
 * `%` and `_` are the only special characters. A backslash stands for itself, which PostgreSQL spells
 * with two; a lone one at the end would be an SQL error.
 */
function likeSql(sql: string, pattern: string, ignoreCase: boolean): Sql {
  return {
    sql: `${sql} ${ignoreCase ? 'ILIKE' : 'LIKE'} ?::text`,
    bindings: [pattern.replaceAll('\\', '\\\\')],
  };
}

function readValue(column: Column, literal: Literal, name: string): string {
  if (column.read !== undefined) return column.read(literal);
  switch (column.type) {
    case 'text':
      return literal.text;
    case 'number':
      return toNumber(literal, name);
    case 'time':
      return toTime(literal, name);
  }
}
