import { type Position, readPosition } from '../changes/snapshot';
import type { Kind } from '../kinds/kind';
import type { Database } from '../postgres/database';
import { type Statement, statement } from '../postgres/statement';
import {
  type AdapterStatusRow,
  RESOURCE_COLUMNS,
  RESOURCE_TABLES,
  type ResourceRow,
} from '../repositories/rows';
import { notFound, type Target, targetValues } from '../repositories/targets';
import { type Listing, type OrderTerm, REPORT_LISTING, resourceListing } from '../search/fields';
import type { SearchTree } from '../search/parse';
import { planSearch } from '../search/plan';
import { type List, searchValues } from './list-sql';
import {
  type ListRow,
  reportListStatement,
  resourceListStatement,
  versionListStatement,
} from './list-statements';
import { type Version, versionsOf } from './versions';

/** All resources of some kinds, or those of one kind that have one parent. */
export interface ListScope {
  /** At least one. */
  kinds: readonly Kind[];
  /** The parent in the path; only with one kind. */
  ownerId?: string | undefined;
}

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
  /** Of resources only: that snapshot; undefined on a standby. */
  position?: Position;
}

/** What the process holds of resources that it has read before, in which version. */
export interface Held<T> {
  find(id: string, version: number): T | undefined;
}

/**
 * One page of resources, each as its row or as what is held of it. It is one snapshot, total included.
 * @param held undefined: every row is read
 * @throws ProblemError NTF-001 when the parent of the scope does not exist
 * @throws SearchError
 */
export async function listResources<T = never>(
  db: Database,
  scope: ListScope,
  options: ListOptions,
  signal: AbortSignal,
  held?: Held<T>,
): Promise<Page<ResourceRow | T>> {
  const list = planList(resourceListing(scope.kinds), scope.ownerId, options);
  const values = {
    ...parentValues(scope),
    offset: offsetOf(options),
    ...searchValues(list.search),
  };
  const send = <Row>(statement: Statement<Row>, given: object, rows: number) =>
    isShort(list) && rows <= SHORT_ROWS
      ? db.read(statement, given)
      : db.query(statement, given, signal);
  for (let attempt = 1; held !== undefined && attempt <= TRIES; attempt++) {
    const [row] = await send(versionListStatement(list), values, 1);
    const position = positionOf(row!, scope);
    const read = (ids: string[]) => send(FIND_ROWS, { ids }, ids.length);
    const rows = await complete(versionsOf(row!), held, read);
    if (rows !== undefined) return { rows, total: row!.total, position };
  }
  const rows = await send(resourceListStatement(list), values, list.pageSize);
  return { ...toPage(rows, 'id'), position: positionOf(rows[0]!, scope) };
}

function parentValues({ kinds, ownerId }: ListScope) {
  return { id: ownerId, kind: kinds[0]!.parent?.name };
}

/** @throws ProblemError NTF-001 when the parent of the scope was not found */
function positionOf(
  { found, position }: Pick<ListRow, 'found' | 'position'>,
  { kinds, ownerId }: ListScope,
): Position | undefined {
  if (!found) throw notFound({ kind: kinds[0]!.parent!, id: ownerId! });
  return position === null ? undefined : readPosition(position);
}

/** After so many pages whose resources changed while they were read, everything is read by one statement. */
const TRIES = 2;

const FIND_ROWS = statement<ResourceRow, { ids: string[] }>(
  { name: 'find_rows', operation: 'select', table: 'resources', keepsLargeJson: true },
  `SELECT ${RESOURCE_COLUMNS} FROM ${RESOURCE_TABLES} WHERE r.id = ANY (:ids::text[])`,
);

/**
 * Reads what is not held. A version never changes its meaning, so the result is what the statement that found the
 * versions would have read.
 * @returns undefined when a resource has another version by now, or is gone
 */
async function complete<T>(
  versions: readonly Version[],
  held: Held<T>,
  read: (ids: string[]) => Promise<ResourceRow[]>,
): Promise<(ResourceRow | T)[] | undefined> {
  const found = versions.map(({ id, version }) => held.find(id, version));
  const missing = versions.filter((_, index) => found[index] === undefined).map(({ id }) => id);
  if (missing.length === 0) return found as T[];
  const rows = new Map((await read(missing)).map((row) => [row.id, row]));
  const page = versions.map(({ id, version }, index) => {
    const row = rows.get(id);
    return found[index] ?? (row?.version === version ? row : undefined);
  });
  return page.includes(undefined) ? undefined : (page as (ResourceRow | T)[]);
}

/**
 * One page of the reports about a resource, with its version, which every stored report increases.
 * @throws ProblemError NTF-001 when the resource does not exist
 * @throws SearchError
 */
export async function listReports(
  db: Database,
  target: Target,
  options: ListOptions,
): Promise<Page<AdapterStatusRow> & { version: number }> {
  const list = planList(REPORT_LISTING, target.id, options);
  const statement = reportListStatement(list);
  const values = {
    ...targetValues(target),
    offset: offsetOf(options),
    ...searchValues(list.search),
  };
  const rows = await db.read(statement, values);
  const { version } = rows[0]!;
  if (version === null) throw notFound(target);
  return { ...toPage(rows, 'adapter'), version };
}

/** From here on a page is also looked for from the other end, which is nearer for the later half. */
const DEEP_OFFSET = 200;

function planList(listing: Listing, parentId: string | undefined, options: ListOptions): List {
  const order = simplestOrder(options.order, listing);
  const offset = offsetOf(options);
  return {
    listing,
    ofParent: parentId !== undefined,
    order,
    pageSize: options.pageSize,
    offset: offset < DEEP_OFFSET ? offset : undefined,
    search: planSearch(options.search, { listing, parentId, order }),
  };
}

function offsetOf({ page, pageSize }: ListOptions): number {
  return (page - 1) * pageSize;
}

/**
 * The same order, as indexes have it. In a list of one kind, the paths differ in nothing but the id. The id begins with
 * the time of creation, so ordering by that time and then by id is ordering by id.
 */
function simplestOrder(terms: readonly OrderTerm[], { kinds }: Listing): readonly OrderTerm[] {
  const order =
    kinds.length > 1
      ? terms
      : terms
          .filter(({ field }) => field !== 'kind')
          .map((term) => (term.field === 'href' ? { ...term, field: 'id' } : term));
  const [first, second] = order;
  const byCreation =
    first?.field === 'created_time' &&
    second?.field === 'id' &&
    first.direction === second.direction;
  return byCreation ? order.slice(1) : order;
}

/** Up to so many full rows may be read on the connections that short reads share. */
const SHORT_ROWS = 50;

/** Whether finding the page takes no longer than a read by key or two, however large the fleet is. */
function isShort({ search, offset }: List): boolean {
  const few = search.unique || search.constant !== undefined || search.counter !== undefined;
  return few && offset !== undefined;
}

/** Without a match there is one row that carries only the total. */
function toPage<Row extends { total: number }>(rows: Row[], key: keyof Row): Page<Row> {
  return {
    total: rows[0]!.total,
    rows: rows[0]![key] === null ? [] : rows,
  };
}
