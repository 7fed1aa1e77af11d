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
 * One page of resources and the exact number of matches, by one statement.
 *
 * The page is first found as ids, in the narrowest table that can decide (an index alone, as a rule), and
 * only those rows are then read in full. Totals the counters know are not counted at all.
 * @throws ProblemError NTF-001 when the cluster of the scope does not exist
 */
export async function listResources(
  db: Database,
  scope: ListScope,
  options: ListOptions,
  signal: AbortSignal,
): Promise<Page<ResourceRow>> {
  const search = compileSearch(options.search, { kind: scope.kind, parentId: scope.ownerId });
  const offset = (options.page - 1) * options.pageSize;
  const order = simplestOrder(options.order);
  const found =
    scope.ownerId === undefined
      ? sql.raw('true')
      : sql.raw("EXISTS (SELECT 1 FROM resources WHERE id = ? AND kind = 'Cluster')", [
          scope.ownerId,
        ]);
  const query = sql.raw(
    `WITH t AS MATERIALIZED (SELECT (?) AS total)
     SELECT ? AS found, t.total, ${RESOURCE_COLUMNS}
     FROM t LEFT JOIN (
       (?) page
       JOIN resources r ON r.id = page.id
       JOIN resource_status s ON s.resource_id = page.id
     ) ON true
     ORDER BY ${orderSql(scope.kind, order, 'r')}`,
    [totalQuery(search, scope.kind), found, pageQuery(search, scope.kind, order, options, offset)],
  );
  const rows = await run<ResourceRow>(db, 'resources', query, signal);
  if (rows[0]?.found === false) throw notFound({ kind: 'Cluster', id: scope.ownerId! });
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

function totalQuery(search: CompiledSearch, kind: Kind): Knex.Raw | Knex.QueryBuilder {
  if (search.constant === false) return sql.raw('0');
  if (search.counter !== undefined) {
    const total = COUNTED[search.counter](kind === 'Cluster' ? 'clusters' : 'node_pools');
    return sql.raw(`SELECT (${total})::bigint FROM resource_counts`);
  }
  return matches(search, kind, []).query.count();
}

/** The ids of one page. */
function pageQuery(
  search: CompiledSearch,
  kind: Kind,
  order: readonly OrderTerm[],
  { pageSize }: ListOptions,
  offset: number,
): Knex.Raw | Knex.QueryBuilder {
  if (search.constant === false) return sql.raw('SELECT NULL::text AS id WHERE false');
  const ids = (reverse: boolean) => {
    const { query, first } = matches(search, kind, order);
    return query
      .select(sql.raw(`${idColumn(first)} AS id`))
      .orderByRaw(orderSql(kind, order, first, reverse));
  };
  if (offset < DEEP_OFFSET) return ids(false).limit(pageSize).offset(offset);

  // Whichever end is farther gets LIMIT 0 and is not read at all.
  const near = '? * 2 < (SELECT total FROM t)';
  return sql.raw(
    `(? LIMIT (SELECT CASE WHEN ${near} THEN ? ELSE 0 END) OFFSET ?)
     UNION ALL
     (? LIMIT (SELECT CASE WHEN ${near} THEN 0 ELSE greatest(0, least(?, total - ?)) END FROM t)
        OFFSET (SELECT greatest(0, total - ? - ?) FROM t))`,
    [
      ...[ids(false), offset, pageSize, offset],
      ...[ids(true), offset, pageSize, offset, offset, pageSize],
    ],
  );
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
  const statement: Statement = { name: nameOf(text), operation: 'select', table, text };
  return db.query(statement, bindings as unknown[], signal);
}

/** Without a match there is one row that only carries the total. */
function toPage<Row>(
  rows: (Row & { total: number })[],
  key: keyof Row,
): Page<Row> {
  return {
    total: rows[0]!.total,
    rows: rows[0]![key] === null ? [] : rows,
  };
}
