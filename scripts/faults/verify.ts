import { isDeepStrictEqual } from 'node:util';
import { loadConfig } from '../../src/config/config';
import { aggregateRow } from '../../src/repositories/aggregation';
import { Database } from '../../src/postgres/database';
import { statement } from '../../src/postgres/statement';
import { connectionOptions } from '../../src/postgres/connection-options';
import { DECIDING_COLUMNS, type ResourceWithReports } from '../../src/repositories/resources';
import { RESOURCE_TABLES } from '../../src/repositories/rows';
import { createKinds } from '../../src/kinds/kind';
import { CLUSTER, NODE_POOL } from '../../src/kinds/built-in';
import { type Claim, type Counter, REQUIRED, type WriteLoad } from './write-load';

type Stored = ResourceWithReports & { ready: boolean; available: boolean };

const select = <Row>(text: string) => statement<Row>({ operation: 'select', table: '' }, text);

const READ_ALL = select<Stored>(
  `SELECT ${DECIDING_COLUMNS}, s.ready, s.available FROM ${RESOURCE_TABLES}`,
);

const READ_NUMBERS = select<{ resource_id: string; adapter: string; number: number }>(
  "SELECT resource_id, adapter, (data->>'number')::int AS number FROM adapter_statuses",
);

const KINDS = createKinds([
  { ...CLUSTER, requiredAdapters: REQUIRED.Cluster },
  { ...NODE_POOL, requiredAdapters: REQUIRED.NodePool },
]);

/** Each returns what is half there; all tables of one change are written together, or none. */
const HALVES: Record<string, string> = {
  'resource without a status': `
    SELECT id FROM resources r WHERE NOT EXISTS (SELECT 1 FROM resource_status WHERE resource_id = r.id)`,
  'labels that differ from their index': `
    SELECT r.id FROM resources r WHERE r.labels <> coalesce(
      (SELECT jsonb_object_agg(key, value) FROM resource_labels l WHERE l.resource_id = r.id), '{}')`,
  'node pool alive in a cluster that is marked': `
    SELECT p.id FROM resources p JOIN resources c ON c.id = p.owner_id
    WHERE c.deleted_time IS NOT NULL AND p.deleted_time IS NULL`,
  'wrong counter': `
    SELECT kind AS id FROM (
      SELECT kind, sum(total) AS total, sum(ready) AS ready, sum(available) AS available
      FROM resource_counts GROUP BY kind) counted
    WHERE (total, ready, available) <> (
      SELECT count(*), count(*) FILTER (WHERE s.ready), count(*) FILTER (WHERE s.available)
      FROM resource_status s WHERE s.kind = counted.kind)`,
};

/** Holds what is stored against what the clients were told. @returns what does not fit, in words */
export async function verify(databaseUrl: string, load: WriteLoad): Promise<string[]> {
  const config = loadConfig({ DATABASE_URL: databaseUrl });
  const db = new Database(connectionOptions(config), {
    ...{ poolMax: 2, poolTimeoutMs: 10_000, statementTimeoutMs: 60_000, preparedStatements: false },
  });
  try {
    const wrong = [...load.unexpected];
    for (const [what, text] of Object.entries(HALVES)) {
      const rows = await db.query(select<{ id: string }>(text), {});
      wrong.push(...rows.map(({ id }) => `${what}: ${id}`));
    }
    const rows = await db.query(READ_ALL, {});
    const numbers = await db.query(READ_NUMBERS, {});
    const stored = new Map(rows.map((row) => [row.id, row]));
    const numberOf = new Map(
      numbers.map(({ resource_id, adapter, number }) => [`${resource_id} ${adapter}`, number]),
    );
    for (const row of rows) wrong.push(...unsettled(row));
    for (const claim of load.claims) wrong.push(...broken(claim, stored.get(claim.id), numberOf));
    return wrong;
  } finally {
    await db.close();
  }
}

/** The stored conditions are those that the stored reports lead to. */
function unsettled(row: Stored): string[] {
  const { conditions, phase, observed_generation } = aggregateRow(row, KINDS);
  const is = (type: string) => conditions.some((it) => it.type === type && it.status === 'True');
  const expected = [conditions, phase, observed_generation, is('Ready'), is('Available')];
  const found = [row.conditions, row.phase, row.observed_generation, row.ready, row.available];
  return isDeepStrictEqual(found, expected) ? [] : [`conditions do not fit the reports: ${row.id}`];
}

function broken(
  claim: Claim,
  row: Stored | undefined,
  numberOf: ReadonlyMap<string, number>,
): string[] {
  const who = `${claim.name} (${claim.id})`;
  if (row === undefined) return claim.gone === 'no' ? [`lost: ${who}`] : [];
  const wrong: string[] = [];
  if (claim.gone === 'yes') wrong.push(`removed, and still there: ${who}`);
  if (claim.deleted === 'yes' && row.deleted_time === null) wrong.push(`mark lost: ${who}`);
  if (claim.deleted === 'no' && row.deleted_time !== null) wrong.push(`marked by nobody: ${who}`);
  if (!within(Number(row.spec.n), claim.patches)) wrong.push(`patch lost: ${who}`);
  const marked = row.deleted_time === null ? 0 : 1;
  const { known, sent } = claim.patches;
  if (row.generation < 1 + known + marked || row.generation > 1 + sent + marked) {
    wrong.push(`generation ${row.generation} of ${who} after ${known} of ${sent} patches`);
  }
  for (const [adapter, counter] of claim.reports) {
    if (!within(numberOf.get(`${claim.id} ${adapter}`) ?? 0, counter)) {
      wrong.push(`report of ${adapter} lost: ${who}`);
    }
  }
  return wrong;
}

function within(number: number, { acknowledged, sent }: Counter): boolean {
  return number >= acknowledged && number <= sent;
}
