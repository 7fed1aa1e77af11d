import { tokenRefused } from './bearer';

const ACTOR_DOMAIN = 'users.hyperfleet.local';
const MAX_CLAIM_LENGTH = 256;

// The part of an email address that the regular expression of generated Go clients accepts and that
// stays ASCII. That expression also wants the last label to end with a letter, so `a@host.x1` is
// not an address to them.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?';
const LAST_LABEL = '[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z])?';
const EMAIL = new RegExp(`^${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LAST_LABEL}$`);

/**
 * The value of a claim: the one literally called so, else the one at the dotted path
 * (`realm_access.roles`). An email that the provider marks as unverified counts as absent:
 * anybody could have typed it, so it may neither name an actor nor match a rule.
 */
export function claimValue(claims: Record<string, unknown>, name: string): unknown {
  if (name === 'email' && (claims.email_verified === false || claims.email_verified === 'false')) {
    return undefined;
  }
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const member of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) {
      return undefined;
    }
    value = (value as Record<string, unknown>)[member];
  }
  return value;
}

/** Who acts, as recorded in `created_by` and its like; always email-shaped. */
export function actorFromClaims(claims: Record<string, unknown>, identityClaim: string): string {
  for (const name of [identityClaim, 'preferred_username', 'sub']) {
    const value = claimValue(claims, name);
    if (typeof value !== 'string' || value.trim() === '') continue;
    if (value.length > MAX_CLAIM_LENGTH) {
      throw tokenRefused('AUT-002', `The ${name} claim is longer than ${MAX_CLAIM_LENGTH}.`);
    }
    if (/\p{Cc}/u.test(value)) {
      throw tokenRefused('AUT-002', `The ${name} claim has control characters.`);
    }
    return emailShaped(value);
  }
  throw tokenRefused('AUT-002', 'The token has no claim that identifies its bearer.');
}

/** Leaves what older clients accept as an email alone and makes an address of anything else. */
function emailShaped(value: string): string {
  if (EMAIL.test(value)) return value;
  const atoms = value.replace(/[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]/gu, '_').split('.');
  return `${atoms.filter(Boolean).join('.') || '_'}@${ACTOR_DOMAIN}`;
}
