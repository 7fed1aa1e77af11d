import type { RawResponse } from '../../support/raw-http';

const MAX_PROBLEM_BYTES = 64_000;
const MAX_FIELDS = 100;

/** What only somebody who knows the inside would say. */
const INSIDE =
  /\b(select|insert|update|delete|from|where|join)\b\s+\w+\s+(from|into|set|where|=)|postgres|\bpg_\w+|\bsqlstate\b|\bknex\b|\bexpress\b|\bajv\b|\bjose\b|node_modules|\bat \S+ \(|\.(ts|js):\d+|\/src\/|\/dist\/|resource_status|resource_labels|adapter_statuses|jsonb|json_(parse|stringify)|unexpected token|econnrefused|undefined|\[object /i;

/** What every response must be like, whatever the request was. */
export function faultsOf(response: RawResponse, sent: string): string[] {
  const { headers, text, status, type } = response;
  const faults: string[] = [];
  const check = (holds: boolean, fault: string) => holds || faults.push(fault);
  check(status < 500, `status ${status}`);
  check(headers['x-powered-by'] === undefined, 'X-Powered-By');
  check(headers['x-content-type-options'] === 'nosniff', 'no nosniff');
  check(headers['cache-control'] !== undefined, 'no Cache-Control');
  check(/^[A-Za-z0-9._-]{1,128}$/.test(String(headers['x-request-id'])), 'bad X-Request-Id');
  check(headers['set-cookie'] === undefined, 'Set-Cookie');
  if (status < 400) return faults;

  check(headers['cache-control'] === 'no-store', 'a problem that may be kept');
  check(headers.etag === undefined, 'an ETag');
  check(type === 'application/problem+json' || (text === '' && type === ''), `the type ${type}`);
  check(Buffer.byteLength(text) <= MAX_PROBLEM_BYTES, `${text.length} characters`);
  const inside = INSIDE.exec(text)?.[0];
  check(inside === undefined || sent.includes(inside), `it says '${inside}'`);
  if (text === '') return faults;
  const body = response.body as Record<string, unknown> & { errors?: Record<string, unknown>[] };
  check(body.status === status, 'another status in the body');
  check(body.trace_id === headers['x-request-id'], 'another trace_id');
  check(!/\p{Cc}/u.test(String(body.detail)), 'control characters');
  const { errors = [] } = body;
  check(errors.length <= MAX_FIELDS, `${errors.length} errors`);
  for (const { field, message, value } of errors) {
    check(String(field).length <= 256, 'a long field');
    check(String(message).length <= 1024, `a long message: ${String(message).slice(0, 80)}`);
    check(value === undefined || JSON.stringify(value).length <= 140, 'a long value');
  }
  return faults;
}

export function problemOf({ status, body }: RawResponse): { status: number; code?: string } {
  const code = (body as { code?: string } | undefined)?.code?.replace('HYPERFLEET-', '');
  return code === undefined ? { status } : { status, code };
}

export function fieldsOf({ body }: RawResponse): string[] {
  const { errors = [] } = (body ?? {}) as { errors?: { field: string }[] };
  return errors.map(({ field }) => field);
}
