import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/config';
import { declareIssuers, ISSUER_SCHEMA } from '../../src/config/issuers-file';
import { packageRoot } from '../../src/config/package-root';

const FULL = {
  issuer_url: 'https://a.example',
  jwk_cert_url: 'https://a.example/certs',
  jwk_cert_file: '/keys.json',
  jwk_cert_ca_file: '/ca.crt',
  header: 'X-Token',
  audience: ['hyperfleet', 'fleet'],
  identity_claim: 'sub',
  identity_claim_pattern: 'system:.*',
  identity_header: 'X-User',
};
const MINIMAL = { issuer_url: 'b', jwk_cert_file: '/keys.json' };

test('an entry with every property, and one with the fewest', () => {
  expect(declareIssuers([FULL, MINIMAL])).toEqual({
    faults: [],
    issuers: [
      {
        issuer: 'https://a.example',
        jwksUrl: 'https://a.example/certs',
        jwksFile: '/keys.json',
        caFile: '/ca.crt',
        header: 'X-Token',
        audience: ['hyperfleet', 'fleet'],
        identityClaim: 'sub',
        identityPattern: /^(?:system:.*)$/u,
        identityHeader: 'X-User',
      },
      {
        issuer: 'b',
        jwksFile: '/keys.json',
        header: 'Authorization',
        identityClaim: 'email',
      },
    ],
  });
});

test('an empty string counts as absent', () => {
  const empty = Object.fromEntries(Object.keys(FULL).map((name) => [name, '']));
  expect(declareIssuers([{ ...empty, ...MINIMAL }])).toEqual(declareIssuers([MINIMAL]));
});

test('one issuer may send tokens in two headers, and two issuers in one', () => {
  const entries = [MINIMAL, { ...MINIMAL, header: 'X-Token' }, { ...MINIMAL, issuer_url: 'c' }];
  expect(declareIssuers(entries).faults).toEqual([]);
});

test('the value of an unknown property may be a secret and is not shown', () => {
  const { faults } = declareIssuers([{ ...MINIMAL, shared_key: 'hunter2' }]);
  expect(faults).toEqual(['issuers.0.shared_key is not allowed']);
});

test.each<[name: string, content: unknown, ...faults: string[]]>([
  ['nothing', null, 'it must be a list of issuers, each with issuer_url'],
  ['an empty list', [], 'it must be a list of issuers, each with issuer_url'],
  ['a map', { issuers: [] }, 'it must be a list of issuers, each with issuer_url'],
  ['a word', ['x'], 'issuers.0 must be object (got "x")'],
  [
    'unknown and missing properties',
    [{ issuer: 'a', jwks: 1 }],
    'issuers.0.issuer_url is required',
    'issuers.0.issuer is not allowed',
    'issuers.0.jwks is not allowed',
  ],
  [
    'values of other types',
    [MINIMAL, { issuer_url: 1, audience: [''], header: 'A B' }],
    'issuers.1.issuer_url must be string (got 1)',
    'issuers.1.header must match pattern "^[A-Za-z0-9!#$%&\'*+.^_`|~-]*$" (got "A B")',
    'issuers.1.audience.0 must NOT have fewer than 1 characters (got "")',
  ],
  ['no audience of several', [{ ...MINIMAL, audience: [] }], 'issuers.0.audience must NOT have'],
  ['no keys', [{ issuer_url: 'a' }], 'issuers.0.jwk_cert_url or jwk_cert_file is required'],
  [
    'wildcards',
    [{ ...MINIMAL, issuer_url: '*', audience: '*' }],
    'issuers.0.issuer_url must name one issuer',
    'issuers.0.audience must be empty to accept any, not *',
  ],
  [
    'keys without encryption',
    [{ issuer_url: 'a', jwk_cert_url: 'http://a.example/certs' }],
    'issuers.0.jwk_cert_url must begin with https://',
  ],
  [
    'an authority for nothing',
    [{ ...MINIMAL, jwk_cert_ca_file: '/ca.crt' }],
    'issuers.0.jwk_cert_ca_file requires a jwk_cert_url with https',
  ],
  [
    'an authority for a server without TLS',
    [{ issuer_url: 'a', jwk_cert_url: 'http://localhost/', jwk_cert_ca_file: '/ca.crt' }],
    'issuers.0.jwk_cert_ca_file requires a jwk_cert_url with https',
  ],
  [
    'patterns that are none',
    [
      { ...MINIMAL, identity_claim_pattern: '(' },
      { ...MINIMAL, identity_claim_pattern: 'a)|(b' },
    ],
    'issuers.0.identity_claim_pattern is not usable: Invalid regular expression',
    'issuers.1.identity_claim_pattern is not usable: Invalid regular expression',
  ],
  [
    'headers with another meaning',
    [
      { ...MINIMAL, header: 'Cookie' },
      { ...MINIMAL, identity_header: 'x-REQUEST-id' },
    ],
    'issuers.0.header must not be Cookie, which has another meaning',
    'issuers.1.identity_header must not be x-REQUEST-id, which has another meaning',
  ],
  [
    'an identity in a header of tokens',
    [
      { ...MINIMAL, identity_header: 'authorization' },
      { ...MINIMAL, issuer_url: 'c', identity_header: 'X-TOKEN' },
      { ...MINIMAL, header: 'x-token' },
    ],
    'issuers.0.identity_header must not be a header of tokens (authorization)',
    'issuers.1.identity_header must not be a header of tokens (X-TOKEN)',
  ],
  [
    'the same issuer twice in one header',
    [MINIMAL, { ...MINIMAL, header: 'AUTHORIZATION' }],
    'issuers.1 has the issuer and the header of issuers.0',
  ],
])('%s', (_name, content, ...expected) => {
  const { faults } = declareIssuers(content);
  expect(faults).toEqual(
    expected.map((fault) => expect.stringContaining(fault) as unknown as string),
  );
});

