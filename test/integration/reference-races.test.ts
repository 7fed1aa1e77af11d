import { declareKinds } from '../../src/kinds/declare';
import type { Kinds } from '../../src/kinds/kind';
import { reaggregateAll } from '../../src/repositories/reaggregate';
import type { ResourceRow } from '../../src/repositories/rows';
import { deadlocks } from '../support/backends';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { outcomeOf, Process, race, start } from '../support/lifecycle-races';
import { removeEverything, storedRows, violations } from '../support/lifecycle-service';

/** A longer run for those who doubt: RACE_ROUNDS=3000 npx jest reference-races */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 100);
jest.setTimeout(60_000 + 300 * ROUNDS);

/** Groups have members, which go with them, and guests, which must go before them; users refer to all of these. */
function kindsWith(...required_adapters: string[]): Kinds {
  const reference = (target_kind: string) => ({ ref_type: target_kind.toLowerCase(), target_kind });
  const to = (...kinds: string[]) => ({ required_adapters, references: kinds.map(reference) });
  const entities = [
    { kind: 'User', plural: 'users', ...to('User', 'Group', 'Member', 'Guest') },
    { kind: 'Group', plural: 'groups', ...to('Member') },
    { kind: 'Member', plural: 'members', parent_kind: 'Group', ...to('Group', 'Member') },
    {
      ...{ kind: 'Guest', plural: 'guests', parent_kind: 'Group', ...to() },
      on_parent_delete: 'restrict',
    },
  ];
  const { kinds, faults } = declareKinds(entities, {});
  expect(faults).toEqual([]);
  return kinds;
}

