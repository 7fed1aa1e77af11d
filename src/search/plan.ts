import type { Listing, OrderTerm } from './fields';
import type { SearchTree } from './parse';
import {
  all,
  idColumn,
  render,
  tablesOf,
  TRUE,
  type Alias,
  type LabelPredicate,
  type Predicate,
  type Sql,
} from './predicate';
import { resolveSearch } from './resolve';

/** The list that is searched. */
export interface SearchScope {
  readonly listing: Listing;
  /** The resource whose children, or whose reports, are listed. */
  readonly parentId?: string | undefined;
  readonly order: readonly OrderTerm[];
}

/** Conditions whose exact number of matches is kept in resource_counts. */
export type Counter = 'all' | 'ready' | 'not_ready' | 'available' | 'not_available';

/** Tables that are joined by the id of the resource; the id is read from the first. */
export type Tables = readonly [Alias, ...Alias[]];

/**
 * How the matches of a search are found. Its `sql` is the condition on their rows, parent included; the caller adds
 * the kind. In one list, two searches with the same `sql` differ in nothing but their bindings.
 */
export interface SearchPlan extends Sql {
  /** All that the condition and the order read. When every match carries a certain label, the labels lead. */
  readonly tables: Tables;
  /** Those of them that the condition reads: enough to count the matches of an ordered search, which names no id. */
  readonly conditionTables: Tables;
  /** Set when the search, apart from the parent, is always true or always false. */
  readonly constant: boolean | undefined;
  readonly counter: Counter | undefined;
  /** One index contains exactly the matches, ordered by id, so a page is found without reading the rest. */
  readonly ordered: boolean;
  /** At most one living resource matches, and rarely one that is marked for deletion. */
  readonly unique: boolean;
}

/** @throws SearchError when the search does not fit the fields of what is listed */
export function planSearch(tree: SearchTree | undefined, scope: SearchScope): SearchPlan {
  const searched = tree === undefined ? TRUE : resolveSearch(tree, scope.listing);
  const scoped = all([...parentOf(scope), searched]);
  const conjuncts = scoped.type === 'and' ? scoped.operands : [scoped];
  const lead = leadingLabel(conjuncts);
  const rest = lead === undefined ? scoped : all(conjuncts.filter((conjunct) => conjunct !== lead));

  const read = tablesOf(rest);
  if (lead !== undefined) read.add('l');
  const tables = inJoinOrder(new Set([...read, ...tablesOfOrder(scope)]), scope);
  const { sql, bindings } = condition(lead, render(rest, idColumn(tables[0])));
  return {
    sql,
    bindings,
    tables,
    conditionTables: inJoinOrder(read, scope),
    constant: searched.type === 'constant' ? searched.value : undefined,
    counter: scope.parentId === undefined ? counterOf(searched) : undefined,
    ordered:
      searched.type === 'constant' ||
      // The other indexes begin with the kind.
      (scope.listing.kinds.length <= 1 &&
        conjuncts.length === 1 &&
        (searched.type === 'flag' || lead?.values?.length === 1)),
    unique: conjuncts.some((conjunct) => isUnique(conjunct, scope)),
  };
}

function parentOf({ listing, parentId }: SearchScope): Predicate[] {
  if (parentId === undefined) return [];
  const { table, parentColumn } = listing;
  return [{ type: 'sql', table, sql: () => `${parentColumn} = ?`, bindings: [parentId] }];
}

/** One value is better than several: the index then returns the resources in the order of their ids. */
function leadingLabel(conjuncts: readonly Predicate[]): LabelPredicate | undefined {
  const labels = conjuncts.filter(
    (predicate): predicate is LabelPredicate =>
      predicate.type === 'label' && predicate.values !== undefined,
  );
  return labels.find(({ values }) => values?.length === 1) ?? labels[0];
}

function condition(lead: LabelPredicate | undefined, rest: Sql): Sql {
  if (lead === undefined) return { ...rest, sql: `(${rest.sql})` };
  return {
    sql: `l.key = ? and ${lead.test.sql('l.value')} and (${rest.sql})`,
    bindings: [lead.key, ...lead.test.bindings, ...rest.bindings],
  };
}

function tablesOfOrder({ listing, order }: SearchScope): Alias[] {
  return order.flatMap(({ field }) => listing.sortable.get(field)!.table ?? []);
}

const JOIN_ORDER: readonly Alias[] = ['l', 'r', 's', 'a'];

function inJoinOrder(tables: ReadonlySet<Alias>, { listing }: SearchScope): Tables {
  const [first = listing.table, ...others] = JOIN_ORDER.filter((alias) => tables.has(alias));
  return [first, ...others];
}

function counterOf(searched: Predicate): Counter | undefined {
  if (searched.type === 'constant' && searched.value) return 'all';
  if (searched.type !== 'flag') return undefined;
  return searched.value ? searched.column : `not_${searched.column}`;
}

function isUnique(conjunct: Predicate, { parentId }: SearchScope): boolean {
  return (
    conjunct.type === 'sql' &&
    (conjunct.unique === 'everywhere' ||
      (conjunct.unique === 'in parent' && parentId !== undefined))
  );
}
