import { mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  type Authorizer,
  createAuthorizer,
  parseRules,
  wildcardMatcher,
} from '../../src/auth/authorizer';
import { ProblemError } from '../../src/problems/problem';
import { recordedLog } from '../support/recorded-log';

const OPERATIONS = [
  'getClusters',
  'getClusterById',
  'postCluster',
  'postClusterStatuses',
  'putClusterStatuses',
  'forceDeleteCluster',
];
const log = jest.fn();
let directory: string;
let rulesFile: string;
let authorizer: Authorizer | undefined;

beforeEach(async () => {
  log.mockClear();
  directory = await mkdtemp(join(tmpdir(), 'rules-'));
  rulesFile = join(directory, 'rules.yaml');
});

afterEach(async () => {
  authorizer?.close();
  await rm(directory, { recursive: true });
});

async function open(content: string): Promise<void> {
  await writeFile(rulesFile, content);
  authorizer = await createAuthorizer(rulesFile, recordedLog(log), OPERATIONS);
}

function allowed(operationId: string, claims: Record<string, unknown>): boolean {
  try {
    authorizer?.check(operationId, claims);
    return true;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    expect([error.status, error.code]).toEqual([403, 'AUZ-001']);
    expect(error.message).toContain(operationId);
    return false;
  }
}

const ADAPTERS = `
- claim: sub
  pattern: "adapter-*"
  operations: [getClusters, "p*ClusterStatuses"]
- claim: realm_access.roles
  pattern: fleet-admin
  operations: ["*"]
- {claim: email, pattern: "*@example.com", operations: [get*]}
`;

test('an adapter may read and report but neither create nor force the deletion', async () => {
  await open(ADAPTERS);
  const claims = { sub: 'adapter-dns' };
  expect(OPERATIONS.filter((operation) => allowed(operation, claims))).toEqual([
    'getClusters',
    'postClusterStatuses',
    'putClusterStatuses',
  ]);
});

test('a rule that names an issuer holds for its tokens alone', async () => {
  await open(
    '[{issuer: "https://a.example", claim: sub, pattern: "*", operations: [getClusters]}]',
  );
  expect(allowed('getClusters', { sub: 'ada', iss: 'https://a.example' })).toBe(true);
  for (const iss of ['https://a.example/', 'https://b.example', '*', undefined]) {
    expect(allowed('getClusters', { sub: 'ada', iss })).toBe(false);
  }
  const rule = { claim: 'sub', pattern: '*', operations: ['*'] };
  for (const issuer of ['', 7, null, ['https://a.example']]) {
    expect(() => parseRules(JSON.stringify([{ ...rule, issuer }]), OPERATIONS)).toThrow(
      'rule 1: issuer must be a non-empty string',
    );
  }
});

test.each([
  ['a role in a nested list', { realm_access: { roles: ['viewer', 'fleet-admin'] } }, true],
  ['a role in a list with the dotted name', { 'realm_access.roles': ['fleet-admin'] }, true],
  ['a role as text', { realm_access: { roles: 'fleet-admin' } }, true],
  [
    'a role that only contains ours',
    { realm_access: { roles: ['not-fleet-admin-at-all'] } },
    false,
  ],
  ['a role in other letter case', { realm_access: { roles: ['Fleet-Admin'] } }, false],
  ['a role inside another list', { realm_access: { roles: [['fleet-admin']] } }, false],
  ['a role as a member name', { realm_access: { roles: { 'fleet-admin': true } } }, false],
  ['no claims', {}, false],
])('%s: the administrator rule holds = %s', async (_name, claims, expected) => {
  await open(ADAPTERS);
  expect(allowed('forceDeleteCluster', claims)).toBe(expected);
});

test('an unverified email matches no rule, because anybody could have typed it', async () => {
  await open(ADAPTERS);
  expect(allowed('getClusters', { email: 'ada@example.com' })).toBe(true);
  expect(allowed('getClusters', { email: 'ada@example.com', email_verified: false })).toBe(false);
});

