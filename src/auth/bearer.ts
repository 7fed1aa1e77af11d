import type { IncomingHttpHeaders } from 'node:http';
import { ProblemError } from '../problems/problem';

/** Real tokens with many roles reach 8 KB. */
const MAX_TOKEN_LENGTH = 16_384;
const REALM = 'Bearer realm="hyperfleet"';

/** The 401 for a token that is not accepted. RFC 6750 has one error for invalid and expired tokens. */
export function tokenRefused(code: 'AUT-002' | 'AUT-003', detail: string, cause?: unknown) {
  // The name of a claim comes from the configuration: it may contain what a header must not.
  const description = detail.replace(/[^ -~]|["\\]/g, '_');
  const challenge = `${REALM}, error="invalid_token", error_description="${description}"`;
  return new ProblemError(code, detail, { headers: { 'WWW-Authenticate': challenge }, cause });
}

/** The 401 for a request without a token: it has no error attribute, as RFC 6750 says. */
function tokenMissing(detail: string): ProblemError {
  return new ProblemError('AUT-001', detail, { headers: { 'WWW-Authenticate': REALM } });
}

const BEARER = /^ *bearer( |$)/i;

/** A header in which tokens may be. */
export interface TokenHeader {
  name: string;
  /** The name as Node spells it. */
  key: string;
}

/**
 * Finds the only header of a request that may have a token.
 * @returns the header, and its value
 * @throws ProblemError AUT-001, AUT-002
 */
export function findCredentials<H extends TokenHeader>(
  headers: IncomingHttpHeaders,
  allowed: readonly H[],
): { header: H; credentials: string } {
  const present = allowed.filter(({ key }) => headers[key] !== undefined);
  // One of several may have credentials for somebody else, such as a proxy.
  const withToken =
    present.length > 1 ? present.filter(({ key }) => BEARER.test(String(headers[key]))) : present;
  if (withToken.length > 1) {
    const detail = `The request has a token in more than one header: ${namesOf(withToken, 'and')}.`;
    throw tokenRefused('AUT-002', detail);
  }
  const [header = present[0]] = withToken;
  if (header === undefined) {
    const where = namesOf(allowed, 'or');
    throw tokenMissing(`This operation requires a bearer token in the ${where} header.`);
  }
  return { header, credentials: String(headers[header.key]) };
}

function namesOf(headers: readonly TokenHeader[], conjunction: string): string {
  return headers.map(({ name }) => name).join(` ${conjunction} `);
}

/**
 * Reads the token in the value of a header. Cheap checks come before any cryptography.
 * @throws ProblemError AUT-001, AUT-002
 */
export function bearerToken(credentials: string, { name }: TokenHeader): string {
  if (credentials.length > MAX_TOKEN_LENGTH) {
    throw tokenRefused('AUT-002', 'The token is longer than 16 KB.');
  }
  const [scheme = '', token = '', ...rest] = credentials.trim().split(/ +/);
  if (scheme.toLowerCase() !== 'bearer') {
    throw tokenMissing(`The ${name} header must use the Bearer scheme.`);
  }
  if (token === '') {
    throw tokenMissing(`The ${name} header names the Bearer scheme but has no token.`);
  }
  if (rest.length > 0 || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) {
    throw tokenRefused('AUT-002', 'The token is not a signed JWT in compact form.');
  }
  return token;
}
