import { actorFromClaims, actorFromHeader, claimValue } from '../../src/auth/actor';

/** What generated Go clients check, reduced to ASCII; written apart from the code under test. */
function goAccepts(address: string): boolean {
  const [local = '', domain = '', ...rest] = address.split('@');
  const labels = domain.split('.');
  return (
    rest.length === 0 &&
    local.split('.').every((atom) => /^[\w!#$%&'*+\-/=?^`{|}~]+$/.test(atom)) &&
    labels.length > 1 &&
    labels.every((label) => /^[a-z\d]([a-z\d-]*[a-z\d])?$/i.test(label)) &&
    /^[a-z](.*[a-z])?$/i.test(labels.at(-1) ?? '')
  );
}

const made = (local: string) => `${local}@users.hyperfleet.local`;

test.each([
  'ada@example.com',
  'Ada.Lovelace+fleet@Sub.Example.co',
  "o'neil/x=1@ex-ample.x--y.dev",
  '0@0.a',
  'system@hyperfleet.local',
])('%s is an email already and stays', (email) => {
  expect(goAccepts(email)).toBe(true);
  expect(actorFromClaims({ email }, 'email')).toBe(email);
});

test.each([
  ['ada', made('ada')],
  ['service-account-sentinel', made('service-account-sentinel')],
  ['f:0a1b:ada', made('f_0a1b_ada')],
  ['system:serviceaccount:fleet:adapter', made('system_serviceaccount_fleet_adapter')],
  ['ada@localhost', made('ada_localhost')],
  ['ada@@example.com', made('ada__example.com')],
  ['@example.com', made('_example.com')],
  ['ada@', made('ada_')],
  ['.ada@example.com', made('ada_example.com')],
  ['ada.@example.com', made('ada._example.com')],
  ['a..b@example.com', made('a.b_example.com')],
  ['ada@example.com.', made('ada_example.com')],
  ['ada@-example.com', made('ada_-example.com')],
  ['ada@example-.com', made('ada_example-.com')],
  ['ada@example.1com', made('ada_example.1com')],
  ['ada@example.c1', made('ada_example.c1')],
  ['ada@exa_mple.com', made('ada_exa_mple.com')],
  ['ada@[127.0.0.1]', made('ada__127.0.0.1_')],
  ['"ada l"@example.com', made('_ada_l__example.com')],
  ['Ada <ada@example.com>', made('Ada__ada_example.com_')],
  ['adá@example.com', made('ad__example.com')],
  ['ada@exämple.com', made('ada_ex_mple.com')],
  ['日本', made('__')],
  ['\ud800', made('_')],
  ['...', made('_')],
  [' ada', made('_ada')],
])('%j becomes the address %s', (email, actor) => {
  expect(goAccepts(email)).toBe(false);
  expect(goAccepts(actor)).toBe(true);
  expect(actorFromClaims({ email }, 'email')).toBe(actor);
});

test('the configured claim comes before the user name, and that before the subject', () => {
  const claims = { client_id: 'c@x.io', preferred_username: 'u', sub: 's@x.io' };
  expect(actorFromClaims(claims, 'client_id')).toBe('c@x.io');
  expect(actorFromClaims(claims, 'email')).toBe(made('u'));
  expect(actorFromClaims({ ...claims, preferred_username: '' }, 'email')).toBe('s@x.io');
});

test('a verified email and one of unknown verification are used, an unverified one is not', () => {
  const claims = { email: 'e@x.io', sub: 's@x.io' };
  expect(actorFromClaims(claims, 'email')).toBe('e@x.io');
  expect(actorFromClaims({ ...claims, email_verified: true }, 'email')).toBe('e@x.io');
  expect(actorFromClaims({ ...claims, email_verified: false }, 'email')).toBe('s@x.io');
});

describe('a user name that looks like an address', () => {
  const claims = { preferred_username: 'admin@corp.example', sub: 'f:0a1b:eve' };
  const subject = made('f_0a1b_eve');

  test.each([
    ['the email is unverified', { email: 'admin@corp.example', email_verified: false }],
    ['there is no email', {}],
    ['there is only the mark of an unverified one', { email_verified: 'False' }],
    ['it is only similar to an address', { preferred_username: 'admin@corp' }],
    ['it has control characters too', { preferred_username: 'admin@corp.example\n' }],
  ])('does not become the actor where %s: the subject speaks', (_, more) => {
    expect(actorFromClaims({ ...claims, ...more }, 'email')).toBe(subject);
  });

  test('identifies nobody by itself', () => {
    const { preferred_username } = claims;
    expect(() => actorFromClaims({ preferred_username }, 'email')).toThrow(
      expect.objectContaining({ code: 'AUT-002' }) as Error,
    );
  });

  test('does not come into the place of another claim that is missing', () => {
    expect(actorFromClaims(claims, 'upn')).toBe(subject);
  });

  test('counts where it is the identity claim, unless it is marked as unverified', () => {
    const actor = (more: object) => actorFromClaims({ ...claims, ...more }, 'preferred_username');
    expect(actor({})).toBe('admin@corp.example');
    expect(actor({ email_verified: true })).toBe('admin@corp.example');
    expect(actor({ email_verified: false })).toBe(subject);
    expect(actor({ email_verified: false, preferred_username: 'eve' })).toBe(made('eve'));
  });
});

test.each([
  ['no claim', {}],
  ['only claims of other types', { email: { value: 'a@x.io' }, preferred_username: null, sub: 1 }],
  ['only blank claims', { email: '  ', preferred_username: '\u00a0', sub: '' }],
  ['a claim of 257 characters', { email: `${'a'.repeat(252)}@x.io`, sub: 'ada' }],
  ['a tab', { email: 'ada\t@x.io', sub: 'ada' }],
  ['a DEL', { email: 'ada\u007f@x.io', sub: 'ada' }],
  ['a C1 control character', { email: 'ada\u0085@x.io', sub: 'ada' }],
  ['inherited properties only', Object.create({ email: 'a@x.io' }) as Record<string, unknown>],
])('%s identifies nobody', (_name, claims) => {
  expect(() => actorFromClaims(claims, 'email')).toThrow(
    expect.objectContaining({ code: 'AUT-002', status: 401 }) as Error,
  );
});

test('a claim is found by its literal name first, then along the dots', () => {
  const claims = { 'a.b': 'literal', a: { b: 'nested', c: ['x'] }, 'https://x.io/roles': ['y'] };
  expect(claimValue(claims, 'a.b')).toBe('literal');
  expect(claimValue(claims, 'a.c')).toEqual(['x']);
  expect(claimValue(claims, 'https://x.io/roles')).toEqual(['y']);
  expect(claimValue(claims, 'a.c.length.x')).toBeUndefined();
  expect(claimValue(claims, 'a.missing')).toBeUndefined();
  expect(claimValue(claims, 'constructor.name')).toBeUndefined();
  expect(claimValue(claims, '__proto__')).toBeUndefined();
});

describe('an identity that must match a pattern', () => {
  const isService = (identity: string) => identity.startsWith('svc-');

  test('is accepted whichever claim it is in, and refused when it does not match', () => {
    expect(actorFromClaims({ email: 'svc-a@x.io' }, 'email', isService)).toBe('svc-a@x.io');
    expect(actorFromClaims({ sub: 'svc-a' }, 'email', isService)).toBe(made('svc-a'));
    for (const claims of [{ email: 'a@x.io' }, { email: 'a@x.io', sub: 'svc-a' }, { sub: 'a' }]) {
      expect(() => actorFromClaims(claims, 'email', isService)).toThrow(/does not match/);
    }
  });

  test('is the same from a header', () => {
    expect(actorFromHeader('svc-a@x.io', isService)).toBe('svc-a@x.io');
    expect(() => actorFromHeader('a@x.io', isService)).toThrow(
      'The identity header does not match the pattern of its issuer.',
    );
  });
});

describe('an identity header', () => {
  test.each([undefined, '', '  '])('that is %j names nobody', (value) => {
    expect(actorFromHeader(value)).toBeUndefined();
  });

  test('becomes the address that a claim with the same text becomes', () => {
    for (const email of ['ada@example.com', 'ada', 'adá@example.com', '日本', 'a..b@example.com']) {
      const sent = Buffer.from(email).toString('latin1');
      expect(actorFromHeader(sent)).toBe(actorFromClaims({ email }, 'email'));
    }
  });

  test.each([
    ['is longer than 256 characters', `${'a'.repeat(250)}@example.com`],
    ['contains control characters', 'ada\u0001'],
  ])('that %s is refused', (what, value) => {
    expect(() => actorFromHeader(value)).toThrow(`The identity header ${what}.`);
  });
});

test('an identity claim of another type is refused, whatever else the token has', () => {
  expect(() => actorFromClaims({ email: ['ada@example.com'], sub: 'ada' }, 'email')).toThrow(
    'The email claim is not a string.',
  );
});