describe.each([
  { what: 'is marked', adapters: ['validation'] },
  { what: 'is removed at once', adapters: [] },
])('what is deleted $what', ({ adapters }) => {
  let database: TestDatabase;
  let a: Process;
  let b: Process;
  let kinds: Kinds;

  beforeAll(async () => {
    kinds = kindsWith(...adapters);
    database = await createTestDatabase();
    a = new Process(database.url, kinds);
    b = new Process(database.url, kinds);
  });

  afterAll(async () => {
    await Promise.all([a, b].map(({ db }) => db.close()));
    const count = await deadlocks(database.directUrl);
    await database.drop();
    expect(count).toBe(0);
  });

  afterEach(async () => {
    expect(await violations(a.db, kinds)).toEqual([]);
    expect([a, b].flatMap((process) => process.failures.splice(0))).toEqual([]);
    await removeEverything(a.db);
  });

  /** `{ user: [{ id }] }` */
  function to(...targets: Pick<ResourceRow, 'kind' | 'id'>[]) {
    const types = [...new Set(targets.map(({ kind }) => kind))];
    const ids = (type: string) => targets.filter(({ kind }) => kind === type);
    return Object.fromEntries(
      types.map((type) => [type.toLowerCase(), ids(type).map(({ id }) => ({ id }))]),
    );
  }

  const create = (kind: string, ...targets: ResourceRow[]) =>
    a.create(kind, { references: to(...targets) });
  const createIn = ({ id }: ResourceRow, kind: string, ...targets: ResourceRow[]) =>
    a.create(kind, { ownerId: id, references: to(...targets) });
  const refer = (process: Process, row: ResourceRow, ...targets: ResourceRow[]) =>
    process.patch(row, { references: to(...targets) });

  /** What a reference points to, and what is deleted: the same, or its parent. */
  const targets = {
    'a resource': async () => {
      const target = await create('User');
      return { target, deleted: target };
    },
    'the parent of a child': async () => {
      const deleted = await create('Group');
      const target = await createIn(deleted, 'Member');
      await createIn(deleted, 'Member');
      return { target, deleted };
    },
  };

  describe.each(Object.entries(targets))('DELETE of %s', (_, createTarget) => {
    test('either comes before its first reference or is refused', async () => {
      const results = await race(ROUNDS, async (index) => {
        const { target, deleted } = await createTarget();
        const outcomes = await start(
          index,
          () => create('User', target),
          () => b.delete(deleted),
        );
        return outcomes.join();
      });
      expect(Object.keys(results).sort()).toEqual(['VAL-000,done', 'done,CNF-004']);
    });

    test('either comes before a patch that refers to it or is refused', async () => {
      const results = await race(ROUNDS, async (index) => {
        // Before or after its target in the order of locks.
        const early = await create('User');
        const { target, deleted } = await createTarget();
        const user = index % 2 ? early : await create('User');
        const outcomes = await start(
          index,
          () => refer(a, user, target),
          () => b.delete(deleted),
        );
        return outcomes.join();
      });
      expect(Object.keys(results).sort()).toEqual(['VAL-000,done', 'done,CNF-004']);
    });

    test('and of what refers to it: the second one is refused unless it comes later', async () => {
      const results = await race(ROUNDS, async (index) => {
        const { target, deleted } = await createTarget();
        const user = await create('User', target);
        const outcomes = await start(
          index,
          () => a.delete(user),
          () => b.delete(deleted),
        );
        return outcomes.join();
      });
      expect(Object.keys(results).sort()).toEqual(['done,CNF-004', 'done,done']);
    });

    test('that a patch ceases to refer to is refused or comes later', async () => {
      const results = await race(ROUNDS, async (index) => {
        const { target, deleted } = await createTarget();
        const [user, other] = [await create('User', target), await create('User')];
        const outcomes = await start(
          index,
          () => refer(a, user, other),
          () => b.delete(deleted),
        );
        return outcomes.join();
      });
      expect(Object.keys(results).sort()).toEqual(['done,CNF-004', 'done,done']);
    });
  });

  test('two may begin to refer to one another', async () => {
    const results = await race(ROUNDS, async (index) => {
      const [one, two] = [await create('User'), await create('User')];
      const outcomes = await start(
        index,
        () => refer(a, one, two),
        () => refer(b, two, one),
      );
      return outcomes.join();
    });
    expect(results).toEqual({ 'done,done': ROUNDS });
  });

  test('two may exchange their targets, and name them in opposite orders', async () => {
    const results = await race(ROUNDS, async (index) => {
      const [one, two] = [await create('User'), await create('User')];
      const user = await create('User', one);
      const other = await create('User', two);
      const outcomes = await start(
        index,
        () => (index % 2 ? refer(a, user, two) : refer(a, user, two, one)),
        () => (index % 2 ? refer(b, other, one) : refer(b, other, one, two)),
      );
      return outcomes.join();
    });
    expect(results).toEqual({ 'done,done': ROUNDS });
  });

  test('of two patches of one resource the second sees the references of the first', async () => {
    await race(ROUNDS, async (index) => {
      const [one, two, user] = [await create('User'), await create('User'), await create('User')];
      const outcomes = await start(
        index,
        () => refer(a, user, one),
        () => refer(b, user, two),
      );
      expect(outcomes).toEqual(['done', 'done']);
      const [stored] = await storedRows(a.db, [user.id]);
      expect(stored!.generation).toBe(3);
      expect([[one.id], [two.id]]).toContainEqual(stored!.reference_ids!.user);
      return 'done';
    });
  });

  test('references within a family keep nobody from deleting it', async () => {
    const refused = adapters.length > 0 ? 'CNF-003' : 'NTF-001';
    const results = await race(ROUNDS, async (index) => {
      const group = await create('Group');
      const [one, two] = [await createIn(group, 'Member'), await createIn(group, 'Member')];
      const acts = [
        () => createIn(group, 'Member', group, one),
        () => refer(a, one, two, group),
        () => refer(a, group, two),
      ];
      const outcomes = await start(index, acts[index % 3]!, () => b.delete(group));
      return outcomes.join();
    });
    // A new member learns first that its targets are gone.
    expect(Object.keys(results).sort()).toEqual(
      [`${refused},done`, 'VAL-000,done', 'done,done'].sort(),
    );
  });

  test('a child that must go first is created before the DELETE, which is refused, or not at all', async () => {
    const refused = adapters.length > 0 ? 'CNF-003' : 'NTF-001';
    const results = await race(ROUNDS, async (index) => {
      const group = await create('Group');
      const outcomes = await start(
        index,
        () => createIn(group, 'Guest'),
        () => b.delete(group),
      );
      return outcomes.join();
    });
    expect(Object.keys(results).sort()).toEqual([`${refused},done`, 'done,CNF-003'].sort());
  });

  test('the DELETE of the last child that must go first lets its parent go or not yet', async () => {
    const results = await race(ROUNDS, async (index) => {
      const group = await create('Group');
      const guest = await createIn(group, 'Guest');
      const outcomes = await start(
        index,
        () => a.delete(guest),
        () => b.delete(group),
      );
      return outcomes.join();
    });
    expect(Object.keys(results).sort()).toEqual(['done,CNF-003', 'done,done']);
  });

  test('a recomputation of all conditions waits in no circle with patches and deletions', async () => {
    // As if these had just become required: everything is outdated.
    const other = kindsWith('dns');
    const observer = { onProgress: () => undefined, onCollision: () => undefined };
    await race(ROUNDS, async (index) => {
      const user = await create('User');
      const group = await create('Group');
      const member = await createIn(group, 'Member');
      const [sweep] = await Promise.all([
        outcomeOf(reaggregateAll(b.db, index % 2 ? other : kinds, '', 50, observer)),
        start(
          index,
          () => refer(a, user, member),
          () => b.delete(group),
        ),
      ]);
      return sweep;
    });
    await reaggregateAll(a.db, kinds, '', 50, observer);
  });

  /** Everything that takes a lock, in one crowd: what counts is that nobody waits in a circle. */
  test('a crowd that refers to one another leaves no deadlock and nothing broken behind', async () => {
    const rows: ResourceRow[] = [await create('Group'), await create('User')];
    const pick = (...of: string[]) => {
      const newest = rows.filter(({ kind }) => of.length === 0 || of.includes(kind)).slice(-5);
      return newest[Math.floor(Math.random() * newest.length)]!;
    };
    const add = async (row: Promise<ResourceRow>) => rows.push(await row);
    const acts: ((process: Process) => Promise<unknown>)[] = [
      () => add(create('User', pick())),
      () => add(create('Group')),
      () => add(createIn(pick('Group'), 'Member', pick('Member', 'Group'))),
      () => add(createIn(pick('Group'), 'Guest')),
      (process) => refer(process, pick('User'), pick(), pick()),
      (process) => refer(process, pick('Member', 'User'), pick('Member', 'Group')),
      (process) => refer(process, pick('User')),
      (process) => process.delete(pick()),
      (process) => process.report(pick(), 'validation', 2),
      (process) => process.report(pick(), 'validation', 3),
      (process) => process.forceDelete(pick()),
    ];
    const outcomes: Record<string, number> = {};
    const worker = async (process: Process) => {
      for (let act = 0; act < ROUNDS; act++) {
        const outcome = await outcomeOf(acts[Math.floor(Math.random() * acts.length)]!(process));
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
    };
    await Promise.all([a, b, a, b, a, b, a, b].map(worker));
    expect(outcomes.done).toBeGreaterThan(ROUNDS);
  });
});
