import { tmpdir } from 'node:os';
import type { Kinds } from '../../src/kinds/kind';
import { type Collision, type Progress, reaggregateAll } from '../../src/repositories/reaggregate';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';
import { adapterVariables, kindsWith } from '../support/kinds';
import { removeEverything, storedRows, violations } from '../support/lifecycle-service';
import {
  after,
  conditionOf,
  createSubject,
  minimalReport,
  sendReport,
  type Subject,
} from '../support/reports';
import { runService, stopServices } from '../support/service-process';
import { someoneWaits } from '../support/backends';
import { withClient } from '../support/database';

jest.setTimeout(60_000);

const OLD = kindsWith(['validation', 'dns'], ['validation']);
const NEW = kindsWith(['validation'], ['validation', 'hypershift']);

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ env: adapterVariables(OLD) });
});

afterEach(() => removeEverything(app.service.db));

afterAll(async () => {
  await stopServices();
  await app.stop();
});

/** Reaggregates, and notes what the operator is told. */
async function reaggregate(kinds: Kinds, afterId = '', batchSize = 100) {
  const told: Progress[] = [];
  const collisions: Collision[] = [];
  const done = await reaggregateAll(app.service.db, kinds, afterId, batchSize, {
    onProgress: (progress) => told.push({ ...progress }),
    onCollision: (collision) => collisions.push(collision),
  });
  return { done: { ...done }, told, collisions };
}

const newSubject = () => createSubject(app, '/clusters', newCluster());

/** Clusters with a node pool each; validation has reported about all of them. */
async function createFleet(count: number): Promise<{ clusters: Subject[]; pools: Subject[] }> {
  const clusters = await Promise.all(Array.from({ length: count }, newSubject));
  const pools = await Promise.all(
    clusters.map(({ path }) => createSubject(app, `${path}/nodepools`, newNodePool())),
  );
  await Promise.all(
    [...clusters, ...pools].map((subject) => {
      const statuses = { Available: 'True', Finalized: 'True' } as const;
      const more = { observed_time: subject.createdTime };
      return sendReport(app, subject, minimalReport('validation', statuses, more));
    }),
  );
  return { clusters, pools };
}

async function ready(subjects: readonly Subject[]): Promise<unknown[]> {
  const conditions = await Promise.all(subjects.map((it) => conditionOf(app, it, 'Ready')));
  return [...new Set(conditions.map((condition) => condition?.status))];
}

test('a new list of required adapters reaches every resource, batch by batch, and only once', async () => {
  const { clusters, pools } = await createFleet(9);
  expect([await ready(clusters), await ready(pools)]).toEqual([['False'], ['True']]);

  const { done, told } = await reaggregate(NEW, '', 4);

  expect([await ready(clusters), await ready(pools)]).toEqual([['True'], ['False']]);
  expect(await violations(app.service.db, NEW)).toEqual([]);
  expect(done).toMatchObject({ total: 18, seen: 18, changed: 18, removed: 0 });
  expect(told.map(({ seen }) => seen)).toEqual([4, 8, 12, 16, 18]);

  const before = await storedRows(app.service.db);
  expect((await reaggregate(NEW)).done).toMatchObject({ seen: 18, changed: 0, removed: 0 });
  expect(await storedRows(app.service.db)).toEqual(before);
});

test('a run that was cut off goes on behind the last resource it told of', async () => {
  await createFleet(4);
  const ids = (await storedRows(app.service.db)).map(({ id }) => id);

  const { done } = await reaggregate(NEW, ids[4]);

  expect(done).toEqual({ lastId: ids[7], total: 3, seen: 3, changed: 3, removed: 0 });
  expect((await reaggregate(NEW)).done).toMatchObject({ seen: 8, changed: 5 });
});

test('what only waited for an adapter that is not required any more is removed, clusters last', async () => {
  const { clusters, pools } = await createFleet(2);
  const report = minimalReport('validation', { Finalized: 'True' }, { observed_generation: 2 });
  for (const { path } of clusters) await api(app).delete(path);
  for (const subject of clusters) expect((await sendReport(app, subject, report)).status).toBe(201);
  expect((await storedRows(app.service.db)).length).toBe(4);

  // The node pools are complete without any adapter, and then their clusters are.
  const { done } = await reaggregate(kindsWith(['validation'], []));

  expect(done.removed).toBe(2);
  expect(await storedRows(app.service.db)).toEqual([]);
  for (const { path } of [...clusters, ...pools]) {
    expect((await api(app).get(path)).status).toBe(404);
  }
});

