import fc from 'fast-check';
import pg from 'pg';
import { jsonPieces, keepLargeJson, LargeJson } from '../../src/postgres/large-json';

const written = (value: unknown) =>
  Buffer.concat(jsonPieces(value).map((piece) => Buffer.from(piece)));
const JSONB = 3802;
const types: { getTypeParser(oid: number): unknown } = keepLargeJson(pg.types);
const parse = types.getTypeParser(JSONB) as (text: string) => unknown;

/** The same with every property of the right name as it comes from the database. */
function enlarged(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (name, inner: unknown) =>
    name === 'large' ? new LargeJson(JSON.stringify(inner)) : inner,
  );
}

it('is written among other values exactly as it is', () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 });
  const item = fc.record({
    name: fc.string({ unit: 'binary' }),
    large: object,
    rest: fc.jsonValue(),
  });
  fc.assert(
    fc.property(fc.array(item), (items) => {
      const plain = JSON.stringify({ items }).replaceAll('"\\u0000"', '"x"');
      expect(written(enlarged(JSON.parse(plain))).toString()).toBe(plain);
    }),
  );
});

it('stands where it was, whatever is beside it', () => {
  const odd = ['\\u0000', '"\\u0000"', '\\', '"', '\u0001', 'a\\'];
  const value = {
    before: odd,
    large: { a: odd },
    between: odd,
    also: { large: { b: 1 } },
    after: odd,
  };
  expect(written(enlarged(value)).toString()).toBe(JSON.stringify(value));
});

it('leaves nothing behind for the next', () => {
  jsonPieces({ a: new LargeJson('{"a":1}') });
  expect(jsonPieces({ b: 1 })).toEqual(['{"b":1}']);
});

it('comes of large objects only, and can still be read', () => {
  const large = { text: 'ä'.repeat(40_000) };
  const kept = parse(JSON.stringify(large));
  expect(kept).toBeInstanceOf(LargeJson);
  expect((kept as LargeJson).parse()).toEqual(large);
  expect(parse('{"a":1}')).toEqual({ a: 1 });
  const list = ['x'.repeat(40_000)];
  expect(parse(JSON.stringify(list))).toEqual(list);
});

it.each([
  ['1e308', `1${'0'.repeat(308)}`, '1e+308'],
  ['-1.5e300', `-15${'0'.repeat(299)}`, '-1.5e+300'],
  ['1e-300', `0.${'0'.repeat(299)}1`, '1e-300'],
])('is about as long as what was sent, where that is %s many times', (_, stored, shown) => {
  const kept = parse(`{"a": [${Array(1000).fill(stored).join(', ')}], "b": "ä"}`);
  expect(kept).toBeInstanceOf(LargeJson);
  expect(written(kept).toString()).toBe(`{"a":[${Array(1000).fill(shown).join(',')}],"b":"ä"}`);
});
