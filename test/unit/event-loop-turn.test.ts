import { eventLoopTurn } from '../../src/db/event-loop-turn';

test('of those who wait, one goes on per turn of the event loop, in their order', async () => {
  let turn = 0;
  let counting = true;
  const count = () => {
    turn++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const met: [caller: number, turn: number][] = [];
  await Promise.all(
    [0, 1, 2, 3].map((caller) => eventLoopTurn().then(() => met.push([caller, turn]))),
  );
  // A burst that comes when the last one is over.
  const [first] = await Promise.all([eventLoopTurn().then(() => turn), eventLoopTurn()]);
  counting = false;

  expect(met.map(([caller]) => caller)).toEqual([0, 1, 2, 3]);
  expect(new Set(met.map(([, at]) => at)).size).toBe(4);
  expect(first).toBeGreaterThan(met[3]![1]);
});