test('the issuer of the single variables must not be repeated', () => {
  const own = { issuer: 'b', header: 'Authorization', identityClaim: 'email' };
  const { faults } = declareIssuers([MINIMAL], [own]);
  expect(faults).toEqual(['issuers.0 has the issuer and the header of AUTH_ISSUER']);
});

test('the documentation describes every property, by entries that can be used', () => {
  const page = readFileSync(join(packageRoot, 'docs', 'security.md'), 'utf8');
  const [, section = ''] = page.split('\n### Several issuers\n');
  const [, example = ''] = /```yaml\n([^]*?)```/.exec(section) ?? [];
  expect(declareIssuers(parse(example))).toMatchObject({ faults: [], issuers: { length: 3 } });
  const described = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(described).toEqual(Object.keys(ISSUER_SCHEMA.properties));
});

describe('the variables beside a file', () => {
  const load = (env: Record<string, string>) => () =>
    loadConfig({ AUTH_ENABLED: 'true', AUTH_ISSUERS_FILE: '/issuers.yaml', ...env });
  const OWN = { AUTH_JWKS_FILE: '/keys.json', AUTH_ISSUER: 'a', AUTH_AUDIENCE: '*' };

  test('may all be absent, or name one more issuer', () => {
    expect(load({})).not.toThrow();
    expect(load(OWN)).not.toThrow();
  });

  test.each(Object.keys(OWN))('must be complete: not without %s', (name) => {
    expect(load({ ...OWN, [name]: '' })).toThrow(
      new RegExp(`${name}.* must be set when another variable of its issuer is`),
    );
  });

  test('must not accept any issuer', () => {
    expect(load({ ...OWN, AUTH_ISSUER: '*' })).toThrow(/AUTH_ISSUER='\*'.*AUTH_ISSUERS_FILE/);
    expect(load({ ...OWN, AUTH_ISSUER: '*', AUTH_ISSUERS_FILE: '' })).not.toThrow();
  });

  test('are required without it', () => {
    expect(load({ AUTH_ISSUERS_FILE: '' })).toThrow(
      /AUTH_JWKS_URL or AUTH_JWKS_FILE, or AUTH_ISSUERS_FILE, must be set when AUTH_ENABLED=true[^]*AUTH_ISSUER must[^]*AUTH_AUDIENCE must/,
    );
  });
});
