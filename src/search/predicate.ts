/** The tables a list may read, by alias: resources, resource_status, resource_labels, adapter_statuses. */
export type Alias = 'r' | 's' | 'l' | 'a';

/** The column with the resource's id. */
export function idColumn(alias: Alias): string {
  return alias === 'r' ? 'r.id' : `${alias}.resource_id`;
}

export type Value = string | string[];

/** SQL with a `?` for each binding, in order. It contains none of the values. */
export interface Sql {
  readonly sql: string;
  readonly bindings: readonly Value[];
}

/** A test of a column that is named later; the bindings do not depend on it. */
export interface ColumnTest {
  readonly sql: (column: string) => string;
  readonly bindings: readonly Value[];
}

/**
 * A condition on one row that is always true or false, never NULL, so that `not` is the plain complement.
 * Some shapes are kept apart because a list can find their matches in a narrower table.
 */
export type Predicate =
  | { readonly type: 'constant'; readonly value: boolean }
  | SqlPredicate
  | { readonly type: 'flag'; readonly column: 'ready' | 'available'; readonly value: boolean }
  | LabelPredicate
  | { readonly type: 'not'; readonly operand: Predicate }
  | { readonly type: 'and' | 'or'; readonly operands: readonly Predicate[] };

export interface SqlPredicate {
  readonly type: 'sql';
  /** The table it reads; undefined when it reads only the id, which every table has. */
  readonly table: Alias | undefined;
  /** `id` is the column with the resource's id. */
  readonly sql: (id: string) => string;
  readonly bindings: readonly Value[];
  /** At most one living resource matches: of its kind, or of those of the same parent. */
  readonly unique?: 'everywhere' | 'in parent' | undefined;
  /** It is an EXISTS over a table of its own, which PostgreSQL may turn into a join. */
  readonly exists?: true;
}

/** The resource carries a label with this key whose value passes the test. */
export interface LabelPredicate {
  readonly type: 'label';
  readonly kinds: readonly string[];
  readonly key: string;
  readonly test: ColumnTest;
  /** Set when the test is to be one of these. */
  readonly values?: readonly string[];
}

export function labelIsOneOf(
  kinds: readonly string[],
  key: string,
  values: readonly string[],
): LabelPredicate {
  return { type: 'label', kinds, key, values, test: isOneOf(values, 'text') };
}

/** The test of a column `kind`. One kind is written as `=`, for the same reason as one value. */
export function isOfKinds(kinds: readonly string[]): ColumnTest {
  return kinds.length === 1
    ? { sql: (column) => `${column} = ?`, bindings: [...kinds] }
    : { sql: (column) => `${column} = ANY(?)`, bindings: [[...kinds]] };
}

/** One value is written as `=`, which is what lets an index return the rows in order. */
export function isOneOf(values: readonly string[], type: string): ColumnTest {
  return values.length === 1
    ? { sql: (column) => `${column} = ?::${type}`, bindings: [...values] }
    : { sql: (column) => `${column} = ANY(?::${type}[])`, bindings: [[...values]] };
}

export const TRUE: Predicate = { type: 'constant', value: true };
export const FALSE: Predicate = { type: 'constant', value: false };

export function not(operand: Predicate): Predicate {
  if (operand.type === 'constant') return operand.value ? FALSE : TRUE;
  if (operand.type === 'flag') return { ...operand, value: !operand.value };
  return operand.type === 'not' ? operand.operand : { type: 'not', operand };
}

export function all(operands: readonly Predicate[]): Predicate {
  return join('and', operands, TRUE, FALSE);
}

export function any(operands: readonly Predicate[]): Predicate {
  return join('or', mergeLabels(operands), FALSE, TRUE);
}

/** `a = 1 or a = 2` as `a in (1, 2)`, so that one index lookup finds both. */
function mergeLabels(operands: readonly Predicate[]): Predicate[] {
  const merged = new Map<string, LabelPredicate>();
  const others: Predicate[] = [];
  for (const operand of operands) {
    if (operand.type !== 'label' || operand.values === undefined) {
      others.push(operand);
      continue;
    }
    const { kinds, key, values } = operand;
    const known = merged.get(key)?.values ?? [];
    merged.set(key, labelIsOneOf(kinds, key, [...new Set([...known, ...values])]));
  }
  return [...merged.values(), ...others];
}

function join(
  type: 'and' | 'or',
  operands: readonly Predicate[],
  neutral: Predicate,
  decisive: Predicate,
): Predicate {
  const flat = operands
    .flatMap((operand) => (operand.type === type ? operand.operands : [operand]))
    .filter((operand) => operand !== neutral);
  if (flat.includes(decisive)) return decisive;
  return flat.length > 1 ? { type, operands: flat } : (flat[0] ?? neutral);
}

/** The tables, other than that of the labels, that must be read to decide the predicate. */
export function tablesOf(predicate: Predicate): Set<Alias> {
  const tables = new Set<Alias>();
  const visit = (node: Predicate): void => {
    if (node.type === 'flag') tables.add('s');
    if (node.type === 'sql' && node.table !== undefined) tables.add(node.table);
    if (node.type === 'not') visit(node.operand);
    if (node.type === 'and' || node.type === 'or') node.operands.forEach(visit);
  };
  visit(predicate);
  return tables;
}

/**
 * PostgreSQL turns each EXISTS into a join, and takes minutes to plan a hundred of them.
 * From this many on, "IS TRUE" keeps it from doing so; it then hashes or probes, whichever is cheaper.
 */
const MAX_JOINS = 4;

/**
 * @param id the column with the resource's id in the tables that the query reads
 * @param labels where labels are looked up: by the index of all labels, which finds resources, or in the row itself,
 * which is faster when the row is there already
 */
export function render(
  predicate: Predicate,
  id: string,
  labels: 'indexed' | 'in row' = 'indexed',
): Sql {
  const bindings: Value[] = [];
  let joins = 0;
  const exists = (sql: string) => `EXISTS (${sql})${++joins > MAX_JOINS ? ' IS TRUE' : ''}`;
  const write = (node: Predicate): string => {
    switch (node.type) {
      case 'constant':
        return node.value ? 'TRUE' : 'FALSE';
      case 'flag':
        return node.value ? `s.${node.column}` : `NOT s.${node.column}`;
      case 'sql':
        bindings.push(...node.bindings);
        return node.exists ? exists(node.sql(id)) : node.sql(id);
      case 'label': {
        if (labels === 'in row') {
          bindings.push(node.key, ...node.test.bindings);
          return `coalesce(${node.test.sql('((r.labels ->> ?) COLLATE "C")')}, FALSE)`;
        }
        const isOfKind = isOfKinds(node.kinds);
        bindings.push(...isOfKind.bindings, node.key, ...node.test.bindings);
        return exists(
          `SELECT FROM resource_labels x WHERE ${isOfKind.sql('x.kind')} AND x.key = ? AND ${node.test.sql('x.value')} AND x.resource_id = ${id}`,
        );
      }
      case 'not':
        return `NOT (${write(node.operand)})`;
      case 'and':
      case 'or':
        return node.operands
          .map((operand) => (operand.type === 'or' ? `(${write(operand)})` : write(operand)))
          .join(node.type === 'and' ? ' AND ' : ' OR ');
    }
  };
  return { sql: write(predicate), bindings };
}