test('nor does an unverified one that stands in the user name', async () => {
  const rule = { claim: 'preferred_username', pattern: '*@example.com', operations: ['*'] };
  await open(JSON.stringify([rule]));
  const claims = { preferred_username: 'ada@example.com' };
  expect(allowed('getClusters', claims)).toBe(true);
  expect(allowed('getClusters', { ...claims, email_verified: true })).toBe(true);
  expect(allowed('getClusters', { ...claims, email_verified: false })).toBe(false);
});

test('an operation that is not known is denied, even with a rule for all', async () => {
  await open('[{"claim": "sub", "pattern": "*", "operations": ["*"]}]');
  expect(allowed('getClusters', { sub: 'x' })).toBe(true);
  expect(allowed('getSecrets', { sub: 'x' })).toBe(false);
});

test.each([['[]'], [''], ['# no rules yet\n']])(
  'a file with %j denies everything and warns',
  async (content) => {
    await open(content);
    expect(OPERATIONS.filter((operation) => allowed(operation, { sub: 'x' }))).toEqual([]);
    expect(log).toHaveBeenCalledWith('warn', expect.stringContaining('everything is denied'));
  },
);

test('no file denies everything and warns', async () => {
  authorizer = await createAuthorizer(undefined, recordedLog(log), OPERATIONS);
  expect(allowed('getClusters', { sub: 'x' })).toBe(false);
  await authorizer.reload();
  expect(log).toHaveBeenCalledWith('warn', expect.stringContaining('everything is denied'));
});

test.each([
  ['claim: sub', 'must be a list'],
  ['- text', 'rule 1: must be an object'],
  ['- [sub]', 'rule 1: must be an object'],
  ['- null', 'rule 1: must be an object'],
  ['- {pattern: a, operations: [getClusters]}', 'rule 1: claim must be a non-empty string'],
  [
    '- {claim: "", pattern: a, operations: [getClusters]}',
    'rule 1: claim must be a non-empty string',
  ],
  ['- {claim: sub, operations: [getClusters]}', 'rule 1: pattern must be a non-empty string'],
  [
    '- {claim: sub, pattern: 7, operations: [getClusters]}',
    'rule 1: pattern must be a non-empty string',
  ],
  ['- {claim: sub, pattern: a}', 'rule 1: operations must be a list'],
  ['- {claim: sub, pattern: a, operations: getClusters}', 'rule 1: operations must be a list'],
  ['- {claim: sub, pattern: a, operations: []}', 'rule 1: operations must be a list'],
  [
    '- {claim: sub, pattern: a, operations: [1]}',
    'rule 1: operations[0] must be a non-empty string',
  ],
  [
    '- {claim: sub, pattern: a, operations: [getClusters, getcluster]}',
    'rule 1: operations[1] "getcluster" matches no operation',
  ],
  [
    '- {claim: sub, pattern: a, operations: [getClusters], deny: true}',
    'rule 1: unknown property "deny"',
  ],
  [
    '- {claim: sub, pattern: a, operations: [getClusters], __proto__: {}}',
    'rule 1: unknown property "__proto__"',
  ],
  ['- {claim: sub, claim: email, pattern: a, operations: [getClusters]}', 'unique'],
  ['- {claim: sub, pattern: *, operations: [getClusters]}', 'quote a string'],
  ['- {claim: sub', 'neither YAML nor JSON'],
  ['[]\n---\n[]', 'neither YAML nor JSON'],
])('the rules %j are refused with "%s"', (content, message) => {
  expect(() => parseRules(content, OPERATIONS)).toThrow(message);
});

test('all faults of all rules are named at once', () => {
  const content = '- {claim: sub}\n- {claim: sub, pattern: a, operations: ["*"]}\n- {rule: 1}\n';
  expect(() => parseRules(content, OPERATIONS)).toThrow(
    /rule 1: operations .*rule 1: pattern .*rule 3: unknown property "rule".*rule 3: claim /,
  );
});

