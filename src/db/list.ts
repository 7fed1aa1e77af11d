import type { Knex } from 'knex';
import { sortableFields, type Listed } from '../search/fields';
import type { OrderTerm } from '../search/order';
import type { SearchTree } from '../search/parse';
import type { Alias } from '../search/predicate';
import { type CompiledSearch, compileSearch, type Counter } from '../search/where';
import { type Database, sql, type Statement } from './connect';
import { notFound, TARGET, type Target } from './resources';
import {
  ADAPTER_STATUS_COLUMNS,
  type AdapterStatusRow,
  type Kind,
  RESOURCE_COLUMNS,
  type ResourceRow,
} from './rows';

export interface ListOptions {
  /** From 1. */
  page: number;
  pageSize: number;
  /** Ends with the field that makes the order total. */
  order: readonly OrderTerm[];
  search: SearchTree | undefined;
}

/** All of a kind, or the node pools of one cluster. */
export interface ListScope {
  kind: Kind;
  ownerId?: string;
}

export interface Page<Row> {
  rows: Row[];
  /** All matches, exact, from the same snapshot as the rows. */
  total: number;
}

/** From here on a page is also looked for from the other end, which is nearer for the later half. */
const DEEP_OFFSET = 200;

/**
 * One page of resources and the exact number of matches, by one statement, so from one snapshot.
 *
 * The page is first found as ids, in the narrowest tables that can decide, and only those rows are read in
 * full. How the ids are found depends on the search:
 * - an index returns the matches in order: the page is read from it, from whichever end is nearer; the total
 *   comes from the counters or from the index;
 * - any other search must look at every candidate for its exact total anyway, so it collects the ids of
 *   all matches once, and both total and page come from that.
 * @throws ProblemError NTF-001 when the cluster of the scope does not exist
 */
export async function listResources(
  db: Database,
  scope: ListScope,
  options: ListOptions,
  signal: AbortSignal,
): Promise<Page<ResourceRow>> {
  const { kind, ownerId } = scope;
  const search = compileSearch(options.search, { kind, parentId: ownerId });
  const order = simplestOrder(options.order);
  const { total, page } = search.ordered
    ? fromIndex(search, kind, order, options)
    : fromAllMatches(search, kind, order, options);
  const found =
    ownerId === undefined
      ? sql.raw('true')
      : sql.raw("EXISTS (SELECT 1 FROM resources WHERE id = ? AND kind = 'Cluster')", [ownerId]);
  // The literal LIMIT tells the planner that the page is small, whatever happens inside.
  const query = sql.raw(
    `WITH ? SELECT ? AS found, t.total, ${RESOURCE_COLUMNS}
     FROM t LEFT JOIN (
       (SELECT id FROM (?) ids LIMIT ${options.pageSize}) page
       JOIN resources r ON r.id = page.id
       JOIN resource_status s ON s.resource_id = page.id
     ) ON true
     ORDER BY ${orderSql(kind, order, 'r')}`,
    [total, found, page],
  );
  const rows = await run<ResourceRow>(db, 'resources', query, signal);
  if (rows[0]?.found === false) throw notFound({ kind: 'Cluster', id: ownerId! });
  return toPage(rows, 'id');
}

/**
 * One page of the reports about a resource.
 * @throws ProblemError NTF-001 when the resource does not exist
 */
