import type { Knex } from 'knex';
import { type Listing, REPORT_LISTING } from '../search/fields';
import type { OrderTerm } from '../search/order';
import { type Alias, Slot } from '../search/predicate';
import type { CompiledSearch, Counter } from '../search/where';
import { sql } from '../postgres/statement';
import { IS_TARGET } from './targets';
import { ADAPTER_STATUS_COLUMNS, RESOURCE_COLUMNS } from './rows';

/* The SQL of lists, with slots for everything that differs between two requests of the same form. */

/** The resource whose children, or whose reports, are listed. */
export const PARENT = new Slot(0);
const OFFSET = new Slot(1);
/** Of the resource whose reports are listed; both are part of looking whether it exists. */
const KIND = new Slot(2);
const OWNER = new Slot(3);
export const FIRST_SEARCH_SLOT = 4;

/** What, besides the search, decides the SQL of a list of resources. */
export interface ListForm {
  listing: Listing;
  /** Name of the parent's kind, when only the children of one are listed. */
  parent: string | undefined;
  order: readonly OrderTerm[];
  pageSize: number;
  /** Rows before the page; undefined when there are many: those are a slot, and may be skipped from the other end. */
  offset: number | undefined;
}

/**
 * One page of resources and the exact number of matches, by one statement, so from one snapshot.
 *
 * The page is first found as ids, in the narrowest tables that can decide, and only those rows are read in
 * full. How the ids are found depends on the search:
 * - an index returns the matches in order: the page is read from it, from whichever end is nearer; the total
 *   comes from the counters or from the index;
 * - any other search must look at every candidate for its exact total anyway, so it collects the ids of
 *   all matches once, and both total and page come from that.
 */
export function resourceListSql(form: ListForm, search: CompiledSearch): Knex.Raw {
  const order = simplestOrder(form.order);
  const list = { ...form, search, order };
  const { total, page } = search.ordered ? fromIndex(list) : fromAllMatches(list);
  const found =
    form.parent === undefined
      ? sql.raw('true')
      : sql.raw('EXISTS (SELECT 1 FROM resources WHERE id = ? AND kind = ?)', [
          PARENT,
          form.parent,
        ]);
  // The literal LIMIT tells the planner that the page is small, whatever happens inside.
  return sql.raw(
    `WITH ? SELECT ? AS found, t.total, ${RESOURCE_COLUMNS}
     FROM t LEFT JOIN (
       (SELECT id FROM (?) ids LIMIT ${form.pageSize}) page
       JOIN resources r ON r.id = page.id
       JOIN resource_status s ON s.resource_id = page.id
     ) ON true
     ORDER BY ${orderSql(form.listing, order, 'r')}`,
    [total, found, page],
  );
}

/** One page of the reports about a resource, and their number. */
export function reportListSql(
  { order, pageSize, offset }: Pick<ListForm, 'order' | 'pageSize' | 'offset'>,
  search: CompiledSearch,
): Knex.Raw {
  const matching = (columns: string) => {
    const query = sql.select(sql.raw(columns)).from('adapter_statuses as a');
    search.where(query, ['a']);
    return query;
  };
  const ordering = orderSql(REPORT_LISTING, order, 'a');
  return sql.raw(
    `SELECT EXISTS (SELECT 1 FROM resources r WHERE ${IS_TARGET.replaceAll(/(?<!:):\w+/g, '?')}) AS found,
       t.total, ${ADAPTER_STATUS_COLUMNS}
     FROM (?) t LEFT JOIN (?) a ON true
     ORDER BY ${ordering}`,
    [
      ...[PARENT, KIND, OWNER, OWNER],
      matching('count(*) AS total'),
      limited('?', [matching(ADAPTER_STATUS_COLUMNS).orderByRaw(ordering)], { pageSize, offset }),
    ],
  );
}

interface ResourceList extends ListForm {
  search: CompiledSearch;
}

/** The id begins with the time of creation, so ordering by that time and then by id is ordering by id. */
function simplestOrder(order: readonly OrderTerm[]): readonly OrderTerm[] {
  const [first, second] = order;
  const byCreation =
    first?.field === 'created_time' &&
    second?.field === 'id' &&
    first.direction === second.direction;
  return byCreation ? order.slice(1) : order;
}

