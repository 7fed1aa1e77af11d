import type { Knex } from 'knex';
import { POSITION } from '../changes/snapshot';
import { Slot, sql } from '../postgres/statement';
import { ADAPTER_STATUS_COLUMNS, RESOURCE_COLUMNS, RESOURCE_TABLES } from '../repositories/rows';
import { IS_TARGET } from '../repositories/targets';
import type { Column } from '../search/column';
import type { Direction, Listing, OrderTerm } from '../search/fields';
import type { Counter, SearchPlan, Tables } from '../search/plan';
import { type Alias, idColumn, isOfKinds, type Value } from '../search/predicate';
import { versionColumns } from './versions';

/** All that decides the SQL of a list: what else differs between two requests is a slot. */
export interface List {
  listing: Listing;
  /** Only the children, or the reports, of one resource are listed. */
  ofParent: boolean;
  order: readonly OrderTerm[];
  pageSize: number;
  /** Rows before the page; undefined when there are many: those are a slot, and may be skipped from the other end. */
  offset: number | undefined;
  search: SearchPlan;
}

/** The resource whose children, or whose reports, are listed. */
const ID = new Slot('id');
const KIND = new Slot('kind');
const OWNER_ID = new Slot('owner_id');
const OFFSET = new Slot('offset');

/** The values of a search by the names of their slots. */
export function searchValues({ bindings }: SearchPlan): Record<string, Value> {
  return Object.fromEntries(bindings.map((value, index) => [`s${index}`, value]));
}

function searchSlots({ bindings }: SearchPlan): Slot[] {
  return bindings.map((_, index) => new Slot(`s${index}`));
}

/**
 * One page of resources, or of their versions, and the exact number of matches, by one statement, so from one snapshot.
 * It has a row per resource, or one for all versions, in which ids and versions are lists.
 *
 * The page is first found as ids, in the narrowest tables that can decide, and only those rows are read in
 * full. How the ids are found depends on the search:
 * - an index returns the matches in order: the page is read from it, from whichever end is nearer; the total
 *   comes from the counters or from the index;
 * - any other search must look at every candidate for its exact total anyway, so it collects the ids of
 *   all matches once, and both total and page come from that.
 */
export function resourceListSql(list: List, columns: 'all' | 'versions'): Knex.Raw {
  const { listing, order, search } = list;
  const { total, page } = search.ordered ? fromIndex(list) : fromAllMatches(list);
  // Versions alone need the rows of resources only to be ordered by them.
  const [tables, from]: [string, Alias] =
    columns === 'versions' && order[0]!.field === listing.identity
      ? ['resource_status s', 's']
      : [RESOURCE_TABLES, 'r'];
  const ordering = orderSql(listing, order, from);
  // An array is looked up in the index in one pass, which takes half as long as a join.
  const inPage = sql.raw(`${idColumn(from)} = ANY (ARRAY(SELECT id FROM (?) ids))`, [page]);
  const [selected, rows] =
    columns === 'all'
      ? [RESOURCE_COLUMNS, `LEFT JOIN (${tables}) ON ? ORDER BY ${ordering}`]
      : [
          'ids, versions',
          `CROSS JOIN (SELECT ${versionColumns(ordering)} FROM ${tables} WHERE ?) page`,
        ];
  return sql.raw(
    `WITH ? SELECT ? AS found, (SELECT ${POSITION}) AS position, t.total, ${selected} FROM t ${rows}`,
    [total, parentExists(list), inPage],
  );
}

function parentExists({ ofParent }: Pick<List, 'ofParent'>): Knex.Raw {
  return ofParent
    ? sql.raw('EXISTS (SELECT 1 FROM resources WHERE id = ? AND kind = ?)', [ID, KIND])
    : sql.raw('true');
}

/** One page of the reports about a resource, and their number. */
export function reportListSql(list: List): Knex.Raw {
  const { listing, order, search } = list;
  const isTarget = sql.raw(IS_TARGET, { id: ID, kind: KIND, owner_id: OWNER_ID });
  const ordering = orderSql(listing, order, 'a');
  const page = matches(list, search.tables).select('a.*').orderByRaw(ordering);
  return sql.raw(
    `SELECT (SELECT s.version FROM ${RESOURCE_TABLES} WHERE ?) AS version,
       t.total, ${ADAPTER_STATUS_COLUMNS}
     FROM (?) t LEFT JOIN (?) a ON true
     ORDER BY ${ordering}`,
    [
      isTarget,
      matches(list, search.conditionTables).select(sql.raw('count(*) AS total')),
      limited('?', [page], list),
    ],
  );
}

function orderSql(
  { sortable }: Listing,
  order: readonly OrderTerm[],
  from: Alias,
  reverse = false,
): string {
  return order
    .map(({ field, direction }) => {
      const column = sortable.get(field)!;
      return `${column.sql(idColumn(from))} ${directionSql(column, direction, reverse)}`;
    })
    .join(', ');
}

