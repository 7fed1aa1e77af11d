import { column, type Column } from './column';
import { toNumber } from './literals';
import { columnTests, type Ordering, type Tests } from './operators';
import { FALSE, not, type Predicate } from './predicate';
import type { FieldName, Literal } from './tokens';

const SCALAR = '@.type() == "string" || @.type() == "number" || @.type() == "boolean"';

/**
 * A value inside `spec`, whose type only the stored row knows. The literal decides how it is compared:
 *
 * - a bare number with numbers, bare true and false with booleans; values of other types do not match;
 * - everything else with the value as a string: '3' is found in "3" and in 3, 'true' in "true" and in true.
 *
 * A path leads through objects only, never into arrays. Objects and arrays are not equal to anything,
 * but they are not null.
 */
export function specTests(path: readonly string[], name: FieldName): Tests {
  const asString = columnTests(stringColumn(path), name);
  return {
    oneOf: (literals) => equalsOneOf(path, literals),
    order(operator, literal) {
      return isTyped(literal)
        ? ordered(path, operator, json(literal))
        : asString.order(operator, literal);
    },
    like: asString.like,
    isNull: () => not(exists(path, '@ != null', '{}')),
  };
}

function isTyped(literal: Literal): boolean {
  return literal.type === 'number' || literal.type === 'boolean';
}

function json(literal: Literal): string {
  return literal.type === 'number' ? toNumber(literal, 'spec') : literal.text.toLowerCase();
}

/**
 * Containment is what the index on `spec` supports; between scalars it means equality. The sub-select hides the value
 * from the planner, which would otherwise plan anew for each. Many values are one array, because as many conditions
 * joined by OR would be tested row by row.
 */
function equalsOneOf(path: readonly string[], literals: readonly Literal[]): Predicate {
  const values = [...new Set(literals.flatMap(written))].map((value) =>
    path.reduceRight((inner, key) => `{${JSON.stringify(key)}:${inner}}`, value),
  );
  if (values.length === 0) return FALSE;
  const isOne = values.length === 1;
  return {
    type: 'sql',
    table: 'r',
    sql: () => `r.spec @> ${isOne ? '(SELECT ?::jsonb)' : 'ANY ((SELECT ?::jsonb[])::jsonb[])'}`,
    bindings: isOne ? values : [values],
  };
}

/** The values that are equal to a literal, as JSON. */
function written(literal: Literal): string[] {
  if (isTyped(literal)) return [json(literal)];
  const { text } = literal;
  return isScalar(text) ? [JSON.stringify(text), text] : [JSON.stringify(text)];
}

/** Whether a number or boolean, written as JSON, looks exactly like this. */
function isScalar(text: string): boolean {
  if (text === 'true' || text === 'false') return true;
  const number = Number(text);
  return Number.isFinite(number) && JSON.stringify(number) === text;
}

function ordered(path: readonly string[], operator: Ordering, value: string): Predicate {
  return exists(path, `@ ${operator} $value`, `{"value":${value}}`);
}

/** Silent and strict: a step that does not exist, or values that cannot be compared, give no match. */
function exists(path: readonly string[], filter: string, variables: string): Predicate {
  return {
    type: 'sql',
    table: 'r',
    sql: () => 'COALESCE(jsonb_path_exists(r.spec, ?::jsonpath, ?::jsonb, TRUE), FALSE)',
    bindings: [jsonPath(path, filter), variables],
  };
}

function stringColumn(path: readonly string[]): Column {
  const value = `jsonb_path_query_first(r.spec, ?::jsonpath, '{}', TRUE)`;
  return column('string', `(${value} #>> '{}') COLLATE "C"`, {
    table: 'r',
    bindings: [jsonPath(path, SCALAR)],
    nullable: true,
  });
}

function jsonPath(path: readonly string[], filter: string): string {
  return `strict $${path.map((key) => `.${JSON.stringify(key)}`).join('')} ? (${filter})`;
}
