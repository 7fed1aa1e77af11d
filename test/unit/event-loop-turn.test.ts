import { eventLoopTurn } from '../../src/postgres/event-loop-turn';

function busy(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Counts the turns of the event loop, and makes each of them so long. */
class Turns {
  turn = 0;
  private running = true;

  constructor(private readonly ms: number) {
    setImmediate(() => this.next());
  }

  stop(): void {
    this.running = false;
  }

  private next(): void {
    this.turn++;
    busy(this.ms);
    if (this.running) setImmediate(() => this.next());
  }
}

/** The turns in which callers go on that have so much work each. */
async function turnsOf(callers: number, workMs: number, others: Turns) {
  const met: { caller: number; turn: number }[] = [];
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      await eventLoopTurn();
      // The work comes a few steps later, as it does behind several awaits.
      await Promise.resolve();
      met.push({ caller, turn: others.turn });
      busy(workMs);
    }),
  );
  return met;
}

test('long work is spread over turns, in the order of arrival', async () => {
  const others = new Turns(1);
  const met = await turnsOf(6, 10, others);
  others.stop();

  expect(met.map(({ caller }) => caller)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(new Set(met.map(({ turn }) => turn)).size).toBe(6);
});

test('where turns are long anyway, more than one goes on in each', async () => {
  const others = new Turns(20);
  const met = await turnsOf(12, 0.5, others);
  others.stop();

  expect(new Set(met.map(({ turn }) => turn)).size).toBeLessThan(6);
});