export async function listReports(
  db: Database,
  target: Target,
  options: ListOptions,
): Promise<Page<AdapterStatusRow>> {
  const search = compileSearch(options.search, { kind: 'AdapterStatus', parentId: target.id });
  const matching = (columns: string) => {
    const query = sql.select(sql.raw(columns)).from('adapter_statuses as a');
    search.where(query, ['a']);
    return query;
  };
  const order = orderSql('AdapterStatus', options.order, 'a');
  const query = sql.raw(
    `SELECT EXISTS (SELECT 1 FROM resources r WHERE ${TARGET.replaceAll(/\$\d/g, '?')}) AS found,
       t.total, ${ADAPTER_STATUS_COLUMNS}
     FROM (?) t LEFT JOIN (?) a ON true
     ORDER BY ${order}`,
    [
      ...[target.id, target.kind, target.ownerId ?? null, target.ownerId ?? null],
      matching('count(*) AS total'),
      matching(ADAPTER_STATUS_COLUMNS)
        .orderByRaw(order)
        .limit(options.pageSize)
        .offset((options.page - 1) * options.pageSize),
    ],
  );
  const rows = await run<AdapterStatusRow>(db, 'adapter_statuses', query);
  if (rows[0]?.found === false) throw notFound(target);
  return toPage(rows, 'adapter');
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
  listed: Listed,
  order: readonly OrderTerm[],
  from: Alias,
  reverse = false,
): string {
  const fields = sortableFields(listed);
  return order
    .map(({ field, direction }) => {
      const descending = (direction === 'desc') !== reverse;
      return `${fields.get(field)!.sql(idColumn(from))} ${descending ? 'DESC' : 'ASC'}`;
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
function matches(search: CompiledSearch, listed: Kind, order: readonly OrderTerm[]) {
  const fields = sortableFields(listed);
  const needed = new Set<Alias>(search.label ? ['l'] : []);
  for (const alias of ['r', 's'] as const) {
    const ordered = order.some(({ field }) => fields.get(field)!.table === alias);
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

const COUNTED: Record<Counter, (plural: string) => string> = {
  all: (plural) => `sum(${plural})`,
  ready: (plural) => `sum(${plural}_ready)`,
  not_ready: (plural) => `sum(${plural} - ${plural}_ready)`,
  available: (plural) => `sum(${plural}_available)`,
  not_available: (plural) => `sum(${plural} - ${plural}_available)`,
};

/** The two parts of a list: the common table expressions up to `t (total)`, and the ids of the page. */
interface Parts {
  total: Knex.Raw;
  page: Knex.Raw | Knex.QueryBuilder;
}

/** For searches whose matches an index returns in order. */
function fromIndex(
  search: CompiledSearch,
  kind: Kind,
  order: readonly OrderTerm[],
  { page, pageSize }: ListOptions,
): Parts {
  const offset = (page - 1) * pageSize;
  const total = sql.raw('t AS MATERIALIZED (SELECT (?) AS total)', [totalQuery(search, kind)]);
  const ids = (reverse: boolean) => {
    const { query, first } = matches(search, kind, order);
    return query
      .select(sql.raw(`${idColumn(first)} AS id`))
      .orderByRaw(orderSql(kind, order, first, reverse));
  };
  if (offset < DEEP_OFFSET) return { total, page: ids(false).limit(pageSize).offset(offset) };

  // Whichever end is farther gets LIMIT 0 and is not read at all.
  const near = '?::bigint * 2 < (SELECT total FROM t)';
  const either = sql.raw(
    `(? LIMIT (SELECT CASE WHEN ${near} THEN ? ELSE 0 END) OFFSET ?)
     UNION ALL
     (? LIMIT (SELECT CASE WHEN ${near} THEN 0 ELSE greatest(0, least(?, total - ?)) END FROM t)
        OFFSET (SELECT greatest(0, total - ? - ?) FROM t))`,
    [
      ...[ids(false), offset, pageSize, offset],
      ...[ids(true), offset, pageSize, offset, offset, pageSize],
    ],
  );
  return { total, page: either };
}

function totalQuery(search: CompiledSearch, kind: Kind): Knex.Raw | Knex.QueryBuilder {
  if (search.constant === false) return sql.raw('0');
  if (search.counter !== undefined) {
    const total = COUNTED[search.counter](kind === 'Cluster' ? 'clusters' : 'node_pools');
    return sql.raw(`SELECT (${total})::bigint FROM resource_counts`);
  }
  return matches(search, kind, []).query.count();
}

/** For all other searches. */
function fromAllMatches(
  search: CompiledSearch,
  kind: Kind,
  order: readonly OrderTerm[],
  { page, pageSize }: ListOptions,
): Parts {
  const { query, first } = matches(search, kind, order);
  const fields = sortableFields(kind);
  const columns = order.map(
    ({ field }, index) => `${fields.get(field)!.sql(idColumn(first))} AS o${index}`,
  );
  const ordering = order.map(({ direction }, index) => `o${index} ${direction}`).join(', ');
  return {
    total: sql.raw('m AS MATERIALIZED (?), t AS MATERIALIZED (SELECT count(*) AS total FROM m)', [
      query.select(sql.raw([`${idColumn(first)} AS id`, ...columns].join(', '))),
    ]),
    page: sql
      .select('id')
      .from('m')
      .orderByRaw(ordering)
      .limit(pageSize)
      .offset((page - 1) * pageSize),
  };
}

/** Plans are kept per text of a statement; searches have endless texts, so only so many are named. */
const MAX_NAMES = 100;
const names = new Map<string, string>();

function nameOf(text: string): string | undefined {
  let name = names.get(text);
  if (name === undefined && names.size < MAX_NAMES) {
    name = `list_${names.size}`;
    names.set(text, name);
  }
  return name;
}

async function run<Row>(
  db: Database,
  table: string,
  query: Knex.Raw,
  signal?: AbortSignal,
): Promise<(Row & { found: boolean; total: number })[]> {
  const { sql: text, bindings } = query.toSQL().toNative();
  const name = nameOf(text);
  const statement: Statement = { name, operation: 'select', table, text, keepsLargeJson: true };
  return db.query(statement, bindings as unknown[], signal);
}

/** Without a match there is one row that only carries the total. */
function toPage<Row>(rows: (Row & { total: number })[], key: keyof Row): Page<Row> {
  return {
    total: rows[0]!.total,
    rows: rows[0]![key] === null ? [] : rows,
  };
}
