import { CLUSTER, CLUSTERS, type HostileRequest, MARKED, table } from './hostile-request';

/* JSON objects whose properties are not what they should be, or are odd and yet fine. */

const MALFORMED = { status: 400, code: 'VAL-006' };
const INVALID = { status: 400, code: 'VAL-000' };
const create = { method: 'POST', path: CLUSTERS };
const GOOD = { name: 'never-made', spec: {} };
const nested = (count: number) => '['.repeat(count) + ']'.repeat(count);

const manyLabels = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));

const clusters = table(
  [
    ['nothing', {}, ['name', 'spec']],
    ['no name', { spec: {} }, ['name']],
    ['a short name', { name: 'ab', spec: {} }, ['name']],
    ['a name of 54 characters', { name: 'a'.repeat(54), spec: {} }, ['name']],
    ['a name of 200,000 characters', { name: 'a'.repeat(200_000), spec: {} }, ['name']],
    ['an upper-case name', { name: 'Abc', spec: {} }, ['name']],
    ['a name that ends with a hyphen', { name: 'abc-', spec: {} }, ['name']],
    ['a name that ends with a line feed', { name: 'abc\n', spec: {} }, ['name']],
    ['a name with a blank', { name: 'a bc', spec: {} }, ['name']],
    ['a name of other letters', { name: 'аbc', spec: {} }, ['name']],
    ['SQL as its name', { name: "x'; DROP TABLE resources", spec: {} }, ['name']],
    ['a number as its name', { name: 123, spec: {} }, ['name']],
    ['null as its name', { name: null, spec: {} }, ['name']],
    ['a list as its name', { name: ['abc'], spec: {} }, ['name']],
    ['an object as its name', { name: { $ne: '' }, spec: {} }, ['name']],
    ['another kind', { ...GOOD, kind: 'NodePool' }, ['kind']],
    ['the kind in lower case', { ...GOOD, kind: 'cluster' }, ['kind']],
    ['null as its kind', { ...GOOD, kind: null }, ['kind']],
    ['no spec', { name: 'never-made' }, ['spec']],
    ['null as its spec', { ...GOOD, spec: null }, ['spec']],
    ['a list as its spec', { ...GOOD, spec: [] }, ['spec']],
    ['a text as its spec', { ...GOOD, spec: '{}' }, ['spec']],
    ['65 labels', { ...GOOD, labels: manyLabels(65) }, ['labels']],
    ['10,000 labels', { ...GOOD, labels: manyLabels(10_000) }, ['labels']],
    ['a list as its labels', { ...GOOD, labels: ['a'] }, ['labels']],
    ['a text as its labels', { ...GOOD, labels: 'a=b' }, ['labels']],
    ['a number as a label', { ...GOOD, labels: { a: 1 } }, ['labels.a']],
    ['null as a label', { ...GOOD, labels: { a: null } }, ['labels.a']],
    ['an object as a label', { ...GOOD, labels: { a: {} } }, ['labels.a']],
    ['a label of 64 characters', { ...GOOD, labels: { a: 'x'.repeat(64) } }, ['labels.a']],
    ['a label with a blank', { ...GOOD, labels: { a: 'x y' } }, ['labels.a']],
    ['a label with a line feed', { ...GOOD, labels: { a: 'x\n' } }, ['labels.a']],
    ['an empty label key', { ...GOOD, labels: { '': 'x' } }, ['labels.']],
    [
      'a label key of 64 characters',
      { ...GOOD, labels: { ['k'.repeat(64)]: 'x' } },
      [`labels.${'k'.repeat(64)}`],
    ],
    ['a label key with a blank', { ...GOOD, labels: { 'a b': 'x' } }, ['labels.a b']],
    ['a label key with two slashes', { ...GOOD, labels: { 'a/b/c': 'x' } }, ['labels.a/b/c']],
    [
      'a label key with an upper-case prefix',
      { ...GOOD, labels: { 'A.b/c': 'x' } },
      ['labels.A.b/c'],
    ],
    ['a label key with a quote', { ...GOOD, labels: { "a'b": 'x' } }, ["labels.a'b"]],
    [
      'wrong types everywhere',
      { kind: 1, name: {}, spec: 'x', labels: 7 },
      ['kind', 'name', 'spec', 'labels'],
    ],
  ] as const,
  (_, body, fields) => ({ ...create, body, ...INVALID, fields: [...fields] }),
  (what) => `a cluster with ${what}`,
);

