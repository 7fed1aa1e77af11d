import { ProblemError } from '../problems/problem';

/** Real tokens with many roles reach 8 KB. */
const MAX_AUTHORIZATION_LENGTH = 16_384;
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

/**
 * Extracts the token from an `Authorization` header. Cheap checks come before any cryptography.
 * @throws ProblemError AUT-001, AUT-002
 */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw tokenMissing('This operation requires a bearer token in the Authorization header.');
  }
  if (authorization.length > MAX_AUTHORIZATION_LENGTH) {
    throw tokenRefused('AUT-002', 'The token is longer than 16 KB.');
  }
  const [scheme = '', token = '', ...rest] = authorization.trim().split(/ +/);
  if (scheme.toLowerCase() !== 'bearer') {
    throw tokenMissing('The Authorization header must use the Bearer scheme.');
  }
  if (token === '') {
    throw tokenMissing('The Authorization header names the Bearer scheme but has no token.');
  }
  if (rest.length > 0 || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) {
    throw tokenRefused('AUT-002', 'The token is not a signed JWT in compact form.');
  }
  return token;
}