/** An absent value comes last in both directions, so it comes first in the reverse of either. */
function directionSql({ nullable }: Column, direction: Direction, reverse = false): string {
  const descending = (direction === 'desc') !== reverse;
  const nulls = nullable ? ` NULLS ${reverse ? 'FIRST' : 'LAST'}` : '';
  return `${descending ? 'DESC' : 'ASC'}${nulls}`;
}

const TABLES: Record<Alias, string> = {
  r: 'resources',
  s: 'resource_status',
  l: 'resource_labels',
  a: 'adapter_statuses',
};

/** The rows that a search finds, their columns yet to be chosen. */
export function matches(
  { listing, search }: Pick<List, 'listing' | 'search'>,
  [first, ...others]: Tables,
): Knex.QueryBuilder {
  const query = sql.queryBuilder().from(`${TABLES[first]} as ${first}`);
  for (const alias of others) {
    void query.join(`${TABLES[alias]} as ${alias}`, idColumn(alias), idColumn(first));
  }
  if (listing.kinds.length > 0) {
    const { sql: text, bindings } = isOfKinds(listing.kinds);
    for (const alias of [first, ...others]) {
      void query.whereRaw(text('??'), [`${alias}.kind`, ...bindings]);
    }
  }
  return query.whereRaw(search.sql, searchSlots(search));
}

const COUNTED: Record<Counter, string> = {
  all: 'total',
  ready: 'ready',
  not_ready: 'total - ready',
  available: 'available',
  not_available: 'total - available',
};

/** The two parts of a list: the common table expressions up to `t (total)`, and the ids of the page. */
interface Parts {
  total: Knex.Raw;
  page: Knex.Raw;
}

/** For searches whose matches an index returns in order. */
function fromIndex(list: List): Parts {
  const { listing, order, offset, pageSize, search } = list;
  const [first] = search.tables;
  const total = sql.raw('t AS MATERIALIZED (SELECT (?) AS total)', [totalQuery(list)]);
  const ids = (reverse: boolean) =>
    matches(list, search.tables)
      .select(sql.raw(`${idColumn(first)} AS id`))
      .orderByRaw(orderSql(listing, order, first, reverse));
  if (offset !== undefined) return { total, page: limited('?', [ids(false)], list) };

  // Whichever end is farther gets LIMIT 0 and is not read at all.
  const near = '?::bigint * 2 < (SELECT total FROM t)';
  const either = sql.raw(
    `(? LIMIT (SELECT CASE WHEN ${near} THEN ? ELSE 0 END) OFFSET ?)
     UNION ALL
     (? LIMIT (SELECT CASE WHEN ${near} THEN 0 ELSE greatest(0, least(?, total - ?)) END FROM t)
        OFFSET (SELECT greatest(0, total - ? - ?) FROM t))`,
    [
      ...[ids(false), OFFSET, pageSize, OFFSET],
      ...[ids(true), OFFSET, pageSize, OFFSET, OFFSET, pageSize],
    ],
  );
  return { total, page: either };
}

function totalQuery(list: List): Knex.Raw | Knex.QueryBuilder {
  const { listing, search } = list;
  if (search.constant === false) return sql.raw('0');
  if (search.counter !== undefined) {
    const isOfKind = isOfKinds(listing.kinds);
    return sql.raw(
      `SELECT coalesce(sum(${COUNTED[search.counter]}), 0)::bigint FROM resource_counts WHERE ${isOfKind.sql('kind')}`,
      isOfKind.bindings,
    );
  }
  return matches(list, search.conditionTables).count();
}

/** For all other searches. */
function fromAllMatches(list: List): Parts {
  const { listing, order, search } = list;
  const id = idColumn(search.tables[0]);
  const sorted = order.map(({ field, direction }, index) => {
    const column = listing.sortable.get(field)!;
    // The id is there already: half the memory when half of the fleet matches.
    const name = field === listing.identity ? 'id' : `o${index}`;
    return {
      columns: name === 'id' ? [] : [`${column.sql(id)} AS ${name}`],
      key: `${name} ${directionSql(column, direction)}`,
    };
  });
  return {
    total: sql.raw('m AS MATERIALIZED (?), t AS MATERIALIZED (SELECT count(*) AS total FROM m)', [
      matches(list, search.tables).select(
        sql.raw([`${id} AS id`, ...sorted.flatMap(({ columns }) => columns)].join(', ')),
      ),
    ]),
    page: limited(`SELECT id FROM m ORDER BY ${sorted.map(({ key }) => key).join(', ')}`, [], list),
  };
}

/** Small numbers are written out: a parameter could be any number, so the planner would plan each page anew. */
function limited(
  text: string,
  bindings: readonly Knex.QueryBuilder[],
  { pageSize, offset }: List,
): Knex.Raw {
  return offset === undefined
    ? sql.raw(`${text} LIMIT ${pageSize} OFFSET ?`, [...bindings, OFFSET])
    : sql.raw(`${text} LIMIT ${pageSize} OFFSET ${offset}`, [...bindings]);
}
