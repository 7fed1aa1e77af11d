import type { Knex } from 'knex';
import { resolveField, type Listing } from './fields';
import { columnTests, labelTests, type Tests } from './operators';
import type { SearchTree } from './parse';
import {
  all,
  any,
  not,
  render,
  tablesOf,
  TRUE,
  type Alias,
  type Binding,
  type LabelPredicate,
  type Predicate,
} from './predicate';
import { specTests } from './spec';
import type { FieldName } from './tokens';

/** What a list is cut to before anything is searched: its kind, and the resource it hangs under. */
export interface Scope {
  readonly listing: Listing;
  /** The resource whose children, or whose reports, are listed. */
  readonly parentId?: Binding | undefined;
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
  /** Every match must carry the label that selects the rows of `l`: a query may start from there. */
  readonly startsFromLabel: boolean;
  /** Set when the search, apart from the scope, is always true or always false. */
  readonly constant: boolean | undefined;
  readonly counter: Counter | undefined;
  /** One index holds just the matches, in the order of their ids: a page of them is found without the rest. */
  readonly ordered: boolean;
  /** One living resource matches at most, and seldom one that is marked for deletion. */
  readonly unique: boolean;
}

/** Checks a search against the fields of what is listed. @throws SearchError */
export function resolveSearch(tree: SearchTree | undefined, listing: Listing): Predicate {
  return tree === undefined ? TRUE : resolve(tree, listing);
}

/** Turns a search into SQL with bindings only. */
export function compileSearch(searched: Predicate, scope: Scope): CompiledSearch {
  const scoped = all([...parentOf(scope), searched]);
  const conjuncts = scoped.type === 'and' ? scoped.operands : [scoped];
  const lead = leadingLabel(conjuncts);

  return {
    where(query, from) {
      for (const alias of from) {
        if (alias !== 'a') void query.where(`${alias}.kind`, scope.listing.kind!);
      }
      let remaining = scoped;
      if (from[0] === 'l' && lead !== undefined) {
        void query
          .whereRaw('l.key = ?', [lead.key])
          .whereRaw(lead.condition('l.value'), lead.bindings);
        remaining = all(conjuncts.filter((conjunct) => conjunct !== lead));
      }
      const { sql, bindings } = render(remaining, from[0]);
      void query.whereRaw(`(${sql})`, bindings);
    },
    tables: tablesOf(scoped),
    startsFromLabel: lead !== undefined,
    constant: searched.type === 'constant' ? searched.value : undefined,
    counter: scope.parentId === undefined ? counterOf(searched) : undefined,
    ordered:
      searched.type === 'constant' ||
      (conjuncts.length === 1 && (searched.type === 'flag' || lead?.values?.length === 1)),
    unique: conjuncts.some(
      (conjunct) =>
        conjunct.type === 'sql' &&
        (conjunct.unique === 'everywhere' ||
          (conjunct.unique === 'in parent' && scope.parentId !== undefined)),
    ),
  };
}

/** One value is better than several: the index then returns the resources in the order of their ids. */
function leadingLabel(conjuncts: readonly Predicate[]): LabelPredicate | undefined {
  const labels = conjuncts.filter(
    (predicate) => predicate.type === 'label' && predicate.values !== undefined,
  ) as LabelPredicate[];
  return labels.find(({ values }) => values?.length === 1) ?? labels[0];
}

function parentOf({ listing, parentId }: Scope): Predicate[] {
  if (parentId === undefined) return [];
  const [table, column] =
    listing.kind === undefined ? (['a', 'resource_id'] as const) : (['r', 'owner_id'] as const);
  return [{ type: 'sql', table, sql: () => `${table}.${column} = ?`, bindings: [parentId] }];
}

function counterOf(searched: Predicate): Counter | undefined {
  if (searched.type === 'constant' && searched.value) return 'all';
  if (searched.type !== 'flag') return undefined;
  return searched.value ? searched.column : `not_${searched.column}`;
}

function resolve(tree: SearchTree, listing: Listing): Predicate {
  switch (tree.type) {
    case 'and':
      return all(tree.operands.map((operand) => resolve(operand, listing)));
    case 'or':
      return any(tree.operands.map((operand) => resolve(operand, listing)));
    case 'not':
      return not(resolve(tree.operand, listing));
    case 'compare': {
      const tests = testsOf(tree.field, listing);
      if (tree.operator === '=') return tests.oneOf([tree.value]);
      if (tree.operator === '!=') return not(tests.oneOf([tree.value]));
      return tests.order(tree.operator, tree.value);
    }
    default: {
      const matches = test(tree, testsOf(tree.field, listing));
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

function testsOf(name: FieldName, listing: Listing): Tests {
  const field = resolveField(name, listing);
  switch (field.type) {
    case 'column':
      return columnTests(field.column, name);
    case 'label':
      return labelTests(field.kind, field.key);
    case 'spec':
      return specTests(field.path, name);
  }
}
