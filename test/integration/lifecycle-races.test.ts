import { reaggregateAll } from '../../src/repositories/reaggregate';
import type { ResourceRow } from '../../src/repositories/rows';
import { deadlocks } from '../support/backends';
import { createTestDatabase, type TestDatabase } from '../support/database';
import {
  NONE_REQUIRED,
  outcomeOf,
  Process,
  race,
  SOME_REQUIRED,
  start,
} from '../support/lifecycle-races';
import { removeEverything, storedRows, violations } from '../support/lifecycle-service';

/** A longer run for those who doubt: RACE_ROUNDS=3000 npx jest lifecycle-races */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 100);
jest.setTimeout(90_000 + 300 * ROUNDS);

let database: TestDatabase;
let a: Process;
let b: Process;
/** Processes that require nothing, so that a DELETE removes at once. */
let freeA: Process;
let freeB: Process;

beforeAll(async () => {
  database = await createTestDatabase();
  a = new Process(database.url);
  b = new Process(database.url);
  freeA = new Process(database.url, NONE_REQUIRED);
  freeB = new Process(database.url, NONE_REQUIRED);
});

afterAll(async () => {
  await Promise.all([a, b, freeA, freeB].map(({ db }) => db.close()));
  const count = await deadlocks(database.directUrl);
  await database.drop();
  expect(count).toBe(0);
});

afterEach(async () => {
  expect(await violations(a.db, SOME_REQUIRED)).toEqual([]);
  const failures = [a, b, freeA, freeB].flatMap((process) => process.failures.splice(0));
  // A name that is taken is found out by the database.
  expect(failures.filter((state) => state !== '23505')).toEqual([]);
  await removeEverything(a.db);
});

async function find(...ids: string[]) {
  const rows = await storedRows(a.db, ids);
  return ids.map((id) => rows.find((row) => row.id === id));
}

/** A cluster marked for deletion with node pools, of which these adapters have said Finalized. */
async function markedFamily(pools: number, ...adapters: string[]) {
  const cluster = await a.createCluster();
  const children = await Promise.all(
    Array.from({ length: pools }, () => a.createNodePool(cluster.id)),
  );
  await a.delete(cluster);
  for (const adapter of adapters) await a.report(cluster, adapter, 2);
  return { cluster, children: children as [ResourceRow, ...ResourceRow[]] };
}

test('a node pool is created before its cluster is marked, and marked with it, or not at all', async () => {
  const results = await race(ROUNDS, async (index) => {
    const cluster = await a.createCluster();
    let created: ResourceRow | undefined;
    const [creation, deletion] = await start(
      index,
      async () => (created = await a.createNodePool(cluster.id)),
      () => b.delete(cluster),
    );
    expect(deletion).toBe('done');
    const [stored, pool] = await find(cluster.id, created?.id ?? '');
    expect(stored).toMatchObject({ generation: 2, deleted_by: 'deleter@x.io' });
    if (creation === 'done') {
      expect(pool).toMatchObject({ generation: 2, deleted_by: 'deleter@x.io' });
      expect(pool!.deleted_time).toEqual(stored!.deleted_time);
    }
    return creation;
  });
  expect(Object.keys(results).sort()).toEqual(['CNF-003', 'done']);
});

test('where nothing is required a node pool vanishes with its cluster or is not created', async () => {
  const results = await race(ROUNDS, async (index) => {
    const cluster = await freeA.createCluster();
    const [creation, deletion] = await start(
      index,
      () => freeA.createNodePool(cluster.id),
      () => freeB.delete(cluster),
    );
    expect(deletion).toBe('done');
    return creation;
  });
  expect(await storedRows(a.db)).toEqual([]);
  expect(Object.keys(results).sort()).toEqual(['NTF-001', 'done']);
});

test('nothing is created under a cluster that its last report removes', async () => {
  const results = await race(ROUNDS, async (index) => {
    const { cluster } = await markedFamily(0, 'validation');
    const [creation, report] = await start(
      index,
      () => a.createNodePool(cluster.id),
      () => b.report(cluster, 'dns', 2),
    );
    expect(report).toBe('done');
    return creation;
  });
  expect(await storedRows(a.db)).toEqual([]);
  expect(Object.keys(results).sort()).toEqual(['CNF-003', 'NTF-001']);
});

