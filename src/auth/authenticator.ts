import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';

import { actorFromClaims } from './actor';
import { bearerToken, tokenRefused } from './bearer';
import { createKeyProvider, type KeyProvider, RETRY_MS } from './keys';
import { ProblemError } from '../problems/problem';
import { type LogFunction, messageOf } from './watched-file';

/** `*` as issuer or audience accepts any. */
export interface AuthSettings {
  jwksUrl?: string;
  jwksFile?: string;
  issuer: string;
  audience: string;
  identityClaim: string;
}

export interface Identity {
  actor: string;
  claims: Record<string, unknown>;
}

export interface Authenticator {
  /** @throws ProblemError AUT-001, AUT-002, AUT-003 or SVC-001 */
  authenticate(authorization: string | undefined): Promise<Identity>;
  close(): void;
}

// Asymmetric only: if HS256 were allowed, anyone could sign with the public key as the secret.
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');
const LEEWAY_SECONDS = 30;
const REMEMBERED_TOKENS = 500;
const REMEMBERED_MS = 30_000;

export async function createAuthenticator(
  settings: AuthSettings,
  log: LogFunction,
): Promise<Authenticator> {
  for (const name of ['issuer', 'audience'] as const) {
    if (settings[name] === '*') log('warn', `Tokens of any ${name} are accepted`);
  }
  const provider = await createKeyProvider(settings, log);
  const memory = rememberIdentities(provider);

  return {
    async authenticate(authorization) {
      const token = bearerToken(authorization);
      const known = memory.recall(token);
      if (known) return known;
      const claims = await verify(token, provider, settings).catch((error: unknown) => {
        throw refusal(error, log);
      });
      const identity = { actor: actorFromClaims(claims, settings.identityClaim), claims };
      memory.remember(token, identity);
      return identity;
    },
    close: () => provider.close(),
  };
}

/**
 * Caches the identities of verified tokens, because adapters send the same token thousands of times.
 * An entry is valid for up to 30 s, never past the token's `exp`, and only while the keys stay the
 * same: as soon as we learn that a key was withdrawn, its tokens are refused. The token itself is the
 * key of the cache, because a digest would cost more than the look-up; the size limit of tokens keeps
 * the cache below 8 MB.
 */
function rememberIdentities(provider: KeyProvider) {
  let keys = provider.keys;
  const entries = new Map<string, { identity: Identity; until: number }>();
  return {
    recall(token: string): Identity | undefined {
      if (keys !== provider.keys) entries.clear();
      keys = provider.keys;
      const entry = entries.get(token);
      return entry && Date.now() < entry.until ? entry.identity : undefined;
    },
    remember(token: string, identity: Identity) {
      const [oldest] = entries.size < REMEMBERED_TOKENS ? [] : entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
      const until = Math.min(Number(identity.claims.exp) * 1_000, Date.now() + REMEMBERED_MS);
      entries.set(token, { identity, until });
    },
  };
}

/** Verifies with the known keys. If none of them matches, refreshes them and tries once more. */
async function verify(token: string, provider: KeyProvider, settings: AuthSettings) {
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

async function verifyWith(keys: KeyProvider['keys'], token: string, settings: AuthSettings) {
  const options = {
    algorithms: ALGORITHMS,
    clockTolerance: LEEWAY_SECONDS,
    requiredClaims: ['exp'],
    ...(settings.issuer !== '*' && { issuer: settings.issuer }),
    ...(settings.audience !== '*' && { audience: settings.audience }),
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
function refusal(error: unknown, log: LogFunction): ProblemError {
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
    log('warn', 'A key of the provider cannot be used', { error: messageOf(error) });
    return refuse('The token is signed with a key that cannot be used.');
  }
  return refuse('The token is malformed.');
}
