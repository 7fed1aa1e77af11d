import { setTimeout as sleep } from 'node:timers/promises';
import { Batches } from '../../src/postgres/batches';

/** A write that notes what it is given, and ends when it is told. */
function recorder() {
  const written: number[][] = [];
  const ends: (() => void)[] = [];
  const write = async (items: readonly number[]) => {
    written.push([...items]);
    await new Promise<void>((resolve) => ends.push(resolve));
    return items.map((item) => item * 10);
  };
  return { written, ends, write };
}

test('the first goes at once, and what arrives meanwhile goes together, each with its own result', async () => {
  const batches = new Batches();
  const { written, ends, write } = recorder();
  const results = Promise.all([1, 2, 3].map((item) => batches.join('key', item, 1, write)));

  expect(written).toEqual([[1]]);
  ends[0]!();
  await sleep(1);
  expect(written).toEqual([[1], [2, 3]]);
  ends[1]!();
  expect(await results).toEqual([10, 20, 30]);
});

test('other groups neither wait nor mix', async () => {
  const batches = new Batches();
  const { written, ends, write } = recorder();
  const results = Promise.all(['a', 'b'].map((key, item) => batches.join(key, item, 1, write)));

  expect(written).toEqual([[0], [1]]);
  for (const end of ends) end();
  expect(await results).toEqual([0, 10]);
});

test('nobody waits long behind a write that hangs', async () => {
  const batches = new Batches();
  const { written, ends, write } = recorder();
  const hanging = batches.join('key', 1, 1, write);
  const others = Promise.all([2, 3].map((item) => batches.join('key', item, 1, write)));

  await sleep(200);
  expect(written).toEqual([[1], [2, 3]]);
  ends[1]!();
  expect(await others).toEqual([20, 30]);
  ends[0]!();
  expect(await hanging).toBe(10);
});

test('a write stays small: 64 that wait go, whatever is under way', async () => {
  const batches = new Batches();
  const { written, ends, write } = recorder();
  const results = Promise.all(
    Array.from({ length: 130 }, (_, item) => batches.join('key', item, 1, write)),
  );

  expect(written.map(({ length }) => length)).toEqual([1, 64, 64]);
  for (const end of ends) end();
  await sleep(1);
  ends[3]!();
  expect((await results).at(-1)).toBe(1290);
});

test('a large one goes at once and alone, and holds up nobody', async () => {
  const batches = new Batches();
  const { written, ends, write } = recorder();
  const large = batches.join('key', 1, 20_000, write);
  const results = Promise.all([
    batches.join('key', 2, 1, write),
    batches.join('key', 3, 20_000, write),
    batches.join('key', 4, 1, write),
  ]);

  expect(written).toEqual([[1], [2], [3]]);
  for (const end of ends) end();
  await sleep(1);
  ends[3]!();
  expect(await large).toBe(10);
  expect(await results).toEqual([20, 30, 40]);
});

test('an outage is everybody’s failure, and the next write starts afresh', async () => {
  const batches = new Batches();
  const fails = () => sleep(5).then(() => Promise.reject(new Error('gone')));
  const failed = await Promise.allSettled(
    [1, 2, 3].map((item) => batches.join('key', item, 1, fails)),
  );

  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(await batches.join('key', 1, 1, (items) => Promise.resolve(items))).toBe(1);
});
