/** Where a reader stands in the history of a database. */
export interface Position {
  /** Of the server start, the timeline and the database. No two histories that part from each other share it. */
  identity: string;
  /** What was visible, as PostgreSQL writes it: `xmin:xmax:xip,…`. */
  snapshot: string;
}

/**
 * SQL: the position of the statement as text, for `readPosition`; NULL on a standby, whose snapshots do not show which
 * transactions are in progress.
 */
export const POSITION = `CASE WHEN NOT pg_is_in_recovery() THEN
  to_hex((extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint)
  || '.' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
  || '.' || (SELECT oid FROM pg_database WHERE datname = current_database())
  || ' ' || pg_current_snapshot() END`;

export function readPosition(text: string): Position {
  const [identity, snapshot] = text.split(' ') as [string, string];
  return { identity, snapshot };
}

/** The transactions below it have all ended. */
export function xminOf(snapshot: string): bigint {
  return BigInt(snapshot.split(':')[0]!);
}

/** The transactions from it on are yet to begin. */
export function xmaxOf(snapshot: string): bigint {
  return BigInt(snapshot.split(':')[1]!);
}

/** The contract promises this to clients that store cursors. */
const MAX_LENGTH = 512;

/**
 * Writes a position as a cursor: xmin, the transactions in progress and xmax, each as the difference to the one before.
 * What does not fit is left out, so the last that does becomes xmax. What was changed by it or later may then be sent
 * twice, but is never missed.
 */
export function toCursor({ identity, snapshot }: Position): string {
  const [xmin, xmax, xip] = snapshot.split(':') as [string, string, string];
  let cursor = identity;
  let last = 0n;
  for (const xid of [xmin, ...(xip === '' ? [] : xip.split(',')), xmax].map(BigInt)) {
    const next = `${cursor}~${(xid - last).toString(16)}`;
    if (next.length > MAX_LENGTH) break;
    cursor = next;
    last = xid;
  }
  return cursor;
}

const CURSOR = /^[0-9a-f]+\.[0-9A-F]{8}\.[0-9]+(~[0-9a-f]{1,16}){2,}$/;
const MAX_XID = 2n ** 63n;

/** @returns undefined for text that `toCursor` has not written */
export function readCursor(text: string): Position | undefined {
  if (!CURSOR.test(text)) return undefined;
  const [identity, ...differences] = text.split('~') as [string, ...string[]];
  let last = 0n;
  const xids = differences.map((digits) => (last += BigInt(`0x${digits}`)));
  // The oldest transaction in progress is xmin itself.
  const ascends = xids.every((xid, index) => index < 2 || xid > xids[index - 1]!);
  const xmin = xids[0]!;
  const xmax = xids.at(-1)!;
  if (xmin === 0n || xmax >= MAX_XID || !ascends) return undefined;
  return { identity, snapshot: `${xmin}:${xmax}:${xids.slice(1, -1).join(',')}` };
}
