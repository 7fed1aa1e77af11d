import { tokenRefused } from './bearer';

const ACTOR_DOMAIN = 'users.hyperfleet.local';
const MAX_IDENTITY_LENGTH = 256;
const USER_NAME = 'preferred_username';

// The ASCII email addresses that the regular expression of generated Go clients accepts. It requires
// the last label to begin and end with a letter: `a@host.x1` is rejected.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const LAST_LABEL = '[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z])?';
const EMAIL = new RegExp(`^${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LAST_LABEL}$`);

/**
 * The value of a claim: the claim with exactly this name, otherwise the value at the dotted path
 * (`realm_access.roles`). An address that the provider marks as unverified counts as absent, also as a user name:
 * anyone could have entered it, so it must neither name an actor nor match a rule.
 */
export function claimValue(claims: Record<string, unknown>, name: string): unknown {
  if (/^false$/i.test(String(claims.email_verified))) {
    if (name === 'email' || (name === USER_NAME && isAddress(claims[name]))) return undefined;
  }
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const property of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, property)) {
      return undefined;
    }
    value = (value as Record<string, unknown>)[property];
  }
  return value;
}

function isAddress(value: unknown): boolean {
  return String(value).includes('@');
}

/**
 * The actor, as recorded in `created_by`, `updated_by` and `deleted_by`; always an email address. At some providers,
 * users choose their names: one that looks like an address counts only where the configuration says that user names
 * can be trusted, by making them the identity claim.
 * @param accepts whether an identity is one of those that the issuer may vouch for
 * @throws ProblemError AUT-002
 */
export function actorFromClaims(
  claims: Record<string, unknown>,
  identityClaim: string,
  accepts?: (identity: string) => boolean,
): string {
  for (const name of [identityClaim, USER_NAME, 'sub']) {
    const value = claimValue(claims, name);
    if (isAbsent(value)) continue;
    if (name === USER_NAME && name !== identityClaim && isAddress(value)) continue;
    return actorNamed(value, `The ${name} claim`, accepts);
  }
  throw tokenRefused('AUT-002', 'The token has no claim that identifies its bearer.');
}

/**
 * The same from the header of a trusted gateway, with the same checks; undefined if it names nobody.
 * @throws ProblemError AUT-002
 */
export function actorFromHeader(
  value: unknown,
  accepts?: (identity: string) => boolean,
): string | undefined {
  if (isAbsent(value)) return undefined;
  // Node reads headers as Latin-1; a gateway that copies a name from a token sends UTF-8.
  const name = Buffer.from(String(value), 'latin1').toString('utf8');
  return actorNamed(name, 'The identity header', accepts);
}

function isAbsent(value: unknown): boolean {
  return (
    value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
  );
}

function actorNamed(
  value: unknown,
  what: string,
  accepts: ((identity: string) => boolean) | undefined,
): string {
  if (typeof value !== 'string') throw tokenRefused('AUT-002', `${what} is not a string.`);
  if (value.length > MAX_IDENTITY_LENGTH) {
    const detail = `${what} is longer than ${MAX_IDENTITY_LENGTH} characters.`;
    throw tokenRefused('AUT-002', detail);
  }
  if (/\p{Cc}/u.test(value)) {
    throw tokenRefused('AUT-002', `${what} contains control characters.`);
  }
  if (accepts?.(value) === false) {
    throw tokenRefused('AUT-002', `${what} does not match the pattern of its issuer.`);
  }
  return emailShaped(value);
}

/** Keeps what older clients accept as an email address, and turns anything else into one. */
function emailShaped(value: string): string {
  if (EMAIL.test(value)) return value;
  const atoms = value.replace(/[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]/gu, '_').split('.');
  return `${atoms.filter(Boolean).join('.') || '_'}@${ACTOR_DOMAIN}`;
}
