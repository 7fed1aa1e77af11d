import { DatabaseError } from 'pg';
import { ProblemError } from '../problems/problem';

/** The database did not respond: unreachable, exhausted, too slow, or lost during a statement. */
export class DatabaseUnavailable extends Error {
  constructor(
    /** What happened, for log and metrics; never sent to a client. */
    readonly kind: 'connect' | 'pool_timeout' | 'connection_lost' | 'statement_timeout',
    cause?: unknown,
  ) {
    super(`database unavailable: ${kind}`, { cause });
    this.name = 'DatabaseUnavailable';
  }
}

/** The client disconnected, so its request was abandoned. */
export class RequestAborted extends Error {}

const SOCKET_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);

/** SQLSTATEs, or classes of them, of failures that may be temporary. */
const UNAVAILABLE = /^(08...|53...|57P0[1-5]|57014|25006|25P0[34]|40001|40P01|55P03|58...|XX...)$/;

/** SQLSTATEs of a table or column that does not exist, or may not be used: the schema is not the one of this code. */
const SCHEMA_MISSING = /^(42P01|42703|42501)$/;

/** The server could not be reached, or the connection broke. */
export function isSocketError(error: unknown): boolean {
  return SOCKET_ERRORS.has((error as NodeJS.ErrnoException).code ?? '');
}

export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

/** A transaction that failed with this error can be repeated. */
export function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === '40001' || state === '40P01';
}

/** PostgreSQL refused a statement because of its values; nothing was written. */
export function isRefused(error: unknown): boolean {
  return /^(22|23|54)/.test(sqlState(error) ?? '');
}

/** There is no schema that this code can use: dropped, not migrated yet, or without privileges for the user. */
export function isSchemaMissing(error: unknown): boolean {
  return SCHEMA_MISSING.test(sqlState(error) ?? '');
}

/** A migration has changed what a prepared statement returns. */
export function isPlanOutdated(error: unknown): boolean {
  return error instanceof DatabaseError && error.routine === 'RevalidateCachedQuery';
}

/** The connection cannot be used after this error; whether a statement took effect is unknown. */
export function isConnectionLost(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return /^(57P0[1-5]|25P0[34]|08...)$/.test(state);
  // A cancel request that arrives late would cancel the next statement on the same connection.
  if (error instanceof DatabaseUnavailable) return true;
  return error instanceof Error && !(error instanceof ProblemError);
}

/** Not the fault of the statement: the database could not be reached, or the connection broke. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return error.kind !== 'statement_timeout';
  return sqlState(error) !== undefined && isConnectionLost(error);
}

/** A short word for metrics and logs. */
export function errorType(error: unknown): string {
  if (error instanceof DatabaseUnavailable) return error.kind;
  return sqlState(error) ?? (error as NodeJS.ErrnoException).code ?? 'unknown';
}

/** The database is unavailable; the same request may succeed later. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  return (
    error instanceof DatabaseUnavailable ||
    (state !== undefined && UNAVAILABLE.test(state)) ||
    isSchemaMissing(error) ||
    isPlanOutdated(error) ||
    isSocketError(error)
  );
}
