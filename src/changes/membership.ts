import type { Knex } from 'knex';
import type { Database } from '../postgres/database';
import { compile, Slot, sql, type Statement, statement } from '../postgres/statement';
import { RESOURCE_COLUMNS, RESOURCE_TABLES, type ResourceRow } from '../repositories/rows';
import type { Kind } from '../kinds/kind';
import { resourceListing } from '../search/fields';
import type { SearchTree } from '../search/parse';
import {
  all,
  isOfKinds,
  type Predicate,
  render,
  type Sql,
  tablesOf,
  TRUE,
} from '../search/predicate';
import { resolveSearch } from '../search/resolve';

/** A list, with its search, that resources are in or not. */
export interface WatchedList {
  /** The same for lists that show the same. */
  readonly key: string;
  readonly kinds: readonly string[];
  readonly ownerId: string | undefined;
  /** SQL for its `Membership` of a row. */
  readonly membership: Sql;
}

/**
 * Whether a resource that may have changed is in a list: `i`, it is in it; `o`, it is out of it, and may have been in;
 * `-`, it never was in, as far as this change goes.
 */
export type Membership = 'i' | 'o' | '-';

/** @throws SearchError when the search does not fit the fields of the list */
export function watchedList(
  scope: { kinds: readonly Kind[]; ownerId?: string | undefined },
  tree: SearchTree | undefined,
): WatchedList {
  const { ownerId } = scope;
  const listing = resourceListing(scope.kinds);
  const { kinds } = listing;
  const search = tree === undefined ? TRUE : resolveSearch(tree, listing);
  const isOfKind = isOfKinds(kinds);
  const isInScope: Sql[] = [{ sql: isOfKind.sql('r.kind'), bindings: isOfKind.bindings }];
  if (ownerId !== undefined) isInScope.push({ sql: 'r.owner_id = ?', bindings: [ownerId] });
  const conjuncts = search.type === 'and' ? search.operands : [search];
  const [written, reported] = [true, false].map((wanted) =>
    render(all(conjuncts.filter((conjunct) => isWritten(conjunct) === wanted)), 'r.id', 'in row'),
  ) as [Sql, Sql];
  // Reports do not change what users write: a resource in which that does not match was not in the list before.
  const membership = {
    sql: `CASE WHEN NOT (${isInScope.map((part) => part.sql).join(' AND ')}) THEN '-'
      WHEN ${written.sql} THEN CASE WHEN ${reported.sql} THEN 'i' ELSE 'o' END
      WHEN w.written THEN 'o' ELSE '-' END`,
    bindings: [
      ...isInScope.flatMap(({ bindings }) => bindings),
      ...written.bindings,
      ...reported.bindings,
    ],
  };
  return { key: JSON.stringify([kinds, ownerId, membership]), kinds, ownerId, membership };
}

function isWritten(predicate: Predicate): boolean {
  return !tablesOf(predicate).has('s');
}

/** A resource, and whether it is in some lists: a `Membership` for each, in their order. */
export interface Memberships {
  row: ResourceRow;
  memberships: string;
}

type MembershipsRow = ResourceRow & { memberships: string };

/** @param since null: whatever does not match counts as changed */
interface Asked {
  ids: readonly string[];
  since: string | null;
}

/** As many arguments as a function of PostgreSQL can have. */
const LISTS_AT_ONCE = 100;
/** So that a statement with long searches is planned soon, and has no more parameters than PostgreSQL allows. */
const BINDINGS_AT_ONCE = 2000;

/** Reads resources with their memberships in certain lists, prepared for being read often. */
export class MembershipReader {
  private readonly statements: Statement<MembershipsRow, Asked>[] = [];

  constructor(lists: readonly WatchedList[]) {
    for (const [index, part] of parts(lists).entries()) {
      this.statements.push(findMemberships(part, index === 0 ? RESOURCE_COLUMNS : 'r.id'));
    }
  }

  /**
   * One snapshot, whatever the number of lists. A resource that is gone is left out.
   * @param since the snapshot that the changes follow; undefined: whatever does not match was in the list before
   */
  async read(db: Database, ids: readonly string[], since?: string): Promise<Memberships[]> {
    const asked = { ids, since: since ?? null };
    const [only, ...more] = this.statements;
    const found =
      more.length === 0
        ? [await db.query(only!, asked)]
        : await db.transaction(async (trx) => {
            const [, ...results] = await Promise.all([
              trx.query(ONE_SNAPSHOT, {}),
              ...this.statements.map((find) => trx.query(find, asked)),
            ]);
            return results;
          });
    const [rows, ...others] = found as [MembershipsRow[], ...MembershipsRow[][]];
    const further = others.map((part) => new Map(part.map((row) => [row.id, row.memberships])));
    return rows.map((row) => ({
      row,
      memberships: row.memberships + further.map((part) => part.get(row.id)!).join(''),
    }));
  }
}

/** Lists in their order, as many together as one statement can have. */
function parts(lists: readonly WatchedList[]): WatchedList[][] {
  const result: WatchedList[][] = [];
  let bindings = 0;
  for (const list of lists) {
    bindings += list.membership.bindings.length;
    const last = result.at(-1);
    if (last !== undefined && last.length < LISTS_AT_ONCE && bindings <= BINDINGS_AT_ONCE) {
      last.push(list);
    } else {
      result.push([list]);
      bindings = list.membership.bindings.length;
    }
  }
  return result;
}

const ONE_SNAPSHOT = statement<never>(
  { operation: 'transaction', table: '' },
  'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
);

const IDS = new Slot('ids');
const SINCE = new Slot('since');

function findMemberships(
  lists: readonly WatchedList[],
  columns: string,
): Statement<MembershipsRow, Asked> {
  const memberships = lists.map(({ membership }) => membership.sql).join(', ');
  const query = sql.raw(
    `SELECT ${columns}, concat(${memberships}) AS memberships
     FROM ${RESOURCE_TABLES}, LATERAL (SELECT
       (?::pg_snapshot IS NULL OR NOT pg_visible_in_snapshot(r.changed_xid, ?::pg_snapshot)) AS written) w
     WHERE r.id = ANY (?::text[])`,
    [
      ...lists.flatMap(({ membership }) => membership.bindings),
      SINCE,
      SINCE,
      IDS,
    ] as Knex.RawBinding[],
  );
  return compile({ operation: 'select', table: 'resources', keepsLargeJson: true }, query);
}
