import type pg from 'pg';
import { loadConfig } from '../src/config/config';
import { Database } from '../src/postgres/database';
import { fill, type Statement } from '../src/postgres/statement';
import { connectionOptions } from '../src/postgres/connection-options';
import { listResources } from '../src/lists/lists';
import { resourceListing } from '../src/search/fields';
import { parseOrder } from '../src/search/order';
import { parseSearch } from '../src/search/parse';
import { withClient } from '../test/support/database';
import { CLUSTER } from '../test/support/kinds';
import { CASES, type Case } from './explain-cases';
import { createFleet, type Fleet, settle } from './fleet';
import { publish, say } from './output';
import type { Postgres } from './postgres';
import { run } from './run';
import { startService } from './servers';
import { figure, markdownTable } from './table';

/** For every index that lists use, prints the plan of the statement that the service sends, with and without it. */
const CLUSTERS = Number(process.argv[2] ?? 100_000);
const MAX_LINE = 150;

interface Query {
  text: string;
  values: readonly unknown[];
}

/** A database that remembers what it was asked. */
class Recorder extends Database {
  last: Query | undefined;

  override read<Row, Values extends object>(statement: Statement<Row, Values>, values: Values) {
    this.last = { text: statement.text, values: fill(statement, values) };
    return super.read(statement, values);
  }

  override query<Row, Values extends object>(
    statement: Statement<Row, Values>,
    values: Values,
    signal?: AbortSignal,
  ) {
    this.last = { text: statement.text, values: fill(statement, values) };
    return super.query(statement, values, signal);
  }
}

interface Plan {
  lines: string[];
  ms: number;
  /** Pages of 8 KB looked at. */
  pages: number;
}

async function explainAll(postgres: Postgres): Promise<void> {
  const databaseUrl = await postgres.createDatabase();
  const service = await startService({ databaseUrl, migrate: true });
  say(`Creating ${CLUSTERS} clusters …`);
  const fleet = await createFleet(service.port, CLUSTERS);
  await service.stop();
  await settle(databaseUrl);

  const db = new Recorder(connectionOptions(loadConfig({ DATABASE_URL: databaseUrl })), {
    poolMax: 1,
    poolTimeoutMs: 5000,
    statementTimeoutMs: 60_000,
    preparedStatements: true,
  });
  const sections: string[] = [];
  const summary: string[][] = [];
  await withClient(databaseUrl, async (client) => {
    for (const entry of CASES) {
      const { total, query } = await ask(db, fleet, entry);
      const before = await explain(client, entry.naive?.(fleet) ?? query, entry.drop);
      const after = await explain(client, query, []);
      summary.push([
        entry.title,
        total.toLocaleString('en-US'),
        figure(before.ms),
        figure(after.ms),
        before.pages.toLocaleString('en-US'),
        after.pages.toLocaleString('en-US'),
      ]);
      sections.push(section(entry, before, after));
    }
  });
  await db.close();
  const header = ['list', 'matches', 'ms before', 'ms after', 'pages before', 'pages after'];
  const text = [
    `${postgres.description}, ${CLUSTERS.toLocaleString('en-US')} clusters.`,
    markdownTable(header, summary),
    ...sections,
  ].join('\n\n');
  publish('plans', { text, json: summary });
}

async function ask(db: Recorder, fleet: Fleet, entry: Case) {
  const { search, page = 1, pageSize = 20, scope = { kinds: [CLUSTER] } } = entry.list(fleet);
  const { total } = await listResources(
    db,
    scope,
    {
      page,
      pageSize,
      order: parseOrder(undefined, undefined, resourceListing(scope.kinds)),
      search: search === undefined ? undefined : parseSearch(search),
    },
    new AbortController().signal,
  );
  return { total, query: db.last! };
}

/** The plan without the named indexes, which are back afterwards; the second run, when all is in memory. */
async function explain(
  client: pg.Client,
  { text, values }: Query,
  drop: readonly string[],
): Promise<Plan> {
  await client.query('BEGIN');
  try {
    for (const sql of drop) await client.query(sql);
    const run = () =>
      client.query<{ 'QUERY PLAN': string }>({
        text: `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) ${text}`,
        values: values as unknown[],
      });
    await run();
    const { rows } = await run();
    const lines = rows.map((row) => row['QUERY PLAN']);
    const buffers = /shared hit=(\d+)(?: read=(\d+))?/.exec(lines.join('\n'));
    return {
      lines: shorten(lines),
      ms: Number(/Execution Time: ([\d.]+)/.exec(lines.join('\n'))?.[1]),
      pages: Number(buffers?.[1] ?? 0) + Number(buffers?.[2] ?? 0),
    };
  } finally {
    await client.query('ROLLBACK');
  }
}

const CONDITION = /^ *(Index Cond|Recheck Cond|Filter|Rows Removed by Filter): /;
const READS_TABLE = / Scan .*on (?!m\b|t\b|ids\b)|Bitmap Index Scan/;
const MANY_ROWS = 1000;

/**
 * What a reader needs: every look at a table, in the order of the plan, and whatever else handles many rows.
 * How the few rows of a page are joined is the same everywhere.
 */
function shorten(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let keeping = false;
  for (const line of lines) {
    const text = line.trim().replace(/^-> +/, '');
    if (CONDITION.test(line)) {
      if (keeping) kept.push(`  ${cut(text)}`);
      continue;
    }
    const rows = Number(/ rows=([\d.]+)/.exec(text)?.[1] ?? 0);
    const read = READS_TABLE.test(text);
    if (!read && !text.includes('(actual')) continue;
    keeping =
      (read || (rows >= MANY_ROWS && !text.startsWith('CTE Scan'))) &&
      !text.includes('never executed');
    if (keeping) kept.push(cut(text.replace(/actual .*?(?=\))/, tell)));
  }
  return kept;
}

function tell(actual: string): string {
  const [, ms, rows, loops] = /(?:\.\.([\d.]+) )?rows=([\d.]+) loops=(\d+)/.exec(actual)!;
  return `${Number(rows)} rows, ${ms} ms${loops === '1' ? '' : `, ${loops} times`}`;
}

function cut(text: string): string {
  return text.length > MAX_LINE ? `${text.slice(0, MAX_LINE - 1)}…` : text;
}

function section({ title, why, drop, naive }: Case, before: Plan, after: Plan): string {
  const without = naive
    ? 'For comparison, asked in another way:'
    : `Before, after \`${drop.join('; ')}\`:`;
  const block = ({ lines, ms, pages }: Plan) =>
    ['```text', ...lines, `${pages} pages, ${figure(ms)} ms`, '```'].join('\n');
  return [`### ${title}`, why, without, block(before), 'After:', block(after)].join('\n\n');
}

run(explainAll);
