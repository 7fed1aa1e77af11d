import { createPublicKey } from 'node:crypto';
import { encode, hmacToken, KeyServer, signingKey, token } from '../support/key-provider';

/* Tokens of every kind, and what becomes of them. */

export const ISSUER = 'https://issuer.example.com/realms/fleet';
export const AUDIENCE = 'hyperfleet';

export const rsa = signingKey('RS256', 'rsa');
const rsaTwin = signingKey('RS256', 'twin');
const elliptic = signingKey('ES256', 'elliptic');
const edwards = signingKey('EdDSA', 'edwards');
export const stranger = signingKey('RS256', 'rsa');
const short = signingKey('RS256', 'short', 1_024);
const encryptionOnly = signingKey('RS256', 'encryption');
const rsaPem = createPublicKey(rsa.privateKey).export({ type: 'spki', format: 'pem' });

export const now = () => Math.floor(Date.now() / 1_000);
const claims = (changes: Record<string, unknown> = {}) => ({
  iss: ISSUER,
  aud: AUDIENCE,
  exp: now() + 300,
  email: 'ada@example.com',
  sub: 'f:1:ada',
  ...changes,
});
const bearer = (text: string) => `Bearer ${text}`;
export const good = (
  changes?: Record<string, unknown>,
  key = rsa,
  header?: Record<string, unknown>,
) => bearer(token(claims(changes), key, header));
export const without = (name: string) => good({ [name]: undefined });

export const server = new KeyServer();

/** What the provider publishes. */
export const PUBLISHED = [
  rsa.jwk,
  { ...rsaTwin.jwk, kid: undefined },
  elliptic.jwk,
  edwards.jwk,
  short.jwk,
  { ...encryptionOnly.jwk, use: 'enc' },
  { kty: 'oct', kid: 'shared', k: encode('shared secret of thirty-two bytes') },
];

type Row = [name: string, authorization: () => string | undefined];

export const ACCEPTED: [...Row, actor: string][] = [
  ['RS256', () => good(), 'ada@example.com'],
  ['PS256 with the same key', () => good({}, { ...rsa, alg: 'PS256' }), 'ada@example.com'],
  ['ES256', () => good({}, elliptic), 'ada@example.com'],
  ['EdDSA', () => good({}, edwards), 'ada@example.com'],
  [
    'Ed25519, the newer name of EdDSA',
    () => good({}, { ...edwards, alg: 'Ed25519' }),
    'ada@example.com',
  ],
  ['a scheme in other letter case', () => good().replace('Bearer', 'bEARER'), 'ada@example.com'],
  ['several spaces after the scheme', () => good().replace(' ', '   '), 'ada@example.com'],
  ['a list of audiences with ours', () => good({ aud: ['other', AUDIENCE] }), 'ada@example.com'],
  ['an exp that passed within the leeway', () => good({ exp: now() - 20 }), 'ada@example.com'],
  ['an nbf that comes within the leeway', () => good({ nbf: now() + 20 }), 'ada@example.com'],
  [
    'no kid, signed by the first of several keys',
    () => good({}, rsa, { kid: undefined }),
    'ada@example.com',
  ],
  [
    'no kid, signed by another of several keys',
    () => good({}, rsaTwin, { kid: undefined }),
    'ada@example.com',
  ],
  ['an unverified email', () => good({ email_verified: false }), 'f_1_ada@users.hyperfleet.local'],
  [
    'an unverified email in text',
    () => good({ email_verified: 'false' }),
    'f_1_ada@users.hyperfleet.local',
  ],
  [
    'an unverified email and a user name',
    () => good({ email_verified: false, preferred_username: 'ada' }),
    'ada@users.hyperfleet.local',
  ],
  [
    'an unverified email and the same as a user name',
    () => good({ email_verified: false, preferred_username: 'admin@corp.example' }),
    'f_1_ada@users.hyperfleet.local',
  ],
  [
    'a Unicode email',
    () => good({ email: 'adá@example.com' }),
    'ad__example.com@users.hyperfleet.local',
  ],
  [
    'an email with a double dot',
    () => good({ email: 'a..b@example.com' }),
    'a.b_example.com@users.hyperfleet.local',
  ],
  [
    'an email with a trailing dot',
    () => good({ email: 'a@example.com.' }),
    'a_example.com@users.hyperfleet.local',
  ],
  [
    'an email of 256 characters',
    () => good({ email: `${'a'.repeat(244)}@example.com` }),
    `${'a'.repeat(244)}@example.com`,
  ],
  ['only a subject', () => without('email'), 'f_1_ada@users.hyperfleet.local'],
];

export const MISSING: Row[] = [
  ['no header', () => undefined],
  ['an empty header', () => ''],
  ['the scheme alone', () => 'Bearer'],
  ['the scheme and a space', () => 'Bearer '],
  ['Basic credentials', () => 'Basic YWRhOnNlY3JldA=='],
  ['a token without a scheme', () => good().replace('Bearer ', '')],
  ['a scheme that only begins like ours', () => good().replace('Bearer', 'BearerToken')],
];

export const EXPIRED: Row[] = [
  ['an exp that passed before the leeway', () => good({ exp: now() - 40 })],
  ['an exp of zero', () => good({ exp: 0 })],
  ['an exp too far in the past for a date', () => good({ exp: -1e300 })],
];

