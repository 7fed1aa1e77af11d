import type { components } from '../../generated/openapi';
import { printable } from './field-path';

export type Problem = components['schemas']['Problem'];
export type ProblemField = components['schemas']['ProblemField'];

/** Every problem that the service can respond with. Clients rely on the code: its meaning never changes. */
export const PROBLEMS = {
  'VAL-000': { status: 400, type: 'validation-error', title: 'Validation Failed' },
  'VAL-005': { status: 400, type: 'invalid-search', title: 'Invalid Search' },
  'VAL-006': { status: 400, type: 'malformed-request', title: 'Malformed Request' },
  'AUT-001': { status: 401, type: 'authentication-required', title: 'Authentication Required' },
  'AUT-002': { status: 401, type: 'invalid-token', title: 'Invalid Token' },
  'AUT-003': { status: 401, type: 'expired-token', title: 'Expired Token' },
  'AUZ-001': { status: 403, type: 'forbidden', title: 'Forbidden' },
  'NTF-000': { status: 404, type: 'unknown-route', title: 'Unknown Route' },
  'NTF-001': { status: 404, type: 'not-found', title: 'Resource Not Found' },
  'MTH-001': { status: 405, type: 'method-not-allowed', title: 'Method Not Allowed' },
  'TMO-001': { status: 408, type: 'request-timeout', title: 'Request Timeout' },
  'CNF-001': { status: 409, type: 'name-taken', title: 'Name Already Taken' },
  'CNF-002': { status: 409, type: 'generation-ahead', title: 'Generation Ahead' },
  'CNF-003': { status: 409, type: 'deletion-conflict', title: 'Deletion Conflict' },
  'CNF-004': { status: 409, type: 'still-referenced', title: 'Still Referenced' },
  'GON-001': { status: 410, type: 'cursor-gone', title: 'Cursor Gone' },
  'PRE-001': { status: 412, type: 'precondition-failed', title: 'Precondition Failed' },
  'LRG-001': { status: 413, type: 'too-large', title: 'Request Too Large' },
  'MED-001': { status: 415, type: 'unsupported-media-type', title: 'Unsupported Media Type' },
  'INT-001': { status: 500, type: 'internal-error', title: 'Internal Server Error' },
  'SVC-001': { status: 503, type: 'service-unavailable', title: 'Service Unavailable' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** What each problem means, for the error table served under `/errors`. */
export const PROBLEM_REASONS: Record<ProblemCode, string> = {
  'VAL-000':
    'The body, the query, the path or a header breaks the contract or the schema of the spec.',
  'VAL-005': 'The search or order expression is invalid.',
  'VAL-006': 'The request has no valid JSON body, or its URL is not correctly encoded.',
  'AUT-001': 'The request has no bearer token.',
  'AUT-002': 'The bearer token is invalid.',
  'AUT-003': 'The bearer token has expired.',
  'AUZ-001': 'No authorization rule allows this operation.',
  'NTF-000': 'There is no such route.',
  'NTF-001': 'There is no such resource.',
  'MTH-001': 'The route does not allow the method; see the Allow header.',
  'TMO-001': 'The request did not arrive completely in time.',
  'CNF-001': 'A resource with this name already exists.',
  'CNF-002': 'The report is about a generation that the resource has not reached yet.',
  'CNF-003':
    'The resource is being deleted, or is not being deleted, and the operation requires the opposite; or something belongs to it that forbids its deletion.',
  'CNF-004': 'Other resources refer to this one.',
  'GON-001':
    'The cursor is too old, too much has changed since, or it comes from another or a restored database; list again.',
  'PRE-001': 'If-Match does not name the current ETag of the resource.',
  'LRG-001': 'The body, the URL or the headers are larger than the server accepts.',
  'MED-001': 'The body is not uncompressed JSON.',
  'INT-001': 'An unexpected error occurred; the server log has the details under the trace id.',
  'SVC-001':
    'The database or the key provider is currently unavailable, or too many watches are open; try again.',
};

const TYPE_BASE = 'https://api.hyperfleet.io/errors/';
export const ERRORS_PATH = '/api/hyperfleet/v1/errors';
/** More would turn a bad request into a huge response. */
export const MAX_FIELDS = 100;
const MAX_DETAIL = 2000;
const MAX_MESSAGE = 1000;

export interface ProblemOptions {
  /** All invalid fields; the response contains the first 100. */
  errors?: ProblemField[];
  /** Overrides the status of the code, where one code serves several (413, 414, 431). */
  status?: number;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** Thrown to respond with a problem; the client reads `detail`. */
export class ProblemError extends Error {
  readonly status: number;
  readonly errors: ProblemField[] | undefined;
  readonly headers: Record<string, string>;

  constructor(
    readonly code: ProblemCode,
    detail: string,
    options: ProblemOptions = {},
  ) {
    super(detail, { cause: options.cause });
    this.name = 'ProblemError';
    this.status = options.status ?? PROBLEMS[code].status;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
  }
}

/** The problem of a request with at least one invalid field. */
export function invalidFields(errors: ProblemField[]): ProblemError {
  const shown = errors.slice(0, 5).map(({ message }) => message);
  if (errors.length > shown.length) shown.push(`and ${errors.length - shown.length} more`);
  return new ProblemError('VAL-000', `${shown.join('; ')}.`, { errors });
}

/** @throws ProblemError VAL-000 when there are invalid fields */
export function refuseFields(errors: ProblemField[]): void {
  if (errors.length > 0) throw invalidFields(errors);
}

/** The body of a problem: the properties of RFC 9457, and those that older clients read. */
export function problemBody(error: ProblemError, instance: string, traceId: string): Problem {
  const { type, title } = PROBLEMS[error.code];
  const detail = readable(error.message, MAX_DETAIL);
  const errors = error.errors?.slice(0, MAX_FIELDS).map((field) => ({
    ...field,
    message: readable(field.message, MAX_MESSAGE),
  }));
  return {
    type: TYPE_BASE + type,
    title,
    status: error.status,
    detail,
    instance,
    code: `HYPERFLEET-${error.code}`,
    timestamp: new Date().toISOString(),
    trace_id: traceId,
    ...(errors && { errors }),
    kind: 'Error',
    id: error.code,
    href: `${ERRORS_PATH}/${error.code}`,
    reason: detail,
    operation_id: traceId,
    ...(errors && { details: errors.map(({ field, message }) => ({ field, error: message })) }),
  };
}

/** Messages may quote what the client sent, which can be anything. */
function readable(text: string, max: number): string {
  return printable(text.length <= max ? text : `${text.slice(0, max - 1)}…`);
}

/** One entry of the error table that `/errors` serves. */
export function errorTableEntry(code: ProblemCode): components['schemas']['Error'] {
  const { status, title } = PROBLEMS[code];
  return {
    kind: 'Error',
    id: code,
    href: `${ERRORS_PATH}/${code}`,
    code: `HYPERFLEET-${code}`,
    status,
    title,
    reason: PROBLEM_REASONS[code],
  };
}
