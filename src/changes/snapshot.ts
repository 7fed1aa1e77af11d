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

/** The contract promises this to clients that store cursors. */
const MAX_LENGTH = 512;
const SEPARATOR = '~';
const BASE = 36;

/**
 * Writes a position as a cursor. The transactions that were in progress are written as differences. Those that do not
 * fit count as yet to begin, and so do all later ones: what they changed may then be sent twice, but is never missed.
 */
export function toCursor({ identity, snapshot }: Position): string {
  const { xmin, xmax, xip } = parts(snapshot);
  const begin = `${identity}${SEPARATOR}${xmin.toString(BASE)}:`;
  // The differences are at most as long as the first one that is left out, or as the last one of all.
  const room = MAX_LENGTH - begin.length - (xmax - xmin).toString(BASE).length - 1;
  const written: string[] = [];
  let length = 0;
  let last = xmin;
  for (const xid of xip) {
    const difference = (xid - last).toString(BASE);
    length += difference.length + 1;
    if (length > room) return `${begin}${(xid - xmin).toString(BASE)}:${written.join(',')}`;
    written.push(difference);
    last = xid;
  }
  return `${begin}${(xmax - xmin).toString(BASE)}:${written.join(',')}`;
}

const CURSOR = /^([0-9a-f]+\.[0-9A-F]{8}\.[0-9]+)~([0-9a-z]{1,13}):([0-9a-z]{1,13}):([0-9a-z,]*)$/;

/** @returns undefined for text that `toCursor` has not written */
export function readCursor(text: string): Position | undefined {
  const [, identity, first, length, differences] = CURSOR.exec(text) ?? [];
  if (identity === undefined) return undefined;
  const xmin = fromBase(first!);
  const xmax = xmin + fromBase(length!);
  let last = xmin;
  const xip = differences === '' ? [] : differences!.split(',').map((it) => (last += fromBase(it)));
  const ascends = xip.every((xid, index) => index === 0 || xid > xip[index - 1]!);
  const inOrder = ascends && (xip.length === 0 || last < xmax);
  if (xmin === 0n || xmax >= MAX_XID || !inOrder) return undefined;
  return { identity, snapshot: `${xmin}:${xmax}:${xip.join(',')}` };
}

const MAX_XID = 2n ** 63n;

function fromBase(digits: string): bigint {
  return Array.from(digits).reduce(
    (value, digit) => value * BigInt(BASE) + BigInt(parseInt(digit, BASE)),
    0n,
  );
}

function parts(snapshot: string): { xmin: bigint; xmax: bigint; xip: bigint[] } {
  const [xmin, xmax, xip] = snapshot.split(':') as [string, string, string];
  return {
    xmin: BigInt(xmin),
    xmax: BigInt(xmax),
    xip: xip === '' ? [] : xip.split(',').map(BigInt),
  };
}
