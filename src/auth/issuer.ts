import type { IncomingHttpHeaders } from 'node:http';
import type { JWTPayload } from 'jose';
import { LRUCache } from 'lru-cache';

import type { IssuerSettings } from '../config/issuers-file';
import { createGuard } from '../specs/guard';
import { actorFromClaims, actorFromHeader } from './actor';
import { createKeyProvider, type KeyProvider } from './keys';
import { refusal, verify } from './verify';
import type { Logger } from '../telemetry/log';

/** One issuer of tokens. It shares nothing with the others: no keys, no memory, no failure. */
export interface Issuer {
  readonly settings: IssuerSettings;
  /** @throws ProblemError AUT-002, AUT-003 or SVC-001 */
  verify(token: string): Promise<JWTPayload>;
  /** Keeps the claims of a verified token for a moment, by the value of its header. */
  remember(credentials: string, claims: JWTPayload): void;
  recall(credentials: string): JWTPayload | undefined;
  /** Who acts in a request with a verified token. @throws ProblemError AUT-002 */
  actorOf(claims: JWTPayload, headers: IncomingHttpHeaders): string;
  close(): void;
}

const REMEMBERED_TOKENS = 500;
const REMEMBERED_MS = 30_000;
const REMEMBERED_IDENTITIES = 1000;
const MATCH_LIMIT_MS = 100;

/** @throws Error for a file that cannot be used; keys that cannot be fetched yet are awaited later */
export async function openIssuer(settings: IssuerSettings, log: Logger): Promise<Issuer> {
  const { issuer, audience, identityClaim, identityPattern, identityHeader } = settings;
  const fields = { issuer: issuer ?? '*' };
  if (issuer === undefined) log.warn('Tokens of any issuer are accepted');
  if (audience === undefined) log.warn('Tokens of any audience are accepted', fields);
  if (identityHeader !== undefined) {
    const warning =
      'An identity header is trusted: only the gateway that sets it may reach the API';
    log.warn(warning, { ...fields, header: identityHeader });
  }
  const provider = await createKeyProvider(settings, log);
  const memory = rememberClaims(provider);
  const accepts = identityPattern && wholeMatcher(identityPattern, log);
  return {
    settings,
    verify: (token) =>
      verify(token, provider, settings).catch((error: unknown) => {
        throw refusal(error, log);
      }),
    ...memory,
    actorOf(claims, headers) {
      const given = identityHeader && headers[identityHeader.toLowerCase()];
      return actorFromHeader(given, accepts) ?? actorFromClaims(claims, identityClaim, accepts);
    },
    close: () => provider.close(),
  };
}

/**
 * Caches the claims of verified tokens, because adapters send the same token thousands of times.
 * An entry is valid for up to 30 s, never past the token's `exp`, and only while the keys stay the
 * same: as soon as we learn that a key was withdrawn, its tokens are refused. The header itself is the
 * key of the cache, because a digest or a closer look would cost more than the look-up; the size limit
 * of tokens keeps the cache below 8 MB.
 */
function rememberClaims(provider: KeyProvider) {
  let keys = provider.keys;
  const entries = new LRUCache<string, JWTPayload>({
    max: REMEMBERED_TOKENS,
    // Tokens expire by the time of day.
    perf: { now: () => Date.now() },
    ttlResolution: 0,
  });
  return {
    recall(credentials: string): JWTPayload | undefined {
      if (keys !== provider.keys) entries.clear();
      keys = provider.keys;
      return entries.get(credentials);
    },
    remember(credentials: string, claims: JWTPayload) {
      const ttl = Math.min(Number(claims.exp) * 1_000 - Date.now(), REMEMBERED_MS);
      if (ttl > 0) entries.set(credentials, claims, { ttl });
    },
  };
}

/** Matches against a pattern that may backtrack for hours on the right string. Such a string does not match. */
function wholeMatcher(pattern: RegExp, log: Logger): (identity: string) => boolean {
  const guard = createGuard(MATCH_LIMIT_MS);
  // The guard costs more than all the rest of a request's authentication.
  const known = new LRUCache<string, boolean>({ max: REMEMBERED_IDENTITIES });
  return (identity) => {
    let matches = known.get(identity);
    if (matches === undefined) {
      matches = guard(() => pattern.test(identity));
      if (matches === undefined) {
        log.warn('an identity took too long to match its pattern', { pattern: pattern.source });
      }
      known.set(identity, matches ?? false);
    }
    return matches ?? false;
  };
}
