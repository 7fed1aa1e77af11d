import { Unwritten, Written, WrittenResources } from '../../src/contract/written';

const json = Buffer.from('{}');

test('what is asked for counts as memory, however little the response has', () => {
  const written = new WrittenResources(100_000);
  const ids = Array.from({ length: 100 }, (_, n) => `${n}${'x'.repeat(4000)}`);
  for (const id of ids) written.keep(new Written(id, 1, json));
  const held = ids.filter((id) => written.has(id));
  expect(held.length).toBeGreaterThan(0);
  expect(held.join('').length).toBeLessThan(100_000);

  written.keep(new Written('y'.repeat(100_000), 1, json));
  expect(written.has('y'.repeat(100_000))).toBe(false);
});

test('only the version that is held is found', () => {
  const written = new WrittenResources(100_000);
  written.keep(new Written('a', 2, json));
  expect([1, 2, 3].map((version) => written.find('a', version)?.json)).toEqual([
    undefined,
    json,
    undefined,
  ]);
  written.clear();
  expect(written.has('a')).toBe(false);
});

test('a poll over more than fits finds most of what fits, and what is polled later takes its place', () => {
  const written = new WrittenResources(100_000);
  const fleet = (name: string) => Array.from({ length: 450 }, (_, n) => `${name}${n}`);
  /** How much was held, in one round that reads all of it. */
  const poll = (ids: readonly string[]) => {
    const missing = ids.filter((id) => written.find(id, 1) === undefined);
    for (const id of missing) {
      if (written.takes(new Unwritten(id, 1, {}, true))) written.keep(new Written(id, 1, json));
    }
    return ids.length - missing.length;
  };
  const rounds = (ids: readonly string[]) => Array.from({ length: 50 }, () => poll(ids)).slice(-10);
  // Some 320 fit.
  expect(Math.min(...rounds(fleet('a')))).toBeGreaterThan(280);
  expect(Math.min(...rounds(fleet('b')))).toBeGreaterThan(280);
  expect(fleet('a').filter((id) => written.has(id))).toEqual([]);
});