test('five deletes at once are one deletion, and all are told the same', async () => {
  await race(ROUNDS, async () => {
    const { id } = await a.createCluster();
    const actors = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@x.io`);
    const responses = await Promise.all(
      actors.map((actor, index) => (index % 2 ? a : b).delete({ kind: 'Cluster', id }, actor)),
    );
    const [stored] = await find(id);
    expect(actors).toContain(stored!.deleted_by);
    for (const { generation, deleted_time, deleted_by, version } of responses) {
      expect(generation).toBe(2);
      expect(version).toBe(2);
      expect(deleted_by).toBe(stored!.deleted_by);
      expect(new Date(deleted_time!)).toEqual(new Date(stored!.deleted_time!));
    }
    return 'done';
  });
});

test('a patch comes before the deletion or is refused', async () => {
  const results = await race(ROUNDS, async (index) => {
    const cluster = await a.createCluster();
    const [patch, deletion] = await start(
      index,
      () => a.patch(cluster, { spec: { changed: true } }),
      () => b.delete(cluster),
    );
    expect(deletion).toBe('done');
    const [stored] = await find(cluster.id);
    expect(stored!.generation).toBe(patch === 'done' ? 3 : 2);
    expect(stored!.spec).toEqual(patch === 'done' ? { changed: true } : {});
    return patch;
  });
  expect(Object.keys(results).sort()).toEqual(['CNF-003', 'done']);
});

test('a patch of a node pool comes before the cascade or is refused', async () => {
  const results = await race(ROUNDS, async (index) => {
    const cluster = await a.createCluster();
    const [pool] = await Promise.all([1, 2, 3].map(() => a.createNodePool(cluster.id)));
    const [patch, deletion] = await start(
      index,
      () => a.patch(pool!, { labels: { changed: 'yes' } }),
      () => b.delete(cluster),
    );
    expect(deletion).toBe('done');
    const [stored] = await find(pool!.id);
    expect(stored!.deleted_time).not.toBeNull();
    expect(stored!.generation).toBe(patch === 'done' ? 3 : 2);
    return patch;
  });
  expect(Object.keys(results).sort()).toEqual(['CNF-003', 'done']);
});

test('of two last node pools that finalize at once one takes the cluster along', async () => {
  await race(ROUNDS, async (index) => {
    const { children } = await markedFamily(2, 'validation', 'dns');
    const [one, two] = children;
    const outcomes = await start(
      index,
      () => a.report(one, 'validation', 2),
      () => b.report(two!, 'validation', 2),
    );
    expect(outcomes).toEqual(['done', 'done']);
    return 'done';
  });
  expect(await storedRows(a.db)).toEqual([]);
});

test('the last node pool and the last report of the cluster remove it, whichever comes first', async () => {
  await race(ROUNDS, async (index) => {
    const { cluster, children } = await markedFamily(1, 'dns');
    const outcomes = await start(
      index,
      () => a.report(children[0], 'validation', 2),
      () => b.report(cluster, 'validation', 2),
    );
    expect(outcomes).toEqual(['done', 'done']);
    return 'done';
  });
  expect(await storedRows(a.db)).toEqual([]);
});

test('a report during a removal by force is stored and removed with the rest, or finds nothing', async () => {
  const results = await race(ROUNDS, async (index) => {
    const { cluster, children } = await markedFamily(2, 'validation', 'dns');
    const reported = [cluster, ...children][index % 3]!;
    const forced = index % 2 ? cluster : children[0];
    const [report, force] = await start(
      index,
      () => a.report(reported, 'validation', 2, index % 5 < 2),
      () => b.forceDelete(forced),
    );
    expect(['done', 'NTF-001']).toContain(force);
    const [gone] = await find(forced.id);
    expect(gone).toBeUndefined();
    return report;
  });
  expect(Object.keys(results).sort()).toEqual(['NTF-001', 'done']);
});

test('a name is given to one of those who ask for it while its last holder is deleted', async () => {
  await race(ROUNDS, async (index) => {
    const old = await a.createCluster();
    const ask = (process: Process) => outcomeOf(process.createCluster(old.name));
    const [first, second, [deletion]] = await Promise.all([
      ask(a),
      ask(b),
      start(
        index,
        () => b.delete(old),
        () => Promise.resolve(),
      ),
    ]);
    expect(deletion).toBe('done');
    const given = [first, second].filter((outcome) => outcome === 'done').length;
    expect(given).toBeLessThanOrEqual(1);
    expect(await ask(a)).toBe(given === 1 ? 'CNF-001' : 'done');
    return 'done';
  });
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
