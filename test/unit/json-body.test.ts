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
    expect(await send('{"a":1}', { 'content-type': type })).toMatchObject({ value: { a: 1 } });
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
      message: 'The request needs a JSON object as its body.',
    });
  });

  it('is asked for even when there is no media type either', async () => {
    expect(await send(undefined, {})).toMatchObject({ code: 'VAL-006' });
  });

  it.each([
    ['{"a":1,}', 'line 1, column 8 should have a name in double quotes'],
    ['{\n  "a": tru\n}', 'line 2, column 8 should have a value'],
    ['{"a":1', "line 1, column 7 should have ',' or '}'"],
    ['{"a" 1}', "line 1, column 6 should have ':'"],
    ['{"a":[1 2]}', "line 1, column 9 should have ',' or ']'"],
    ['{"a":1} x', 'line 1, column 9 should have the end of the body'],
    [
      '{"a":"\t"}',
      'line 1, column 7 should have the closing double quote, and no control character before it',
    ],
    ['{"a":"\\x"}', 'line 1, column 7 should have a valid escape sequence'],
    ['{"a":01}', 'line 1, column 6 should have a number without leading zeros'],
    ['{"a":-}', 'line 1, column 7 should have a digit'],
    ["{'a':1}", 'line 1, column 2 should have a name in double quotes'],
    ['a=1', 'line 1, column 1 should have a value'],
  ])('is refused with the place of the error: %s', async (body, place) => {
    expect(await send(body)).toMatchObject({
      status: 400,
      code: 'VAL-006',
      message: `The body is not JSON: ${place}.`,
    });
  });

  it.each([
    ['[{"a":1}]', 'a list'],
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
    [{}, 'there is none'],
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

  it('names its place as VAL-006 when it is also not JSON', async () => {
    expect(await send(`{"a":${'['.repeat(18_000)}`)).toMatchObject({ code: 'VAL-006' });
  });
});
