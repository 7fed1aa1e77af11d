import type { Knex } from 'knex';
import { LRUCache } from 'lru-cache';
import { compile, type Statement } from '../postgres/statement';
import type { AdapterStatusRow, ResourceRow } from '../repositories/rows';
import { type List, reportListSql, resourceListSql } from './list-sql';
import type { VersionsRow } from './versions';

/** What each row of a list says of the whole of it. */
interface Envelope {
  /** False: there is no such parent. */
  found: boolean;
  /** For `readPosition`; null on a standby. */
  position: string | null;
  total: number;
}

/** Without a match, there is one row, in which only the envelope is set. */
export type ListRow = Envelope & ResourceRow;

/** Without a match, there is one row, in which only `version` and `total` are set; null: there is no such resource. */
export type ReportRow = AdapterStatusRow & { version: number | null; total: number };

export function resourceListStatement(list: List): Statement<ListRow> {
  return statementFor('resources', 'rows', list, (of) => resourceListSql(of, 'all'));
}

export function versionListStatement(list: List): Statement<Envelope & VersionsRow> {
  return statementFor('resources', 'versions', list, (of) => resourceListSql(of, 'versions'));
}

export function reportListStatement(list: List): Statement<ReportRow> {
  return statementFor('adapter_statuses', 'rows', list, reportListSql);
}

/** Building a statement takes much longer than filling in its values; sizes are in characters. */
const unnamed = new LRUCache<string, { statement: Statement; uses: number }>({
  max: 500,
  maxEntrySize: 8000,
  sizeCalculation: ({ statement }, key) => key.length + statement.text.length,
});

/**
 * Every connection keeps the plan of a named statement for good, so the number of names is limited. Only lists that are
 * requested often get one: a client that iterates over all page sizes must not use them up.
 */
const named = new Map<string, Statement>();
const MAX_NAMES = 100;
const USES_FOR_A_NAME = 100;

function statementFor<Row>(
  table: string,
  form: 'rows' | 'versions',
  list: List,
  build: (list: List) => Knex.Raw,
): Statement<Row> {
  const key = JSON.stringify({
    table,
    form,
    ...list,
    listing: list.listing.kinds,
    search: list.search.sql,
  });
  return (named.get(key) ?? unnamedStatement(key, table, () => build(list))) as Statement<Row>;
}

function unnamedStatement(key: string, table: string, build: () => Knex.Raw): Statement {
  let entry = unnamed.get(key);
  if (entry === undefined) {
    const labels = { operation: 'select', table, keepsLargeJson: true } as const;
    entry = { statement: compile(labels, build()), uses: 0 };
    unnamed.set(key, entry);
  }
  entry.uses++;
  if (entry.uses >= USES_FOR_A_NAME && named.size < MAX_NAMES) {
    named.set(key, { ...entry.statement, name: `list_${named.size}` });
    unnamed.delete(key);
  }
  return entry.statement;
}