test('a bad or missing first file stops the start and is named', async () => {
  await expect(open('- x')).rejects.toThrow(
    `(AUTHZ_RULES_FILE) ${rulesFile} cannot be used: rule 1`,
  );
  await unlink(rulesFile);
  await expect(createAuthorizer(rulesFile, recordedLog(log), OPERATIONS)).rejects.toThrow(
    rulesFile,
  );
});

const only = (operation: string) => `- {claim: sub, pattern: "*", operations: [${operation}]}`;

test('a changed file is followed by itself, also when a mounted link is swapped', async () => {
  await writeFile(join(directory, 'one'), only('getClusters'));
  await writeFile(join(directory, 'two'), only('postCluster'));
  await symlink('one', rulesFile);
  authorizer = await createAuthorizer(rulesFile, recordedLog(log), OPERATIONS);
  expect(allowed('getClusters', { sub: 'x' })).toBe(true);
  await symlink('two', join(directory, 'next'));
  await rename(join(directory, 'next'), rulesFile);
  const deadline = Date.now() + 4_500;
  while (!allowed('postCluster', { sub: 'x' }) && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(allowed('postCluster', { sub: 'x' })).toBe(true);
  expect(allowed('getClusters', { sub: 'x' })).toBe(false);
});

test('a bad new file keeps the old rules, is logged once, and a good one takes over', async () => {
  await open(only('getClusters'));
  await writeFile(rulesFile, only('getClustr'));
  await authorizer?.reload();
  await authorizer?.reload();
  expect(allowed('getClusters', { sub: 'x' })).toBe(true);
  expect(log.mock.calls).toEqual([
    ['error', expect.stringContaining('old content'), expect.objectContaining({ path: rulesFile })],
  ]);
  await unlink(rulesFile);
  await authorizer?.reload();
  expect(allowed('getClusters', { sub: 'x' })).toBe(true);
  await writeFile(rulesFile, only('postCluster'));
  await authorizer?.reload();
  expect(allowed('getClusters', { sub: 'x' })).toBe(false);
  expect(allowed('postCluster', { sub: 'x' })).toBe(true);
});

test('a file that was bad and is as before again is in force and logged as such', async () => {
  await open(only('getClusters'));
  await writeFile(rulesFile, '{');
  await authorizer?.reload();
  await writeFile(rulesFile, only('getClusters'));
  await authorizer?.reload();
  expect(log.mock.calls.map(([level]: unknown[]) => level)).toEqual(['error', 'info']);
});

test.each([
  ['abc', 'abc', true],
  ['abc', 'abcd', false],
  ['abc', 'ABC', false],
  ['*', '', true],
  ['*', 'a\nb', true],
  ['**', 'x', true],
  ['a*', 'a', true],
  ['a*', 'ba', false],
  ['*a', 'ba', true],
  ['*a', 'ab', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['a*b*c', 'aXbYc', true],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'acb', false],
  ['a*bc*c', 'abc', false],
  ['*ab*ab', 'ab', false],
  ['*ab*ab', 'abab', true],
  ['a.c', 'abc', false],
  ['a?c', 'abc', false],
  ['[a-z]', 'b', false],
  ['(a+)+$', '(a+)+$', true],
])('the pattern %j on %j matches: %s', (pattern, text, expected) => {
  expect(wildcardMatcher(pattern)(text)).toBe(expected);
});

test('a pattern made for backtracking costs nothing on a long text', () => {
  const startedAt = performance.now();
  expect(wildcardMatcher(`${'*a'.repeat(40)}*b`)('a'.repeat(100_000))).toBe(false);
  expect(wildcardMatcher(`${'*a'.repeat(40)}*b*`)('a'.repeat(100_000))).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(200);
});
