/** The tables a list may read, by the alias its query gives them: resources, status, labels, adapter statuses. */
export type Alias = 'r' | 's' | 'l' | 'a';

const ID_COLUMN: Readonly<Record<Alias, string>> = {
  r: 'r.id',
  s: 's.resource_id',
  l: 'l.resource_id',
  a: 'a.resource_id',
};

export type Value = string | string[];

/** Stands for a value where only the form of a list counts; `index` says which. */
export class Slot {
  /** Lets Knex take it for a value. */
  readonly [name: string]: unknown;

  constructor(readonly index: number) {}
}

export type Binding = Value | Slot;

export interface Sql {
  readonly sql: string;
  readonly bindings: readonly Value[];
}

/**
 * A condition on one row that is always true or false, never NULL, so that `not` is the plain complement.
 * Some shapes are kept apart because a list can answer them from a narrower table.
 */
export type Predicate =
  | { readonly type: 'constant'; readonly value: boolean }
  /** `sql` receives the column that holds the resource's id in the tables being read. */
  | {
      readonly type: 'sql';
      readonly table: Alias | undefined;
      readonly sql: (id: string) => string;
      readonly bindings: readonly Binding[];
      /** At most one living resource matches: of its kind, or of those of the same parent. */
      readonly unique?: 'everywhere' | 'in parent' | undefined;
    }
  | { readonly type: 'flag'; readonly column: 'ready' | 'available'; readonly value: boolean }
  | LabelPredicate
  | { readonly type: 'not'; readonly operand: Predicate }
  | { readonly type: 'and' | 'or'; readonly operands: readonly Predicate[] };

/** The resource carries a label with this key whose value meets the condition. */
export interface LabelPredicate {
  readonly type: 'label';
  readonly kind: Binding;
  readonly key: Binding;
  /** `value` is the column with the label's value. */
  readonly condition: (value: string) => string;
  readonly bindings: readonly Binding[];
  /** Set when the condition is to be one of these. */
  readonly values: readonly string[] | undefined;
}

/** @param condition on the column with the label's value; what it binds does not depend on the column */
export function hasLabel(
  kind: Binding,
  key: Binding,
  condition: (value: string) => Sql,
  values?: readonly string[],
): Predicate {
  return {
    ...{ type: 'label', kind, key, values },
    condition: (value) => condition(value).sql,
    bindings: condition('').bindings,
  };
}

export function labelIsOneOf(kind: Binding, key: Binding, values: readonly string[]): Predicate {
  return hasLabel(kind, key, (value) => isOneOf(value, values, 'text'), values);
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

/** `a = 1 or a = 2` as `a in (1, 2)`, so that one look into the index answers it. */
function mergeLabels(operands: readonly Predicate[]): Predicate[] {
  const merged = new Map<Binding, Predicate>();
  const others: Predicate[] = [];
  for (const operand of operands) {
    if (operand.type !== 'label' || operand.values === undefined) {
      others.push(operand);
      continue;
    }
    const { kind, key, values } = operand;
    const before = merged.get(key);
    const known = before?.type === 'label' ? (before.values ?? []) : [];
    merged.set(key, labelIsOneOf(kind, key, [...new Set([...known, ...values])]));
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

/** The tables, other than the labels', that must be read to decide the predicate. */
export function tablesOf(predicate: Predicate): ReadonlySet<Alias> {
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
 * PostgreSQL turns the EXISTS of each label into a join, and takes minutes to plan a hundred of them.
 * From this many on, "IS TRUE" keeps it from doing so; it then hashes or probes, whichever is cheaper.
 */
const JOINED_LABELS = 4;

/** A predicate with slots, numbered from `first` in the order of `render`, in place of what it binds. */
export function withSlots(predicate: Predicate, first: number): Predicate {
  let index = first;
  const slot = () => new Slot(index++);
  const replace = (node: Predicate): Predicate => {
    switch (node.type) {
      case 'constant':
      case 'flag':
        return node;
      case 'sql':
        return { ...node, bindings: node.bindings.map(slot) };
      case 'label':
        return { ...node, kind: slot(), key: slot(), bindings: node.bindings.map(slot) };
      case 'not':
        return { ...node, operand: replace(node.operand) };
      case 'and':
      case 'or':
        return { ...node, operands: node.operands.map(replace) };
    }
  };
  return replace(predicate);
}

/** SQL for a query that reads `from`, whose first table gives the resource's id. The text holds none of the values. */
export function render(predicate: Predicate, from: Alias): { sql: string; bindings: Binding[] } {
  const bindings: Binding[] = [];
  let labels = 0;
  const write = (node: Predicate): string => {
    switch (node.type) {
      case 'constant':
        return node.value ? 'TRUE' : 'FALSE';
      case 'flag':
        return node.value ? `s.${node.column}` : `NOT s.${node.column}`;
      case 'sql':
        bindings.push(...node.bindings);
        return node.sql(ID_COLUMN[from]);
      case 'label': {
        bindings.push(node.kind, node.key, ...node.bindings);
        const fence = ++labels > JOINED_LABELS ? ' IS TRUE' : '';
        return `EXISTS (SELECT FROM resource_labels x WHERE x.kind = ? AND x.key = ? AND ${node.condition('x.value')} AND x.resource_id = ${ID_COLUMN[from]})${fence}`;
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

/** One value is written as `=`, which is what lets an index return the rows in order. */
export function isOneOf(column: string, values: readonly string[], type: string): Sql {
  return values.length === 1
    ? { sql: `${column} = ?::${type}`, bindings: [...values] }
    : { sql: `${column} = ANY(?::${type}[])`, bindings: [[...values]] };
}