test('an adapter that reported under the condition type of one that is required now is named', async () => {
  const cluster = await newSubject();
  await sendReport(app, cluster, minimalReport('Hypershift'));

  const { collisions } = await reaggregate(kindsWith(['validation', 'hypershift'], ['validation']));

  expect(collisions).toEqual([
    { resourceId: cluster.id, adapter: 'Hypershift', requiredAdapter: 'hypershift' },
  ]);
});

test('a resource that a server with the old list changes at that moment gets the new list as well', async () => {
  const { clusters } = await createFleet(2);
  await withClient(app.database.directUrl, async (other) => {
    await other.query('BEGIN');
    await other.query('UPDATE resource_status SET version = version + 1 WHERE resource_id = $1', [
      clusters[1]!.id,
    ]);
    const running = reaggregate(NEW);
    await someoneWaits(app.database.directUrl);
    await other.query('COMMIT');

    expect((await running).done).toMatchObject({ seen: 4, changed: 4 });
    expect(await violations(app.service.db, NEW)).toEqual([]);
  });
});

test('nobody notices while it runs: every report counts, and no request fails', async () => {
  const serving = await startTestApp({ database: app.database, env: adapterVariables(NEW) });
  try {
    const { clusters, pools } = await createFleet(6);
    const subjects = [...clusters, ...pools];
    const statuses = new Set<number>();
    const rounds = 12;
    const load = subjects.map(async (subject, index) => {
      for (let round = 1; round <= rounds; round++) {
        const more = { observed_time: after(subject, round) };
        const reported = await sendReport(
          serving,
          subject,
          minimalReport('validation', { Available: round % 3 ? 'True' : 'False' }, more),
        );
        statuses.add(reported.status);
        if (round % 4 === index % 4) {
          const body = { labels: { round: String(round) } };
          statuses.add((await api(serving).patch(subject.path).send(body)).status);
        }
      }
    });
    const idle = { load: true };
    let runs = 0;
    const reaggregating = (async () => {
      // By turns, so that every run finds something to write; the list of the server has the last word.
      for (; idle.load; runs++) {
        await reaggregate(OLD, '', 5);
        await reaggregate(NEW, '', 5);
      }
    })();
    await Promise.all(load);
    idle.load = false;
    await reaggregating;

    expect([...statuses].sort()).toEqual([200, 201]);
    expect(runs).toBeGreaterThan(0);
    expect(await violations(app.service.db, NEW)).toEqual([]);
    for (const subject of subjects) {
      const { body } = await api(app).get(`${subject.path}/statuses`);
      expect(body).toMatchObject({ items: [{ last_report_time: after(subject, rounds) }] });
    }
  } finally {
    await serving.stop();
  }
});

describe('the command', () => {
  const run = (...args: string[]) =>
    runService(
      ['reaggregate', ...args],
      { ...adapterVariables(NEW), DATABASE_URL: app.database.url },
      tmpdir(),
    );

  test('recomputes everything by the lists of its environment and tells how far it is', async () => {
    const { clusters } = await createFleet(2);

    const { code, stdout } = await run();

    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const ids = (await storedRows(app.service.db)).map(({ id }) => id);
    const progress = { lastId: ids[3], total: 4, seen: 4, changed: 4, removed: 0 };
    expect(lines).toContainEqual(
      expect.objectContaining({ message: 'reaggregating', ...progress }),
    );
    expect(lines).toContainEqual(expect.objectContaining({ message: 'reaggregated', ...progress }));
    expect(await ready(clusters)).toEqual(['True']);
  });

  test('goes on after the id that an interrupted run has logged, and after nothing else', async () => {
    await createFleet(2);
    const ids = (await storedRows(app.service.db)).map(({ id }) => id);
    const { code, stdout } = await run('--after', ids[1]!);
    expect(code).toBe(0);
    expect(stdout).toContain('"total":2,"seen":2,"changed":2');

    for (const after of ['nonsense', '', `${ids[1]!.slice(0, -1)}u`, ids[1]!.toUpperCase()]) {
      const refused = await run(`--after=${after}`);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toBe(`--after '${after}' is not the id of a resource.\n`);
    }
  });
});
