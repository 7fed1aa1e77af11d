import { reaggregateAll } from '../../src/repositories/reaggregate';
import type { ResourceRow } from '../../src/repositories/rows';
import { deadlocks } from '../support/backends';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { outcomeOf, Process, SOME_REQUIRED } from '../support/lifecycle-races';
import { violations } from '../support/lifecycle-service';

/** A longer run for those who doubt: RACE_ROUNDS=3000 npx jest lifecycle-crowd */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 100);
jest.setTimeout(90_000 + 300 * ROUNDS);

let database: TestDatabase;
let a: Process;
let b: Process;

beforeAll(async () => {
  database = await createTestDatabase();
  a = new Process(database.url);
  b = new Process(database.url);
});

afterAll(async () => {
  expect(await violations(a.db, SOME_REQUIRED)).toEqual([]);
  const failures = [a, b].flatMap((process) => process.failures);
  await Promise.all([a.db.close(), b.db.close()]);
  const count = await deadlocks(database.directUrl);
  await database.drop();
  expect(failures).toEqual([]);
  expect(count).toBe(0);
});

/** Everything that takes a lock, in one crowd: what counts is that nobody waits in a circle. */
test('a crowd on two families leaves no deadlock and nothing broken behind', async () => {
  const clusters = new Set<ResourceRow>();
  const pools = new Set<ResourceRow>();
  const pick = (from: Set<ResourceRow>) => {
    const newest = [...from].slice(-4);
    return newest[Math.floor(Math.random() * newest.length)]!;
  };
  const either = () => pick(Math.random() < 0.3 ? clusters : pools);
  const acts: ((process: Process, target: ResourceRow) => Promise<unknown>)[] = [
    async (process) => clusters.add(await process.createCluster()),
    async (process) => pools.add(await process.createNodePool(pick(clusters).id)),
    (process, target) => process.patch(target, { labels: { at: String(Date.now()) } }),
    (process, target) => process.report(target, 'validation', 1, false),
    (process, target) => process.report(target, 'validation', 2),
    (process, target) => process.report(target, 'dns', 2),
    (process, target) => process.report(target, 'validation', 3),
    (process, target) => process.delete(target),
    (process, target) => process.forceDelete(target),
  ];
  const weights = [1, 6, 4, 6, 6, 4, 3, 3, 1];
  const draw = acts.flatMap((act, index) => Array.from({ length: weights[index]! }, () => act));
  clusters.add(await a.createCluster());
  pools.add(await a.createNodePool([...clusters][0]!.id));

  const outcomes: Record<string, number> = {};
  let busy = true;
  const worker = async (process: Process) => {
    for (let act = 0; act < ROUNDS * 2; act++) {
      const work = draw[Math.floor(Math.random() * draw.length)]!;
      const outcome = await outcomeOf(work(process, either()));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  const sweeper = async () => {
    const observer = { onProgress: () => undefined, onCollision: () => undefined };
    while (busy) await reaggregateAll(b.db, SOME_REQUIRED, '', 50, observer);
  };
  const sweeping = sweeper();
  await Promise.all([a, b, a, b, a, b, a, b].map(worker)).finally(() => (busy = false));
  await sweeping;
  // The crowd has really worked: not everything was refused.
  expect(outcomes.done).toBeGreaterThan(ROUNDS);
});