function orderSql(
  { sortable }: Listing,
  order: readonly OrderTerm[],
  from: Alias,
  reverse = false,
): string {
  return order
    .map(({ field, direction }) => {
      const descending = (direction === 'desc') !== reverse;
      return `${sortable.get(field)!.sql(idColumn(from))} ${descending ? 'DESC' : 'ASC'}`;
    })
    .join(', ');
}

const TABLES: Record<Alias, string> = {
  r: 'resources',
  s: 'resource_status',
  l: 'resource_labels',
  a: 'adapter_statuses',
};

function idColumn(alias: Alias): string {
  return alias === 'r' ? 'r.id' : `${alias}.resource_id`;
}

/** A query over the tables that `search` and `order` need, no more; a label leads when there is one. */
function matches(search: CompiledSearch, { sortable }: Listing, order: readonly OrderTerm[]) {
  const needed = new Set<Alias>(search.startsFromLabel ? ['l'] : []);
  for (const alias of ['r', 's'] as const) {
    const ordered = order.some(({ field }) => sortable.get(field)!.table === alias);
    if (ordered || search.tables.has(alias)) needed.add(alias);
  }
  const [first = 'r', ...others] = needed;
  const query = sql.queryBuilder().from(`${TABLES[first]} as ${first}`);
  for (const alias of others) {
    void query.join(`${TABLES[alias]} as ${alias}`, idColumn(alias), idColumn(first));
  }
  search.where(query, [first, ...others]);
  return { query, first };
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
function fromIndex({ listing, search, order, offset, pageSize }: ResourceList): Parts {
  const total = sql.raw('t AS MATERIALIZED (SELECT (?) AS total)', [totalQuery(search, listing)]);
  const ids = (reverse: boolean) => {
    const { query, first } = matches(search, listing, order);
    return query
      .select(sql.raw(`${idColumn(first)} AS id`))
      .orderByRaw(orderSql(listing, order, first, reverse));
  };
  if (offset !== undefined) {
    return { total, page: limited('?', [ids(false)], { pageSize, offset }) };
  }

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

function totalQuery(search: CompiledSearch, listing: Listing): Knex.Raw | Knex.QueryBuilder {
  if (search.constant === false) return sql.raw('0');
  if (search.counter !== undefined) {
    return sql.raw(
      `SELECT coalesce(sum(${COUNTED[search.counter]}), 0)::bigint FROM resource_counts WHERE kind = ?`,
      [listing.kind!],
    );
  }
  return matches(search, listing, []).query.count();
}

/** For all other searches. */
function fromAllMatches({ listing, search, order, offset, pageSize }: ResourceList): Parts {
  const { query, first } = matches(search, listing, order);
  const columns = order.map(
    ({ field }, index) => `${listing.sortable.get(field)!.sql(idColumn(first))} AS o${index}`,
  );
  const ordering = order.map(({ direction }, index) => `o${index} ${direction}`).join(', ');
  return {
    total: sql.raw('m AS MATERIALIZED (?), t AS MATERIALIZED (SELECT count(*) AS total FROM m)', [
      query.select(sql.raw([`${idColumn(first)} AS id`, ...columns].join(', '))),
    ]),
    page: limited(`SELECT id FROM m ORDER BY ${ordering}`, [], { pageSize, offset }),
  };
}

/**
 * Small numbers are written out: of a parameter the planner believes that it may be any number, so it would plan
 * each page anew (measured: half of PostgreSQL's work for a first page of 100,000).
 */
function limited(
  text: string,
  bindings: readonly Knex.QueryBuilder[],
  { pageSize, offset }: Pick<ListForm, 'pageSize' | 'offset'>,
): Knex.Raw {
  return offset === undefined
    ? sql.raw(`${text} LIMIT ${pageSize} OFFSET ?`, [...bindings, OFFSET])
    : sql.raw(`${text} LIMIT ${pageSize} OFFSET ${offset}`, [...bindings]);
}
