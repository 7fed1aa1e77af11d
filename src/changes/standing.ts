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

/** A list, with its search, that resources stand in some relation to. */
export interface WatchedList {
  /** The same for lists that show the same. */
  readonly key: string;
  readonly kinds: readonly string[];
  readonly ownerId: string | undefined;
  /** SQL for its `Standing` of a row. */
  readonly standing: Sql;
}

/**
 * How a resource that may have changed stands to a list: `i`, it is in it; `o`, it is out of it, and may have been in;
 * `-`, it never was in, as far as this change goes.
 */
export type Standing = 'i' | 'o' | '-';

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
  const standing = {
    sql: `CASE WHEN NOT (${isInScope.map((part) => part.sql).join(' AND ')}) THEN '-'
      WHEN ${written.sql} THEN CASE WHEN ${reported.sql} THEN 'i' ELSE 'o' END
      WHEN w.written THEN 'o' ELSE '-' END`,
    bindings: [
      ...isInScope.flatMap(({ bindings }) => bindings),
      ...written.bindings,
      ...reported.bindings,
    ],
  };
  return { key: JSON.stringify([kinds, ownerId, standing]), kinds, ownerId, standing };
}

function isWritten(predicate: Predicate): boolean {
  return !tablesOf(predicate).has('s');
}

/** A resource, and how it stands to some lists: a `Standing` for each, in their order. */
export interface Standings {
  row: ResourceRow;
  standings: string;
}

type StandingsRow = ResourceRow & { standings: string };

/** @param since null: whatever does not match counts as changed */
interface Asked {
  ids: readonly string[];
  since: string | null;
}

/** As many arguments as a function of PostgreSQL can have. */
const LISTS_AT_ONCE = 100;
/** So that a statement with long searches is planned soon, and has no more parameters than PostgreSQL allows. */
const BINDINGS_AT_ONCE = 2000;

/** Reads resources with their standings in certain lists, prepared for being read often. */
export class StandingsReader {
  private readonly statements: Statement<StandingsRow, Asked>[] = [];

  constructor(lists: readonly WatchedList[]) {
    for (const [index, part] of parts(lists).entries()) {
      this.statements.push(findStandings(part, index === 0 ? RESOURCE_COLUMNS : 'r.id'));
    }
  }

  /**
   * One snapshot, whatever the number of lists. A resource that is gone is left out.
   * @param since the snapshot that the changes follow; undefined: whatever does not match was in the list before
   */
  async read(db: Database, ids: readonly string[], since?: string): Promise<Standings[]> {
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
    const [rows, ...others] = found as [StandingsRow[], ...StandingsRow[][]];
    const further = others.map((part) => new Map(part.map((row) => [row.id, row.standings])));
    return rows.map((row) => ({
      row,
      standings: row.standings + further.map((part) => part.get(row.id)!).join(''),
    }));
  }
}

/** Lists in their order, as many together as one statement can have. */
function parts(lists: readonly WatchedList[]): WatchedList[][] {
  const result: WatchedList[][] = [];
  let bindings = 0;
  for (const list of lists) {
    bindings += list.standing.bindings.length;
    const last = result.at(-1);
    if (last !== undefined && last.length < LISTS_AT_ONCE && bindings <= BINDINGS_AT_ONCE) {
      last.push(list);
    } else {
      result.push([list]);
      bindings = list.standing.bindings.length;
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

function findStandings(
  lists: readonly WatchedList[],
  columns: string,
): Statement<StandingsRow, Asked> {
  const standings = lists.map(({ standing }) => standing.sql).join(', ');
  const query = sql.raw(
    `SELECT ${columns}, concat(${standings}) AS standings
     FROM ${RESOURCE_TABLES}, LATERAL (SELECT
       (?::pg_snapshot IS NULL OR NOT pg_visible_in_snapshot(r.changed_xid, ?::pg_snapshot)) AS written) w
     WHERE r.id = ANY (?::text[])`,
    [...lists.flatMap(({ standing }) => standing.bindings), SINCE, SINCE, IDS] as Knex.RawBinding[],
  );
  return compile({ operation: 'select', table: 'resources', keepsLargeJson: true }, query);
}
