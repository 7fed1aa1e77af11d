import { statement } from '../../src/postgres/statement';
import { Process, SOME_REQUIRED } from '../../test/support/lifecycle-races';
import { inspect, type StoredRow } from '../../test/support/lifecycle-service';
import type { Claim, Counter, WriteLoad } from './write-load';

const READ_NUMBERS = statement<{ resource_id: string; adapter: string; number: number }>(
  { operation: 'select', table: 'adapter_statuses' },
  "SELECT resource_id, adapter, (data->>'number')::int AS number FROM adapter_statuses",
);

/** Compares what is stored with the responses to the clients. @returns a description of each difference */
export async function verify(databaseUrl: string, load: WriteLoad): Promise<string[]> {
  const { db } = new Process(databaseUrl);
  try {
    const { rows, violations } = await inspect(db, SOME_REQUIRED);
    const wrong = [...load.unexpected, ...violations];
    const numbers = await db.query(READ_NUMBERS, {});
    const stored = new Map(rows.map((row) => [row.id, row]));
    const numberOf = new Map(
      numbers.map(({ resource_id, adapter, number }) => [`${resource_id} ${adapter}`, number]),
    );
    for (const claim of load.claims) wrong.push(...broken(claim, stored.get(claim.id), numberOf));
    return wrong;
  } finally {
    await db.close();
  }
}

function broken(
  claim: Claim,
  row: StoredRow | undefined,
  numberOf: ReadonlyMap<string, number>,
): string[] {
  const who = `${claim.name} (${claim.id})`;
  if (row === undefined) return claim.gone === 'no' ? [`lost: ${who}`] : [];
  const wrong: string[] = [];
  if (claim.gone === 'yes') wrong.push(`removed, but still stored: ${who}`);
  if (claim.deleted === 'yes' && row.deleted_time === null) wrong.push(`deletion lost: ${who}`);
  if (claim.deleted === 'no' && row.deleted_time !== null)
    wrong.push(`deleted without a request: ${who}`);
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
