import fc from 'fast-check';
import { type Position, readCursor, readPosition, toCursor } from '../../src/changes/snapshot';

const IDENTITY = '661305b2b1f4e.00000001.16385';
const at = (snapshot: string): Position => ({ identity: IDENTITY, snapshot });

/** What a position says: transactions from `xmax` on, and those in `xip`, are not visible. */
function parts({ snapshot }: Position) {
  const [xmin, xmax, xip] = snapshot.split(':') as [string, string, string];
  return { xmin, xmax: BigInt(xmax), xip: xip === '' ? [] : xip.split(',').map(BigInt) };
}

/** Any snapshot; its transactions lie closely together, or far apart. */
const positions = fc
  .record({
    xmin: fc.bigInt({ min: 1n, max: 2n ** 61n }),
    gaps: fc.oneof(
      fc.array(fc.bigInt({ min: 1n, max: 40n }), { maxLength: 400 }),
      fc.array(fc.bigInt({ min: 1n, max: 2n ** 50n }), { maxLength: 60 }),
    ),
    beginsWithXmin: fc.boolean(),
  })
  .map(({ xmin, gaps, beginsWithXmin }) => {
    let last = xmin;
    const xids = gaps.map((gap) => (last += gap));
    const xmax = xids.pop() ?? xmin;
    const xip = beginsWithXmin && xmax > xmin ? [xmin, ...xids] : xids;
    return at(`${xmin}:${xmax}:${xip.join(',')}`);
  });

test('a position is read from what PostgreSQL writes', () => {
  expect(readPosition(`${IDENTITY} 10:20:10,14`)).toEqual(at('10:20:10,14'));
});

test.each([
  ['nothing in progress', '745:745:'],
  ['nothing in progress any more', '745:760:'],
  ['transactions in progress', '745:760:745,746,759'],
  ['more than 2^32 transactions', `${2n ** 40n}:${2n ** 40n + 9n}:${2n ** 40n},${2n ** 40n + 7n}`],
])('%s: a cursor is read as the position that it was written from', (_title, snapshot) => {
  expect(readCursor(toCursor(at(snapshot)))).toEqual(at(snapshot));
});

test('every cursor is short, and shows nothing as visible that was not', () => {
  fc.assert(
    fc.property(positions, (position) => {
      const cursor = toCursor(position);
      expect(cursor).toMatch(/^[A-Za-z0-9._~:,-]{1,512}$/);
      const read = readCursor(cursor)!;
      expect(read.identity).toBe(IDENTITY);
      const [before, after] = [parts(position), parts(read)];
      expect(after.xmin).toBe(before.xmin);
      expect(after.xip).toEqual(before.xip.slice(0, after.xip.length));
      expect(after.xmax).toBe([...before.xip, before.xmax][after.xip.length]);
    }),
  );
});

test('a cursor has room for two hundred transactions that began one after the other', () => {
  const xip = Array.from({ length: 200 }, (_, index) => 5000 + index);
  const position = at(`5000:6000:${xip.join(',')}`);
  expect(readCursor(toCursor(position))).toEqual(position);
  const more = Array.from({ length: 1000 }, (_, index) => 5000 + index);
  const { xip: kept, xmax } = parts(readCursor(toCursor(at(`5000:6000:${more.join(',')}`)))!);
  expect(kept.length).toBeGreaterThan(200);
  expect(xmax).toBe(kept.at(-1)! + 1n);
});

test.each([
  ['nothing', ''],
  ['no snapshot', IDENTITY],
  ['xmin alone', `${IDENTITY}~a`],
  ['no xmin', `${IDENTITY}~0~5`],
  ['a transaction twice', `${IDENTITY}~a~1~0~5`],
  ['a transaction in progress that is not below xmax', `${IDENTITY}~a~1~0`],
  ['more transactions than there can be', `${IDENTITY}~ffffffffffffffff~1`],
  ['other digits', `${IDENTITY}~a~g`],
  ['a sign', `${IDENTITY}~a~-1`],
  ['an end of line', `${IDENTITY}~a~1\n`],
  ['another identity', `661305b2b1f4e.1.16385~a~1`],
  ['a timeline in lower case', `661305b2b1f4e.0000000a.16385~a~1`],
  ['SQL', `${IDENTITY}~a~1'; DROP TABLE resources --`],
])('%s is no cursor', (_title, text) => {
  expect(readCursor(text)).toBeUndefined();
});
