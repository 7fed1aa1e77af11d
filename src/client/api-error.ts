import type { components } from '../../generated/openapi';

export type Problem = components['schemas']['Problem'];

/** The error for a response that is not a success. Rely on `code`; the message is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** The body; absent when the response is not from the service, but from a proxy, for example. */
    readonly problem?: Problem,
    /** How many seconds to wait before the next attempt, if the response says so. */
    readonly retryAfter?: number,
  ) {
    super(problem ? `${problem.code}: ${problem.detail}` : `HTTP ${status}`);
    this.name = 'ApiError';
  }

  /** For example `HYPERFLEET-NTF-001`. */
  get code(): string | undefined {
    return this.problem?.code;
  }
}

/**
 * Passes on the result of a successful request: `const { data: cluster } = await ok(client.GET(…))`.
 * For a response without a body, such as the 204 for a discarded report, look at `response.status`.
 * @throws ApiError when the response is not a success
 */
export async function ok<Result extends { response: Response; error?: unknown }>(
  pending: Promise<Result>,
): Promise<Extract<Result, { error?: undefined }>> {
  const result = await pending;
  const { error, response } = result;
  if (!response.ok) {
    const problem = isProblem(error) ? error : undefined;
    throw new ApiError(response.status, problem, retryAfter(response));
  }
  return result as Extract<Result, { error?: undefined }>;
}

function isProblem(error: unknown): error is Problem {
  return typeof error === 'object' && error !== null && 'code' in error && 'type' in error;
}

/** The header may also be a date, which the service does not send. */
function retryAfter({ headers }: Response): number | undefined {
  const seconds = headers.get('Retry-After') ?? '';
  return /^\d+$/.test(seconds) ? Number(seconds) : undefined;
}
