import type { Knex } from 'knex';
import { REPORT_LISTING, resourceListing } from '../search/fields';
import type { OrderTerm } from '../search/order';
import type { SearchTree } from '../search/parse';
import { render, Slot, withSlots } from '../search/predicate';
import { compileSearch, resolveSearch } from '../search/where';
import type { Database } from '../postgres/database';
import type { Statement } from '../postgres/statement';
import { FIRST_SEARCH_SLOT, PARENT, reportListSql, resourceListSql } from './list-sql';
import { notFound, type Scope, type Target } from './targets';
import type { AdapterStatusRow, ResourceRow } from './rows';

export interface ListOptions {
  /** From 1. */
  page: number;
  pageSize: number;
  /** Ends with the field that makes the order total. */
  order: readonly OrderTerm[];
  search: SearchTree | undefined;
}

export interface Page<Row> {
  rows: Row[];
  /** All matches, exact, from the same snapshot as the rows. */
  total: number;
}

/** From here on a page is also looked for from the other end, which is nearer for the later half. */
const DEEP_OFFSET = 200;

/** Up to so many rows a page may be read on the connections that short reads share. */
const SHORT_PAGE = 50;

/**
 * One page of resources.
 * @throws ProblemError NTF-001 when the parent of the scope does not exist
 */
export async function listResources(
  db: Database,
  scope: Scope,
  options: ListOptions,
  signal: AbortSignal,
): Promise<Page<ResourceRow>> {
  const { kind, ownerId } = scope;
  const listing = resourceListing(kind);
  const { order, pageSize } = options;
  const form = {
    listing,
    parent: ownerId === undefined ? undefined : kind.parent!.name,
    order,
    pageSize,
    offset: fewBefore(options),
  };
  const searched = resolveSearch(options.search, listing);
  const { sql: searchForm, bindings } = render(searched, 'r');
  const list = compiledList('resources', { ...form, listing: kind.name, searchForm }, () => {
    const parentId = form.parent === undefined ? undefined : PARENT;
    const search = compileSearch(withSlots(searched, FIRST_SEARCH_SLOT), { listing, parentId });
    const few = search.unique || search.constant !== undefined;
    return {
      query: resourceListSql(form, search),
      short: few && form.offset !== undefined && pageSize <= SHORT_PAGE,
    };
  });
  const values = [ownerId, offsetOf(options), kind.name, null, ...bindings];
  const rows = await run<ResourceRow>(db, list, values, signal);
  if (rows[0]?.found === false) throw notFound({ kind: kind.parent!, id: ownerId! });
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
  const { order, pageSize } = options;
  const form = { order, pageSize, offset: fewBefore(options) };
  const searched = resolveSearch(options.search, REPORT_LISTING);
  const { sql: searchForm, bindings } = render(searched, 'a');
  const list = compiledList('adapter_statuses', { ...form, searchForm }, () => {
    const scope = { listing: REPORT_LISTING, parentId: PARENT };
    const search = compileSearch(withSlots(searched, FIRST_SEARCH_SLOT), scope);
    return { query: reportListSql(form, search), short: true };
  });
  const { id, kind, ownerId = null } = target;
  const values = [id, offsetOf(options), kind.name, ownerId, ...bindings];
  const rows = await run<AdapterStatusRow>(db, list, values);
  if (rows[0]?.found === false) throw notFound(target);
  return toPage(rows, 'adapter');
}

function offsetOf({ page, pageSize }: ListOptions): number {
  return (page - 1) * pageSize;
}

function fewBefore(options: ListOptions): number | undefined {
  const offset = offsetOf(options);
  return offset < DEEP_OFFSET ? offset : undefined;
}

interface CompiledList {
  statement: Statement;
  /** Slots, and what is the same in every list of the form. */
  bindings: readonly unknown[];
  /** Takes no longer than a read by key or two. */
  short: boolean;
}

/** Few forms of lists are asked for, again and again; strange ones neither fill the memory nor push those out. */
const MAX_FORMS = 500;
const MAX_FORM_LENGTH = 2000;
/** Each connection keeps the plans of named statements for good. */
const MAX_NAMES = 100;
const forms = new Map<string, CompiledList>();

/**
 * Building and compiling the SQL of a list takes ten times as long as filling in its values.
 * @param form everything that the SQL depends on
 */
function compiledList(
  table: string,
  form: object,
  build: () => { query: Knex.Raw; short: boolean },
): CompiledList {
  const key = `${table} ${JSON.stringify(form)}`;
  const known = forms.get(key);
  if (known !== undefined) return known;
  const { query, short } = build();
  const { sql: text, bindings } = query.toSQL().toNative();
  const kept = forms.size < MAX_FORMS && key.length <= MAX_FORM_LENGTH;
  const name = kept && forms.size < MAX_NAMES ? `list_${forms.size}` : undefined;
  const list: CompiledList = {
    statement: { name, operation: 'select', table, text, bindings: [], keepsLargeJson: true },
    bindings,
    short,
  };
  if (kept) forms.set(key, list);
  return list;
}

async function run<Row>(
  db: Database,
  { statement, bindings, short }: CompiledList,
  values: readonly unknown[],
  signal?: AbortSignal,
): Promise<(Row & { found: boolean; total: number })[]> {
  const filled = bindings.map((it) => (it instanceof Slot ? values[it.index] : it));
  const query = { ...statement, bindings: filled } as Statement<
    Row & { found: boolean; total: number }
  >;
  return short ? db.read(query, {}) : db.query(query, {}, signal);
}

/** Without a match there is one row that only carries the total. */
function toPage<Row>(rows: (Row & { total: number })[], key: keyof Row): Page<Row> {
  return {
    total: rows[0]!.total,
    rows: rows[0]![key] === null ? [] : rows,
  };
}