export const BAD: Row[] = [
  ['a word', () => bearer('letmein')],
  ['two parts', () => bearer('a.b')],
  ['five parts, as if encrypted', () => bearer('a.b.c.d.e')],
  ['two tokens', () => `${good()} ${token(claims(), rsa)}`],
  ['two credentials joined by a comma', () => `${good()}, ${good()}`],
  ['dots only', () => bearer('..')],
  ['a header that is no JSON', () => bearer(`${encode('{')}.${encode(claims())}.AAAA`)],
  ['a header that is a list', () => bearer(`${encode('[]')}.${encode(claims())}.AAAA`)],
  ['a header that is null', () => bearer(`${encode('null')}.${encode(claims())}.AAAA`)],
  ['claims that are no JSON', () => bearer(token('{', rsa))],
  ['claims that are a list', () => bearer(token('[]', rsa))],
  ['claims that are null', () => bearer(token('null', rsa))],
  ['padding in base64', () => bearer(token(claims(), rsa).replace('.', '=.'))],
  ['no signature', () => good().replace(/[^.]*$/, '')],
  ['half a signature', () => good().slice(0, -100)],
  ['changed claims', () => good().replace(/\.[^.]*\./, `.${encode(claims({ sub: 'root' }))}.`)],
  ['the kid of a known key, signed by another', () => good({}, stranger)],
  ['an unknown kid', () => good({}, { ...stranger, kid: 'unknown' })],
  ['a kid that is a number', () => good({}, rsa, { kid: 1 })],
  ['a kid that is a path', () => good({}, rsa, { kid: '../../dev/null' })],
  ['no kid and a key of nobody', () => good({}, stranger, { kid: undefined })],
  ['a key for encryption', () => good({}, encryptionOnly)],
  ['a key of 1024 bits', () => good({}, short)],
  ['the algorithm of another kind of key', () => good({}, rsa, { kid: 'elliptic' })],
  ['alg none, unsigned', () => bearer(`${encode({ alg: 'none' })}.${encode(claims())}.`)],
  [
    'alg None, unsigned',
    () => bearer(`${encode({ alg: 'None', kid: 'rsa' })}.${encode(claims())}.`),
  ],
  [
    'alg none with a signature',
    () => good().replace(/^Bearer [^.]*/, bearer(encode({ alg: 'none', kid: 'rsa' }))),
  ],
  ['no alg', () => bearer(`${encode({ kid: 'rsa' })}.${encode(claims())}.AAAA`)],
  ['an alg that is a list', () => bearer(`${encode({ alg: ['RS256'] })}.${encode(claims())}.AAAA`)],
  [
    'HS256 with the public key as the secret',
    () => bearer(hmacToken(claims(), rsaPem.toString(), { kid: 'rsa' })),
  ],
  [
    'HS256 with the modulus as the secret',
    () => bearer(hmacToken(claims(), String(rsa.jwk.n), { kid: 'rsa' })),
  ],
  [
    'HS256 with a symmetric key that is published',
    () => bearer(hmacToken(claims(), 'shared secret of thirty-two bytes', { kid: 'shared' })),
  ],
  ['its own key in the header', () => good({}, stranger, { kid: 'mine', jwk: stranger.jwk })],
  ['its own key address in the header', () => good({}, stranger, { kid: 'mine', jku: server.url })],
  ['a crit extension', () => good({}, rsa, { crit: ['exp'], exp: 1 })],
  ['an unencoded payload', () => good({}, rsa, { crit: ['b64'], b64: false })],
  ['another issuer', () => good({ iss: 'https://issuer.example.com' })],
  ['an issuer with a slash more', () => good({ iss: `${ISSUER}/` })],
  ['a list of issuers', () => good({ iss: [ISSUER] })],
  ['no issuer', () => without('iss')],
  ['another audience', () => good({ aud: 'other' })],
  ['other audiences', () => good({ aud: ['other', 'hyper'] })],
  ['an audience in an object', () => good({ aud: { hyperfleet: true } })],
  ['no audience', () => without('aud')],
  ['no exp', () => without('exp')],
  ['an exp that is text', () => good({ exp: String(now() + 300) })],
  ['an exp that is null', () => good({ exp: null })],
  [
    'an exp beyond numbers',
    () => bearer(token(JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e999'), rsa)),
  ],
  ['an nbf after the leeway', () => good({ nbf: now() + 60 })],
  ['an nbf that is text', () => good({ nbf: 'now' })],
  ['an expired token of another issuer', () => good({ iss: 'other', exp: 0 })],
  ['an expired token with a wrong signature', () => good({ exp: 0 }, stranger)],
  ['20 KB', () => good({ roles: 'r'.repeat(20_000) })],
  ['a megabyte of dots', () => bearer('.'.repeat(1_000_000))],
  ['no identity claim', () => good({ email: undefined, sub: undefined })],
  ['an identity of another type', () => good({ email: ['ada@example.com'], sub: 7 })],
  ['a blank identity', () => good({ email: '', sub: ' ' })],
  ['a line break in the email', () => good({ email: 'ada@example.com\nroot' })],
  ['a NUL in the email', () => good({ email: 'ada\u0000@example.com' })],
  ['an email of 257 characters', () => good({ email: `${'a'.repeat(245)}@example.com` })],
];