/** Odd, and to be kept exactly as it is. */
const kept = table(
  [
    ['a byte order mark before it', `\uFEFF{"name":"hostile-bom","spec":{}}`],
    [
      'names of every object in its spec',
      '{"name":"hostile-proto","spec":{"constructor":{"prototype":{"polluted":1}},"toString":1,"hasOwnProperty":null}}',
    ],
    ['a spec nested 98 deep', `{"name":"hostile-deep","spec":{"a":${nested(98)}}}`],
    [
      'properties that the service decides',
      '{"name":"hostile-ids","spec":{},"id":"mine","generation":99,"status":{"phase":"Ready"},"created_by":"root@x.org","deleted_time":"2020-01-01T00:00:00Z"}',
    ],
    [
      'a name of 200,000 characters in its spec',
      `{"name":"hostile-key","spec":{"${'k'.repeat(200_000)}":1}}`,
    ],
    [
      '15,000 properties in its spec',
      `{"name":"hostile-wide","spec":${JSON.stringify(Object.fromEntries(Array.from({ length: 15_000 }, (_, n) => [`k${n}`, n])))}}`,
    ],
    [
      'SQL, HTML and a template in its spec',
      `{"name":"hostile-text","spec":{"a":"'; DROP TABLE resources; --","b":"<script>alert(1)</script>","c":"\${7*7}{{7*7}}"}}`,
    ],
    [
      'a charset in capitals',
      '{"name":"hostile-charset","spec":{}}',
      'Application/JSON ; CharSet="UTF-8"',
    ],
  ] as const,
  (_, body, type?: string) => ({
    ...create,
    headers: { 'Content-Type': type ?? 'application/json' },
    body,
    status: 201,
  }),
  (what) => `a cluster with ${what}`,
);

const merge = { 'Content-Type': 'application/merge-patch+json' };
const patches = table(
  [
    ['nothing', {}, INVALID],
    ['a name', { name: 'other' }, INVALID],
    ['a status', { status: { phase: 'Ready' }, labels: {} }, INVALID],
    ['null as its spec', { spec: null }, INVALID],
    ['a list as its spec', { spec: [] }, INVALID],
    ['null as a label', { labels: { a: null } }, INVALID],
    ['a JSON patch', [{ op: 'replace', path: '/spec', value: {} }], MALFORMED],
    ['__proto__ in a merge', '{"spec":{"__proto__":{"a":1}}}', INVALID, merge],
    ['null as the spec of a merge', { spec: null }, INVALID, merge],
    ['a bad label key in a merge', { labels: { 'a b': 'x' } }, INVALID, merge],
    ['a number as a label of a merge', { labels: { a: 1 } }, INVALID, merge],
    ['65 labels in a merge', { labels: manyLabels(65) }, INVALID, merge],
    ['a list as a merge', [], MALFORMED, merge],
  ] as const,
  (_, body, expected, headers?: Record<string, string>) => ({
    ...{ method: 'PATCH', path: CLUSTER, body, headers },
    ...expected,
  }),
  (what) => `a patch with ${what}`,
);

const forced = table(
  [
    ['nothing', {}, MARKED, INVALID],
    ['an empty reason', { reason: '' }, MARKED, INVALID],
    ['a reason of 1025 characters', { reason: 'x'.repeat(1025) }, MARKED, INVALID],
    ['a number as its reason', { reason: 1 }, MARKED, INVALID],
    ['null as its reason', { reason: null }, MARKED, INVALID],
    ['no body', undefined, MARKED, MALFORMED],
    ['a cluster that is not marked', { reason: 'x' }, CLUSTER, { status: 409, code: 'CNF-003' }],
    ['an unknown cluster', { reason: 'x' }, `${CLUSTERS}/2x`, { status: 404, code: 'NTF-001' }],
  ] as const,
  (_, body, path, expected) => ({
    method: 'POST',
    path: `${path}/force-delete`,
    body,
    ...expected,
  }),
  (what) => `a force-delete with ${what}`,
);

export const PROPERTIES: HostileRequest[] = [
  ...clusters,
  ...kept,
  ...patches,
  ...forced,
  {
    what: 'a patch of what is being deleted',
    method: 'PATCH',
    path: MARKED,
    body: { spec: {} },
    status: 409,
    code: 'CNF-003',
  },
  {
    what: 'a node pool below what is being deleted',
    method: 'POST',
    path: `${MARKED}/nodepools`,
    body: { name: 'pool-1', spec: {} },
    status: 409,
    code: 'CNF-003',
  },
  {
    what: 'a node pool with a name of 16 characters',
    method: 'POST',
    path: `${CLUSTER}/nodepools`,
    body: { name: 'p'.repeat(16), spec: {} },
    ...INVALID,
    fields: ['name'],
  },
  {
    what: 'a body where none belongs',
    method: 'DELETE',
    path: `${CLUSTERS}/2x`,
    body: { force: true },
    status: 404,
    code: 'NTF-001',
  },
];
