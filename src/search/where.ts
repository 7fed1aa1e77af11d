import type { Knex } from 'knex';
import { resolveField, type Listed } from './fields';
import { columnTests, labelTests, type Tests } from './operators';
import type { SearchTree } from './parse';
import { all, any, isOneOf, not, render, tablesOf, type Alias, type Predicate } from './predicate';
import { specTests } from './spec';
import type { FieldName } from './tokens';

/** What a list is cut to before anything is searched: its kind, and the resource it hangs under. */
export interface Scope {
  readonly kind: Listed;
  /** The cluster whose node pools, or the resource whose adapter statuses, are listed. */
  readonly parentId?: string;
}

/** Conditions whose exact number of matches is kept in resource_counts. */
export type Counter = 'all' | 'ready' | 'not_ready' | 'available' | 'not_available';

export interface CompiledSearch {
  /**
   * Adds scope and search to a query that reads the tables of `from`, under these aliases and joined
   * by the resource's id. When `from` begins with `l` (and `label` is set) that label selects the rows.
   */
  where(query: Knex.QueryBuilder, from: readonly [Alias, ...Alias[]]): void;
  /** The tables that must be in `from`; when empty, any table of resources will do. */
  readonly tables: ReadonlySet<Alias>;
  /** A label every match must carry, with one of these values: a query may start from `l`. */
  readonly label: { readonly key: string; readonly values: readonly string[] } | undefined;
  /** Set when the search, apart from the scope, is always true or always false. */
  readonly constant: boolean | undefined;
  readonly counter: Counter | undefined;
  /** One index holds just the matches, in the order of their ids: a page of them is found without the rest. */
  readonly ordered: boolean;
}

/** Checks a search against the fields of what is listed, and turns it into SQL with bindings only. */
export function compileSearch(tree: SearchTree | undefined, scope: Scope): CompiledSearch {
  const searched = tree === undefined ? all([]) : compile(tree, scope.kind);
  const scoped = all([...parentOf(scope), searched]);
  const conjuncts = scoped.type === 'and' ? scoped.operands : [scoped];
  const lead = leadingLabel(conjuncts);

  return {
    where(query, from) {
      for (const alias of from) {
        if (alias !== 'a') void query.where(`${alias}.kind`, scope.kind);
      }
      let remaining = scoped;
      if (from[0] === 'l' && lead !== undefined) {
        const value = isOneOf('l.value', lead.values, 'text');
        void query.where('l.key', lead.key).whereRaw(value.sql, value.bindings);
        remaining = all(conjuncts.filter((conjunct) => conjunct !== lead.predicate));
      }
      const { sql, bindings } = render(remaining, from[0]);
      void query.whereRaw(`(${sql})`, bindings);
    },
    tables: tablesOf(scoped),
    label: lead && { key: lead.key, values: lead.values },
    constant: searched.type === 'constant' ? searched.value : undefined,
    counter: scope.parentId === undefined ? counterOf(searched) : undefined,
    ordered:
      searched.type === 'constant' ||
      (conjuncts.length === 1 && (searched.type === 'flag' || lead?.values.length === 1)),
  };
}

/** One value is better than several: the index then returns the resources in the order of their ids. */
function leadingLabel(conjuncts: readonly Predicate[]) {
  const labels = conjuncts.flatMap((predicate) =>
    predicate.type === 'label' && predicate.values !== undefined
      ? [{ predicate, key: predicate.key, values: predicate.values }]
      : [],
  );
  return labels.find(({ values }) => values.length === 1) ?? labels[0];
}

function parentOf({ kind, parentId }: Scope): Predicate[] {
  if (parentId === undefined) return [];
  const [table, column] =
    kind === 'AdapterStatus' ? (['a', 'resource_id'] as const) : (['r', 'owner_id'] as const);
  return [{ type: 'sql', table, sql: () => `${table}.${column} = ?`, bindings: [parentId] }];
}

function counterOf(searched: Predicate): Counter | undefined {
  if (searched.type === 'constant' && searched.value) return 'all';
  if (searched.type !== 'flag') return undefined;
  return searched.value ? searched.column : `not_${searched.column}`;
}

function compile(tree: SearchTree, kind: Listed): Predicate {
  switch (tree.type) {
    case 'and':
      return all(tree.operands.map((operand) => compile(operand, kind)));
    case 'or':
      return any(tree.operands.map((operand) => compile(operand, kind)));
    case 'not':
      return not(compile(tree.operand, kind));
    case 'compare': {
      const tests = testsOf(tree.field, kind);
      if (tree.operator === '=') return tests.oneOf([tree.value]);
      if (tree.operator === '!=') return not(tests.oneOf([tree.value]));
      return tests.order(tree.operator, tree.value);
    }
    default: {
      const matches = test(tree, testsOf(tree.field, kind));
      return tree.negated ? not(matches) : matches;
    }
  }
}

function test(
  tree: Extract<SearchTree, { type: 'in' | 'between' | 'like' | 'null' }>,
  tests: Tests,
): Predicate {
  switch (tree.type) {
    case 'in':
      return tests.oneOf(tree.values);
    case 'between':
      return all([tests.order('>=', tree.low), tests.order('<=', tree.high)]);
    case 'like':
      return tests.like(tree.pattern, tree.ignoreCase);
    case 'null':
      return tests.isNull();
  }
}

function testsOf(name: FieldName, kind: Listed): Tests {
  const field = resolveField(name, kind);
  switch (field.type) {
    case 'column':
      return columnTests(field.column, name);
    case 'label':
      return labelTests(kind, field.key);
    case 'spec':
      return specTests(field.path, name);
  }
}
