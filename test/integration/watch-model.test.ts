import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { OwnPostgres } from '../support/own-postgres';
import { randomOf } from '../support/random';
import { stopServices } from '../support/service-process';
import { Consumer, listed, type WatchedList } from '../support/watch-consumer';
import { Replicas } from '../support/watch-fleet';
import { Writers } from '../support/watch-writers';

/**
 * Clients that watch hold what the lists show, byte for byte, whatever breaks between them and the database.
 *
 * A longer run for those who doubt: WATCH_CHANGES=100000 WATCH_SEEDS=5 npx jest --testPathPatterns watch-model
 * The same dice again: WATCH_SEED=…, from the name of a test that failed.
 */
const CHANGES = Number(process.env.WATCH_CHANGES ?? 1500);
const SEEDS = Number(process.env.WATCH_SEEDS ?? 2);
const SEED = Number(process.env.WATCH_SEED ?? randomInt(1_000_000));
/** Changes between two kills of a process. */
const KILL_EVERY = Math.max(250, Math.min(1500, CHANGES / 20));
const ROUNDS = Math.max(2, Math.ceil(CHANGES / 10_000));
const SETTLE_MS = 10_000;

jest.setTimeout(300_000 + CHANGES * 200);

const QUIET_SEARCH = "labels.shard = '1' and status.conditions.Ready = 'False'";

function listsOf(parent: string): WatchedList[] {
  const list = (path: string, search?: string, fields?: string): WatchedList => ({
    name: [path.replace(parent, '…'), search, fields].filter(Boolean).join(' '),
    path,
    query: { ...(search && { search }), ...(fields && { fields }) },
  });
  const cut = 'name,generation,labels.shard,status.conditions,owner_references';
  return [
    list('/clusters'),
    list('/clusters', "labels.shard = '1'"),
    list('/clusters', "status.conditions.Ready = 'False'"),
    list('/clusters', QUIET_SEARCH),
    list('/clusters', QUIET_SEARCH),
    list('/clusters', "name in ('c-name-1', 'c-name-2') or name like 'c-name-5%'"),
    list('/clusters', "spec.region = 'eu' and not (labels.team = 'a' or generation > 4)", cut),
    list(`/clusters/${parent}/nodepools`, "status.conditions.Available = 'True'"),
    list(`/clusters/${parent}/nodepools`),
    list('/nodepools', 'spec.nodes < 7 and deleted_time is null'),
    list('/resources', undefined, cut),
    list('/resources', "labels.team = 'a' or status.conditions.ProbeSuccessful = 'True'"),
  ];
}

let server: OwnPostgres;
beforeAll(async () => {
  server = await OwnPostgres.create();
  await server.start();
});
afterAll(async () => {
  await stopServices();
  await server.destroy();
});

class Model {
  private epoch = 0;
  private killed = 0;
  private kills = 0;
  readonly consumers: Consumer[];

  constructor(
    private readonly replicas: Replicas,
    readonly writers: Writers,
    private readonly random: () => number,
  ) {
    const around = {
      serviceUrl: () => this.replicas.url(this.random() < 0.5 ? 0 : 1),
      epoch: () => this.epoch,
      random,
    };
    const lists = listsOf(writers.parentClusters[0]!);
    this.consumers = lists.map((list) => new Consumer(list, around));
  }

  /** Kills the processes in turns while changes are made. */
  async disturb(changes: number): Promise<void> {
    const end = this.writers.changes + changes;
    while (this.writers.changes < end) {
      await this.writers.after(Math.min(KILL_EVERY, end - this.writers.changes));
      await this.replicas.kill(this.killed);
      this.kills++;
      await sleep(this.random() * 500);
      await this.replicas.launch(this.killed);
      this.killed = 1 - this.killed;
    }
  }

  async restartDatabase(): Promise<void> {
    await server.stop();
    // What was sent before has arrived by then.
    await sleep(500);
    this.epoch++;
    await server.start();
  }

