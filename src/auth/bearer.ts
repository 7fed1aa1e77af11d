import { ProblemError } from '../problems/problem';

/** Ours plus a generous margin: real tokens with many roles reach 8 KB. */
const MAX_AUTHORIZATION_LENGTH = 16_384;
const REALM = 'Bearer realm="hyperfleet"';

/** The 401 of a token that was sent; RFC 6750 names one error for bad and expired ones alike. */
export function tokenRefused(code: 'AUT-002' | 'AUT-003', detail: string, cause?: unknown) {
  // A claim name out of the configuration may hold what a header may not.
  const description = detail.replace(/[^ -~]|["\\]/g, '_');
  const challenge = `${REALM}, error="invalid_token", error_description="${description}"`;
  return new ProblemError(code, detail, { headers: { 'WWW-Authenticate': challenge }, cause });
}

/** The 401 of a request without a token: no error attribute, as RFC 6750 asks. */
function tokenMissing(detail: string): ProblemError {
  return new ProblemError('AUT-001', detail, { headers: { 'WWW-Authenticate': REALM } });
}

/** Takes the token out of an `Authorization` header; cheap checks first, before any cryptography. */
export function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw tokenMissing('This operation needs a bearer token in the Authorization header.');
  }
  if (authorization.length > MAX_AUTHORIZATION_LENGTH) {
    throw tokenRefused('AUT-002', 'The token is longer than 16 KB.');
  }
  const [scheme = '', token = '', ...rest] = authorization.trim().split(/ +/);
  if (scheme.toLowerCase() !== 'bearer') {
    throw tokenMissing('The Authorization header must use the Bearer scheme.');
  }
  if (token === '') {
    throw tokenMissing('The Authorization header names the Bearer scheme but carries no token.');
  }
  if (rest.length > 0 || !/^[\w-]+\.[\w-]+\.[\w-]*$/.test(token)) {
    throw tokenRefused('AUT-002', 'The token is not a signed JWT in compact form.');
  }
  return token;
}
