import { Written, WrittenResources } from '../../src/contract/written';

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