  /** Waits until nothing changes any more, and holds every consumer against its list. */
  async compare(): Promise<void> {
    await this.writers.stop();
    for (const consumer of this.consumers) consumer.settle(true);
    for (const consumer of this.consumers) {
      const expected = await listed(this.replicas.url(0), consumer.list);
      const deadline = performance.now() + SETTLE_MS;
      const isEqual = () => consumer.inStep && isSame(consumer.items, expected);
      while (!isEqual() && performance.now() < deadline) await sleep(20);
      if (!isEqual()) throw new Error(complaint(consumer, expected));
    }
    const all = await listed(this.replicas.url(1), listsOf('')[10]!);
    for (const { list, removed } of this.consumers) {
      const alive = [...removed].filter((id) => all.has(id));
      expect({ list: list.name, alive }).toEqual({ list: list.name, alive: [] });
    }
  }

  resume(): void {
    for (const consumer of this.consumers) consumer.settle(false);
    this.writers.start();
  }

  /** What no stream may ever have said. */
  check(): void {
    const { parents, quiet, parentClusters } = this.writers;
    expect(this.consumers.flatMap(({ faults }) => faults)).toEqual([]);
    for (const { list, left, removed } of this.consumers) {
      const { path, query } = list;
      if (query.search === undefined) expect([...left]).toEqual([]);
      if (query.search === QUIET_SEARCH) {
        expect([...left].filter((id) => quiet.has(id))).toEqual([]);
      }
      if (!path.endsWith(`${parentClusters[0]!}/nodepools`)) continue;
      const others = [...left, ...removed].filter((id) => {
        const parent = parents.get(id);
        return parent !== undefined && parent !== parentClusters[0];
      });
      expect(others).toEqual([]);
    }
  }

  figures(): object {
    const sum = (counts: Record<string, number>[]) =>
      counts.reduce((all, each) => {
        for (const [name, count] of Object.entries(each)) all[name] = (all[name] ?? 0) + count;
        return all;
      }, {});
    return {
      ...{ kills: this.kills, changes: this.writers.changes, done: this.writers.done },
      starts: sum(this.consumers.map(({ starts }) => starts)),
      events: sum(this.consumers.map(({ counts }) => counts)),
    };
  }
}

/** What differs, and how that came about. */
function complaint(consumer: Consumer, expected: ReadonlyMap<string, string>): string {
  const { list, items, inStep } = consumer;
  const ids = [...new Set([...expected.keys(), ...items.keys()])];
  const wrong = ids.filter((id) => items.get(id) !== expected.get(id));
  const [first] = wrong;
  const about = first !== undefined && [
    ...[`is ${items.get(first) ?? 'missing'}`, `must be ${expected.get(first) ?? 'missing'}`],
    ...consumer.storyOf(first),
  ];
  const lines = [`${list.name}: in step ${inStep}, wrong ${wrong.join(', ')}`, ...(about || [])];
  return lines.join('\n');
}

function isSame(items: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>) {
  return (
    items.size === expected.size && [...items].every(([id, text]) => expected.get(id) === text)
  );
}

test.each(Array.from({ length: SEEDS }, (_, index) => SEED + index))(
  'WATCH_SEED=%d: what clients hold is what the lists show',
  async (seed) => {
    const random = randomOf(seed);
    const replicas = await Replicas.start(await server.createDatabase(`watch_${seed}`), 2);
    const writers = new Writers(() => replicas.url(random() < 0.5 ? 0 : 1), random);
    await writers.prepare();
    const model = new Model(replicas, writers, random);
    try {
      for (const consumer of model.consumers) consumer.start();
      for (let round = 0; round < ROUNDS; round++) {
        const changes = CHANGES / ROUNDS;
        model.resume();
        if (round === 1) {
          await model.disturb(changes / 2);
          await model.restartDatabase();
          await model.disturb(changes / 2);
        } else await model.disturb(changes);
        await model.compare();
        model.check();
      }
      for (const { starts } of model.consumers) {
        expect(starts.gone).toBe(1);
        expect(starts.resumed).toBeGreaterThan(1);
      }
    } finally {
      console.log(`WATCH_SEED=${seed}:`, model.figures());
      await writers.stop().catch(() => undefined);
      await Promise.all(model.consumers.map((consumer) => consumer.stop()));
      await replicas.stop();
    }
  },
);
