import type { components } from '../../generated/openapi';
import { printable } from './field-path';

export type Problem = components['schemas']['Problem'];
export type ProblemField = components['schemas']['ProblemField'];

/** Every problem that the service can respond with, as `/errors` shows it. Clients rely on the code: its meaning never changes. */
export const PROBLEMS = {
  'VAL-000': {
    status: 400,
    type: 'validation-error',
    title: 'Validation Failed',
    reason:
      'The body, the query, the path or a header breaks the contract or the schema of the spec.',
  },
  'VAL-005': {
    status: 400,
    type: 'invalid-search',
    title: 'Invalid Search',
    reason: 'The search or order expression is invalid.',
  },
  'VAL-006': {
    status: 400,
    type: 'malformed-request',
    title: 'Malformed Request',
    reason: 'The request is malformed: its URL, headers or JSON body.',
  },
  'AUT-001': {
    status: 401,
    type: 'authentication-required',
    title: 'Authentication Required',
    reason: 'The request has no bearer token.',
  },
  'AUT-002': {
    status: 401,
    type: 'invalid-token',
    title: 'Invalid Token',
    reason: 'The bearer token is invalid.',
  },
  'AUT-003': {
    status: 401,
    type: 'expired-token',
    title: 'Expired Token',
    reason: 'The bearer token has expired.',
  },
  'AUZ-001': {
    status: 403,
    type: 'forbidden',
    title: 'Forbidden',
    reason: 'No authorization rule allows this operation.',
  },
  'NTF-000': {
    status: 404,
    type: 'unknown-route',
    title: 'Unknown Route',
    reason: 'There is no such route.',
  },
  'NTF-001': {
    status: 404,
    type: 'not-found',
    title: 'Resource Not Found',
    reason: 'There is no such resource.',
  },
  'MTH-001': {
    status: 405,
    type: 'method-not-allowed',
    title: 'Method Not Allowed',
    reason: 'The route does not allow the method; see the Allow header.',
  },
  'TMO-001': {
    status: 408,
    type: 'request-timeout',
    title: 'Request Timeout',
    reason: 'The request did not arrive completely in time.',
  },
  'CNF-001': {
    status: 409,
    type: 'name-taken',
    title: 'Name Already Taken',
    reason: 'A resource with this name already exists.',
  },
  'CNF-002': {
    status: 409,
    type: 'generation-ahead',
    title: 'Generation Ahead',
    reason: 'The report is about a generation that the resource has not reached yet.',
  },
  'CNF-003': {
    status: 409,
    type: 'deletion-conflict',
    title: 'Deletion Conflict',
    reason:
      'The resource is being deleted, or is not being deleted, and the operation requires the opposite; or something belongs to it that forbids its deletion.',
  },
  'CNF-004': {
    status: 409,
    type: 'still-referenced',
    title: 'Still Referenced',
    reason: 'Other resources refer to this one.',
  },
  'GON-001': {
    status: 410,
    type: 'cursor-gone',
    title: 'Cursor Gone',
    reason:
      'The cursor is too old, too much has changed since, or it comes from another or a restored database; list again.',
  },
  'PRE-001': {
    status: 412,
    type: 'precondition-failed',
    title: 'Precondition Failed',
    reason: 'If-Match does not name the current ETag of the resource.',
  },
  'LRG-001': {
    status: 413,
    type: 'too-large',
    title: 'Request Too Large',
    reason: 'The body, the URL or the headers are larger than the server accepts.',
  },
  'MED-001': {
    status: 415,
    type: 'unsupported-media-type',
    title: 'Unsupported Media Type',
    reason: 'The body is not uncompressed JSON.',
  },
  'INT-001': {
    status: 500,
    type: 'internal-error',
    title: 'Internal Server Error',
    reason: 'An unexpected error occurred; the server log has the details under the trace id.',
  },
  'SVC-001': {
    status: 503,
    type: 'service-unavailable',
    title: 'Service Unavailable',
    reason:
      'The service, its database or the key provider is unavailable or overloaded at the moment; try again.',
  },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

const TYPE_BASE = 'https://api.hyperfleet.io/errors/';
const ERRORS_PATH = '/api/hyperfleet/v1/errors';
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
  const { status, title, reason } = PROBLEMS[code];
  return {
    kind: 'Error',
    id: code,
    href: `${ERRORS_PATH}/${code}`,
    code: `HYPERFLEET-${code}`,
    status,
    title,
    reason,
  };
}
