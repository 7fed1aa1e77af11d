import { JSON_TYPE, LIMIT, send } from '../support/body-server';

describe('a body that is used', () => {
  it('is returned as parsed', async () => {
    const body = { name: 'a', spec: { nodes: 3, deep: [1, [2, { x: null }]], text: 'ä😀"\\' } };
    expect(await send(JSON.stringify(body))).toMatchObject({ status: 200, value: body });
  });

  it.each([
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json; charset=us-ascii',
    'application/json; version=1; charset=utf8',
    'application/merge-patch+json',
  ])('may be of type %s', async (type) => {
    const mediaType = type.split(';')[0]!.toLowerCase();
    const answer = await send('{"a":1}', { 'content-type': type });
    expect(answer).toMatchObject({ value: { a: 1 }, mediaType });
  });

  it('may begin with a byte order mark', async () => {
    expect(await send('\uFEFF{"a":1}')).toMatchObject({ value: { a: 1 } });
  });

  it('may name the encoding that changes nothing', async () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'identity' };
    expect(await send('{"a":1}', headers)).toMatchObject({ value: { a: 1 } });
  });

  it('may have exactly the largest size', async () => {
    const body = `{"a":"${'x'.repeat(LIMIT - 8)}"}`;
    expect(Buffer.byteLength(body)).toBe(LIMIT);
    expect(await send(body)).toMatchObject({ status: 200 });
  });
});

describe('a body that is not JSON', () => {
  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['blanks', ' \n '],
  ])('is asked for when there is %s', async (_, body) => {
    expect(await send(body)).toMatchObject({
      status: 400,
      code: 'VAL-006',
      message: 'The request must have a JSON object as its body.',
    });
  });

  it('is asked for even when there is no media type either', async () => {
    expect(await send(undefined, {})).toMatchObject({ code: 'VAL-006' });
  });

  it.each([
    ['{"a":1,}', 'expected a property name in double quotes at line 1, column 8'],
    ['{\n  "a": tru\n}', 'unexpected symbol at line 2, column 8'],
    ['{"a":}', 'expected a value at line 1, column 6'],
    ['{"a":1', "expected '}' at line 1, column 7"],
    ['{"a":[1', "expected ']' at line 1, column 8"],
    ['{"a" 1}', "expected ':' at line 1, column 6"],
    ['{"a":[1 2]}', "expected ',' or a closing bracket at line 1, column 9"],
    ['{"a":1} {', 'expected the end of the body at line 1, column 9'],
    ['{"a":"\t"}', 'unescaped control character at line 1, column 6'],
    ['{"a":"\n"}', 'unterminated string at line 1, column 6'],
    ['{"a":"\\x"}', 'invalid escape sequence at line 1, column 6'],
    ['{"a":"\\u12"}', 'invalid Unicode escape sequence at line 1, column 6'],
    ['{"a":01}', "expected ',' or a closing bracket at line 1, column 7"],
    ['{"a":1.}', 'incomplete number at line 1, column 6'],
    ['{"a":-}', 'unexpected symbol at line 1, column 6'],
    ['{/* a */}', 'comments are not allowed at line 1, column 2'],
    ["{'a':1}", 'unexpected symbol at line 1, column 2'],
    ['a=1', 'unexpected symbol at line 1, column 1'],
  ])('is refused with the place of the error: %s', async (body, place) => {
    expect(await send(body)).toMatchObject({
      status: 400,
      code: 'VAL-006',
      message: `The body is not valid JSON: ${place}.`,
    });
  });

  it.each([
    ['[{"a":1}]', 'an array'],
    ['"text"', 'a string'],
    ['7', 'a number'],
    ['null', 'null'],
    ['true', 'a boolean'],
  ])('but not an object is refused: %s', async (body, kind) => {
    expect(await send(body)).toMatchObject({
      code: 'VAL-006',
      message: `The body must be a JSON object, not ${kind}.`,
    });
  });

  it('is refused when it is not UTF-8', async () => {
    const bodies = [
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
      // A surrogate on its own, as a sloppy encoder writes it.
      Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]),
      Buffer.from('{"a":1}', 'utf16le').subarray(0, 13),
    ];
    for (const body of bodies) {
      const answer = await send(body);
      expect(answer).toMatchObject({ status: 400, code: 'VAL-006' });
    }
  });
});

describe('a body of another kind', () => {
  it.each([
    [{ 'content-type': 'text/plain' }, "not 'text/plain'"],
    [
      { 'content-type': 'application/x-www-form-urlencoded' },
      'application/json or application/merge-patch+json',
    ],
    [{ 'content-type': 'application/jsonx' }, 'must be'],
    [{ 'content-type': 'multipart/form-data; boundary=application/json' }, 'must be'],
    [{}, 'it is missing'],
    [{ 'content-type': 'application/json; charset=utf-16' }, 'charset'],
    [{ 'content-type': 'application/json; Charset="iso-8859-1"' }, 'charset'],
    [{ ...JSON_TYPE, 'content-encoding': 'gzip' }, 'Content-Encoding'],
    [{ ...JSON_TYPE, 'content-encoding': 'identity, br' }, 'Content-Encoding'],
  ])('is refused: %j', async (headers, words) => {
    const answer = await send('{"a":1}', headers);
    expect(answer).toMatchObject({ status: 415, code: 'MED-001' });
    expect(answer.message).toContain(words);
  });
});

describe('a body that parsing would change', () => {
  it('is refused with all its fields', async () => {
    const body =
      '{"spec":{"id":9007199254740993,"id":1,"big":1e400,"tiny":1e-400,"__proto__":{"a":1}},' +
      '"labels":{"a":"\\u0000","b":"\\ud800"}}';
    const answer = await send(body);
    expect(answer).toMatchObject({ status: 400, code: 'VAL-000' });
    expect(answer.errors!.map(({ field, constraint }) => [field, constraint])).toEqual([
      ['spec.id', 'precision'],
      ['spec.id', 'uniqueKeys'],
      ['spec.big', 'range'],
      ['spec.tiny', 'range'],
      ['spec.__proto__', 'forbiddenKey'],
      ['labels.a', 'characters'],
      ['labels.b', 'characters'],
    ]);
  });

  it('is refused when it nests too deeply, small or large, quickly', async () => {
    for (const depth of [100, 18_000]) {
      const answer = await send(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
      expect(answer).toMatchObject({ status: 400, code: 'VAL-000' });
      expect(answer.errors).toMatchObject([{ constraint: 'maxDepth' }]);
    }
    expect(await send(`{"a":${'['.repeat(99)}${']'.repeat(99)}}`)).toMatchObject({ status: 200 });
  });

  it('is refused with VAL-006 when it is also not JSON', async () => {
    expect(await send(`{"a":${'['.repeat(18_000)}`)).toMatchObject({ code: 'VAL-006' });
  });
});
