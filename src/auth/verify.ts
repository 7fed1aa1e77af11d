import { errors, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';

import type { IssuerSettings } from '../config/issuers-file';
import { ProblemError } from '../problems/problem';
import { tokenRefused } from './bearer';
import { type KeyProvider, RETRY_MS } from './keys';
import type { Logger } from '../telemetry/log';
import { messageOf } from './watched-file';

// Asymmetric only: if HS256 were allowed, anyone could sign with the public key as the secret.
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const LEEWAY_SECONDS = 30;

/** The `iss` of a token of which nothing has been verified yet. @throws ProblemError AUT-002 */
export function statedIssuer(token: string): unknown {
  try {
    return decodeJwt(token).iss;
  } catch (error) {
    throw tokenRefused('AUT-002', 'The token is malformed.', error);
  }
}

/** Verifies with the known keys. If none of them matches, refreshes them and tries once more. */
export async function verify(
  token: string,
  provider: KeyProvider,
  settings: IssuerSettings,
): Promise<JWTPayload> {
  const { keys } = provider;
  try {
    return await verifyWith(keys, token, settings);
  } catch (error) {
    if (!lacksKey(error, token)) throw error;
    const reachable = await provider.refresh();
    if (provider.keys !== keys) {
      try {
        return await verifyWith(provider.keys, token, settings);
      } catch (again) {
        if (reachable || !lacksKey(again, token)) throw again;
      }
    }
    if (reachable) throw error;
    // Not 401: the token may be valid, and clients do not retry after a 401.
    throw new ProblemError('SVC-001', 'The keys to verify the token are currently unavailable.', {
      headers: { 'Retry-After': String(RETRY_MS / 1_000) },
      cause: error,
    });
  }
}

/** No key has the token's `kid`; or the token has no `kid`, and no key verifies its signature. */
function lacksKey(error: unknown, token: string): boolean {
  if (error instanceof errors.JWKSNoMatchingKey) return true;
  const signedByAnother = error instanceof errors.JWSSignatureVerificationFailed;
  return signedByAnother && decodeProtectedHeader(token).kid === undefined;
}

async function verifyWith(
  keys: KeyProvider['keys'],
  token: string,
  { issuer, audience }: IssuerSettings,
) {
  const options = {
    algorithms: ALGORITHMS,
    clockTolerance: LEEWAY_SECONDS,
    requiredClaims: ['exp'],
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  };
  let payload: JWTPayload | undefined;
  try {
    ({ payload } = await jwtVerify(token, keys, options));
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        ({ payload } = await jwtVerify(token, key, options));
        break;
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
      }
    }
  }
  if (payload === undefined) throw new errors.JWSSignatureVerificationFailed();
  if (!Number.isFinite(payload.exp)) {
    throw new errors.JWTClaimValidationFailed('exp overflows', payload, 'exp', 'invalid');
  }
  return payload;
}

/** Describes what is wrong without quoting the library. */
export function refusal(error: unknown, log: Logger): ProblemError {
  if (error instanceof ProblemError) return error;
  const refuse = (detail: string) => tokenRefused('AUT-002', detail, error);
  if (error instanceof errors.JWTExpired) {
    return tokenRefused('AUT-003', 'The token has expired.', error);
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    if (reason === 'missing') return refuse(`The token has no ${claim} claim.`);
    if (reason === 'invalid') return refuse(`The ${claim} claim of the token is not a valid time.`);
    if (claim === 'nbf') return refuse('The token is not valid yet.');
    return refuse(`The ${claim} claim of the token is not the expected one.`);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refuse('The token is not signed with an accepted asymmetric algorithm.');
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return refuse('The token is signed with a key that the provider does not have.');
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refuse('The signature of the token is wrong.');
  }
  // An unusable key (too short, malformed) is the provider's fault, so operators must learn of it.
  if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSInvalid) {
    log.warn('A key of the provider cannot be used', { error: messageOf(error) });
    return refuse('The token is signed with a key that cannot be used.');
  }
  return refuse('The token is malformed.');
}
