import { reaggregateAll } from '../../src/repositories/reaggregate';
import type { ResourceRow } from '../../src/repositories/rows';
import { deadlocks } from '../support/backends';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { FAMILIES, outcomeOf, Process, race, start } from '../support/lifecycle-races';
import { removeEverything, storedRows, violations } from '../support/lifecycle-service';

/** A longer run for those who doubt: RACE_ROUNDS=3000 npx jest lifecycle-races */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 100);
jest.setTimeout(90_000 + 300 * ROUNDS);

describe.each(FAMILIES)('$parent and $child', (family) => {
  let database: TestDatabase;
  let a: Process;
  let b: Process;
  /** Processes that require nothing, so that a DELETE removes at once. */
  let freeA: Process;
  let freeB: Process;

  beforeAll(async () => {
    database = await createTestDatabase();
    a = new Process(database.url, family.some, family);
    b = new Process(database.url, family.some, family);
    freeA = new Process(database.url, family.none, family);
    freeB = new Process(database.url, family.none, family);
  });

  afterAll(async () => {
    await Promise.all([a, b, freeA, freeB].map(({ db }) => db.close()));
    const count = await deadlocks(database.directUrl);
    await database.drop();
    expect(count).toBe(0);
  });

  afterEach(async () => {
    expect(await violations(a.db, family.some)).toEqual([]);
    const failures = [a, b, freeA, freeB].flatMap((process) => process.failures.splice(0));
    // A name that is taken is found out by the database.
    expect(failures.filter((state) => state !== '23505')).toEqual([]);
    await removeEverything(a.db);
  });

  async function find(...ids: string[]) {
    const rows = await storedRows(a.db, ids);
    return ids.map((id) => rows.find((row) => row.id === id));
  }

  /** A parent marked for deletion with children, of which these adapters have said Finalized. */
  async function markedFamily(count: number, ...adapters: string[]) {
    const parent = await a.createParent();
    const children = await Promise.all(
      Array.from({ length: count }, () => a.createChild(parent.id)),
    );
    await a.delete(parent);
    for (const adapter of adapters) await a.report(parent, adapter, 2);
    return { parent, children: children as [ResourceRow, ...ResourceRow[]] };
  }

  test('a child is created before its parent is marked, and marked with it, or not at all', async () => {
    const results = await race(ROUNDS, async (index) => {
      const parent = await a.createParent();
      let created: ResourceRow | undefined;
      const [creation, deletion] = await start(
        index,
        async () => (created = await a.createChild(parent.id)),
        () => b.delete(parent),
      );
      expect(deletion).toBe('done');
      const [stored, child] = await find(parent.id, created?.id ?? '');
      expect(stored).toMatchObject({ generation: 2, deleted_by: 'deleter@x.io' });
      if (creation === 'done') {
        expect(child).toMatchObject({ generation: 2, deleted_by: 'deleter@x.io' });
        expect(child!.deleted_time).toEqual(stored!.deleted_time);
      }
      return creation;
    });
    expect(Object.keys(results).sort()).toEqual(['CNF-003', 'done']);
  });

  test('where nothing is required a child vanishes with its parent or is not created', async () => {
    const results = await race(ROUNDS, async (index) => {
      const parent = await freeA.createParent();
      const [creation, deletion] = await start(
        index,
        () => freeA.createChild(parent.id),
        () => freeB.delete(parent),
      );
      expect(deletion).toBe('done');
      return creation;
    });
    expect(await storedRows(a.db)).toEqual([]);
    expect(Object.keys(results).sort()).toEqual(['NTF-001', 'done']);
  });

  test('nothing is created under a parent that its last report removes', async () => {
    const results = await race(ROUNDS, async (index) => {
      const { parent } = await markedFamily(0, 'validation');
      const [creation, report] = await start(
        index,
        () => a.createChild(parent.id),
        () => b.report(parent, 'dns', 2),
      );
      expect(report).toBe('done');
      return creation;
    });
    expect(await storedRows(a.db)).toEqual([]);
    expect(Object.keys(results).sort()).toEqual(['CNF-003', 'NTF-001']);
  });

  test('five deletes at once are one deletion, and all are told the same', async () => {
    await race(ROUNDS, async () => {
      const { id } = await a.createParent();
      const actors = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@x.io`);
      const responses = await Promise.all(
        actors.map((actor, index) =>
          (index % 2 ? a : b).delete({ kind: family.parent, id }, actor),
        ),
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
      const parent = await a.createParent();
      const [patch, deletion] = await start(
        index,
        () => a.patch(parent, { spec: { changed: true } }),
        () => b.delete(parent),
      );
      expect(deletion).toBe('done');
      const [stored] = await find(parent.id);
      expect(stored!.generation).toBe(patch === 'done' ? 3 : 2);
      expect(stored!.spec).toEqual(patch === 'done' ? { changed: true } : {});
      return patch;
    });
    expect(Object.keys(results).sort()).toEqual(['CNF-003', 'done']);
  });

  test('a patch of a child comes before the cascade or is refused', async () => {
    const results = await race(ROUNDS, async (index) => {
      const parent = await a.createParent();
      const [child] = await Promise.all([1, 2, 3].map(() => a.createChild(parent.id)));
      const [patch, deletion] = await start(
        index,
        () => a.patch(child!, { labels: { changed: 'yes' } }),
        () => b.delete(parent),
      );
      expect(deletion).toBe('done');
      const [stored] = await find(child!.id);
      expect(stored!.deleted_time).not.toBeNull();
      expect(stored!.generation).toBe(patch === 'done' ? 3 : 2);
      return patch;
    });
    expect(Object.keys(results).sort()).toEqual(['CNF-003', 'done']);
  });

  test('of two last children that finalize at once one takes the parent along', async () => {
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

  test('the last child and the last report of the parent remove it, whichever comes first', async () => {
    await race(ROUNDS, async (index) => {
      const { parent, children } = await markedFamily(1, 'dns');
      const outcomes = await start(
        index,
        () => a.report(children[0], 'validation', 2),
        () => b.report(parent, 'validation', 2),
      );
      expect(outcomes).toEqual(['done', 'done']);
      return 'done';
    });
    expect(await storedRows(a.db)).toEqual([]);
  });

  test('a report during a removal by force is stored and removed with the rest, or finds nothing', async () => {
    const results = await race(ROUNDS, async (index) => {
      const { parent, children } = await markedFamily(2, 'validation', 'dns');
      const reported = [parent, ...children][index % 3]!;
      const forced = index % 2 ? parent : children[0];
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
      const old = await a.createParent();
      const ask = (process: Process) => outcomeOf(process.createParent(old.name));
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
    const parents = new Set<ResourceRow>();
    const children = new Set<ResourceRow>();
    const pick = (from: Set<ResourceRow>) => {
      const newest = [...from].slice(-4);
      return newest[Math.floor(Math.random() * newest.length)]!;
    };
    const either = () => pick(Math.random() < 0.3 ? parents : children);
    const acts: ((process: Process, target: ResourceRow) => Promise<unknown>)[] = [
      async (process) => parents.add(await process.createParent()),
      async (process) => children.add(await process.createChild(pick(parents).id)),
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
    parents.add(await a.createParent());
    children.add(await a.createChild([...parents][0]!.id));

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
      while (busy) await reaggregateAll(b.db, family.some, '', 50, observer);
    };
    const sweeping = sweeper();
    await Promise.all([a, b, a, b, a, b, a, b].map(worker)).finally(() => (busy = false));
    await sweeping;
    // The crowd has really worked: not everything was refused.
    expect(outcomes.done).toBeGreaterThan(ROUNDS);
  });
});
