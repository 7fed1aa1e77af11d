import { gzipSync } from 'node:zlib';
import { CLUSTERS, type HostileRequest, table } from './hostile-request';

/* Bodies that are not what they are said to be, or not JSON, or would be changed by being read. */

const MALFORMED = { status: 400, code: 'VAL-006' };
const INVALID = { status: 400, code: 'VAL-000' };
const WRONG_TYPE = { status: 415, code: 'MED-001' };
const TOO_LARGE = { status: 413, code: 'LRG-001' };
const create = { method: 'POST', path: CLUSTERS };
const GOOD = { name: 'never-made', spec: {} };
const repeated = (count: number, open: string, close = '') =>
  open.repeat(count) + close.repeat(count);
const inSpec = (json: string) => `{"name":"never-made","spec":${json}}`;

const contentTypes = table(
  [
    ['text/plain'],
    ['application/xml'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/jsonp'],
    ['application/json-patch+json'],
    ['application/merge-patch+json'],
    ['application/json, text/plain'],
    ['application/json; charset=utf-16'],
    ['application/json; charset=latin1'],
    ['application/json; charset="utf-7"'],
    ['*/*'],
    ['application/*'],
    ['json'],
    [''],
    [`application/json${'x'.repeat(8000)}`],
  ] as const,
  (type) => ({ ...create, headers: { 'Content-Type': type }, body: GOOD, ...WRONG_TYPE }),
  (type) => `a body of the type '${type.slice(0, 40)}'`,
);

const encodings = table(
  [
    ['gzip', gzipSync(JSON.stringify(GOOD))],
    ['gzip', gzipSync(Buffer.alloc(50_000_000), { level: 1 })],
    ['br', 'x'],
    ['deflate', 'x'],
    ['zstd', 'x'],
    ['identity, gzip', 'x'],
    ['GZIP', 'x'],
    ['unknown', 'x'],
  ] as const,
  (encoding, body) => ({
    ...create,
    headers: { 'Content-Type': 'application/json', 'Content-Encoding': encoding },
    body,
    ...WRONG_TYPE,
  }),
  (encoding, body) => `${body.length} bytes in the encoding ${encoding}`,
);

const notJson = table(
  [
    ['nothing', ''],
    ['blanks', ' \n\t '],
    ['a byte order mark', '\uFEFF'],
    ['a list', '[]'],
    ['a list of requests', JSON.stringify([GOOD, GOOD])],
    ['a text', '"x"'],
    ['a number', '1'],
    ['true', 'true'],
    ['null', 'null'],
    ['a word', 'undefined'],
    ['half an object', '{"name":'],
    ['an object with something behind it', '{}x'],
    ['two objects', '{}{}'],
    ['a comma too many', '{"name":"abc",}'],
    ['a comment', '{/* */}'],
    ['single quotes', "{'name':'abc'}"],
    ['a name without quotes', '{name:"abc"}'],
    ['NaN', inSpec('{"a":NaN}')],
    ['Infinity', inSpec('{"a":-Infinity}')],
    ['a leading zero', inSpec('{"a":01}')],
    ['a plus sign', inSpec('{"a":+1}')],
    ['a hexadecimal number', inSpec('{"a":0x10}')],
    ['a line feed inside a text', inSpec('{"a":"\n"}')],
    ['a bad escape', inSpec('{"a":"\\x41"}')],
    ['XML', '<cluster/>'],
    ['YAML', 'name: abc\nspec: {}\n'],
    ['a form', 'name=abc&spec={}'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
    ['an overlong slash', Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d])],
    ['a surrogate in UTF-8', Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
    ['UTF-16', Buffer.from(JSON.stringify(GOOD), 'utf16le')],
    ['200,000 brackets that are never closed', repeated(200_000, '[')],
    ['100,000 properties that are never closed', repeated(50_000, '{"a":')],
  ] as const,
  (_, body) => ({ ...create, body, ...MALFORMED }),
  (what) => `a body that is ${what}`,
);

/** Each would be changed by being read, without a word. */
const changing = table(
  [
    ['a list nested 101 deep', inSpec(`{"a":${repeated(99, '[', ']')}}`), 'spec.a'],
    ['a list nested 100,000 deep', inSpec(`{"a":${repeated(100_000, '[', ']')}}`), 'spec.a'],
    [
      'objects nested 20,000 deep',
      inSpec(`${repeated(20_000, '{"a":')}1${'}'.repeat(20_000)}`),
      'spec.a',
    ],
    ['a property twice', '{"name":"abc","name":"never-made","spec":{}}', 'name'],
    [
      'a property twice, once escaped',
      '{"name":"abc","n\\u0061me":"never-made","spec":{}}',
      'name',
    ],
    ['a property of the spec twice', inSpec('{"a":1,"a":2}'), 'spec.a'],
    ['__proto__', '{"__proto__":{"admin":true},"name":"never-made","spec":{}}', '__proto__'],
    ['__proto__ in the spec', inSpec('{"a":{"__proto__":{"b":1}}}'), 'spec.a.__proto__'],
    ['__proto__, escaped', inSpec('{"\\u005f_proto__":{"b":1}}'), 'spec.__proto__'],
    ['a NUL', inSpec('{"a":"x\\u0000y"}'), 'spec.a'],
    ['a NUL in a name', inSpec('{"a\\u0000b":1}'), 'spec.a\\u0000b'],
    ['half a surrogate pair', inSpec('{"a":"\\ud83d"}'), 'spec.a'],
    ['the other half', inSpec('{"a":"\\udca5x"}'), 'spec.a'],
    ['half a surrogate pair in a name', inSpec('{"\\ud83d":1}'), 'spec.\\ud83d'],
    ['a number beyond 2^53', inSpec('{"a":9007199254740993}'), 'spec.a'],
    ['a number of 400 digits', inSpec(`{"a":${'9'.repeat(400)}}`), 'spec.a'],
    ['a number that overflows', inSpec('{"a":1e400}'), 'spec.a'],
    ['a negative number that overflows', inSpec('{"a":[-1e309]}'), 'spec.a.0'],
    ['a number that vanishes', inSpec('{"a":1e-400}'), 'spec.a'],
  ] as const,
  (_, body, field) => ({ ...create, body, ...INVALID, fields: [field] }),
  (what) => `a body with ${what}`,
).map((request) =>
  // What is nested too deeply is named with its whole path.
  request.what.includes('deep') ? { ...request, fields: undefined } : request,
);

export const BODIES: HostileRequest[] = [
  ...contentTypes,
  ...encodings,
  ...notJson,
  ...changing,
  { what: 'no body at all', ...create, ...MALFORMED },
  { what: 'a body over the limit', ...create, body: 'x'.repeat(262_145), ...TOO_LARGE },
  {
    what: 'a chunked body over the limit',
    ...create,
    body: 'x'.repeat(400_000),
    chunked: true,
    ...TOO_LARGE,
  },
  { what: 'an empty chunked body', ...create, body: '', chunked: true, ...MALFORMED },
];
