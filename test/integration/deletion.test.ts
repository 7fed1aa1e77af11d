import { reaggregateAll } from '../../src/repositories/reaggregate';
import { silentLogger } from '../../src/telemetry/log';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { kindsWith } from '../support/kinds';
import { Process } from '../support/lifecycle-races';
import { violations } from '../support/lifecycle-service';

let app: TestApp;
/** The same service with nothing to wait for. */
let idle: TestApp;
const warn = jest.spyOn(silentLogger, 'warn');

beforeAll(async () => {
  app = await startTestApp();
  const env = { HYPERFLEET_CLUSTER_ADAPTERS: '[]', HYPERFLEET_NODEPOOL_ADAPTERS: '[]' };
  idle = await startTestApp({ env });
});

afterAll(async () => {
  expect(await violations(app.service.db, app.service.kinds)).toEqual([]);
  expect(await violations(idle.service.db, idle.service.kinds)).toEqual([]);
  await idle.stop();
  await app.stop();
});

async function aCluster(on = app) {
  const { body } = await api(on).post('/clusters').send(newCluster());
  return { ...body, path: `/clusters/${body.id}` };
}

async function aNodePool(cluster: { path: string }, on = app) {
  const { status, body } = await api(on).post(`${cluster.path}/nodepools`).send(newNodePool());
  expect(status).toBe(201);
  return { ...body, path: `${cluster.path}/nodepools/${body.id}` };
}

const get = async (path: string) => (await api(app).get(path)).body;
const statusOf = async (path: string, on = app) => (await api(on).get(path)).status;
const remove = (path: string, on = app) => api(on).delete(path);
const force = (path: string, body: object = { reason: 'lost' }) =>
  api(app).post(`${path}/force-delete`).send(body);

async function finalize(path: string, generation = 2, adapters = ['validation', 'dns']) {
  for (const adapter of adapters) {
    const report = newReport(adapter, generation, { Available: 'Unknown', Finalized: 'True' });
    expect((await api(app).post(`${path}/statuses`).send(report)).status).toBe(201);
  }
}

describe('DELETE', () => {
  test('marks the resource and responds with 202 and the resource', async () => {
    const cluster = await aCluster();
    for (const adapter of ['validation', 'dns']) {
      await api(app).post(`${cluster.path}/statuses`).send(newReport(adapter));
    }
    const { status, body, headers } = await remove(cluster.path);
    expect(status).toBe(202);
    expect(body).toMatchObject({
      ...{ id: cluster.id, generation: 2, spec: cluster.spec, labels: cluster.labels },
      ...{ deleted_by: 'system@hyperfleet.local', updated_by: 'system@hyperfleet.local' },
    });
    expect(body.updated_time).toBe(body.deleted_time);
    expect(body.status.conditions.slice(0, 2)).toMatchObject([
      { type: 'Available', status: 'True', observed_generation: 1 },
      { type: 'Ready', status: 'False', observed_generation: 2, reason: 'MissingRequiredAdapters' },
    ]);
    const found = await api(app).get(cluster.path);
    expect(found.body).toEqual(body);
    expect(found.headers.etag).toBe(headers.etag);
  });

  test('again gives the same response and changes nothing', async () => {
    const { path } = await aCluster();
    const first = await remove(path);
    const second = await remove(path);
    expect(second.status).toBe(202);
    expect(second.body).toEqual(first.body);
    expect(second.headers.etag).toBe(first.headers.etag);
  });

  test('marks the node pools with it, except those that are marked already', async () => {
    const cluster = await aCluster();
    const pools = [await aNodePool(cluster), await aNodePool(cluster), await aNodePool(cluster)];
    await api(app)
      .patch(pools[1].path)
      .send({ labels: { changed: 'yes' } });
    await remove(pools[2].path);
    const before = await get(pools[2].path);
    const { body } = await remove(cluster.path);
    const marks = { deleted_time: body.deleted_time, deleted_by: body.deleted_by };
    expect(await get(pools[0].path)).toMatchObject({ ...marks, generation: 2 });
    expect(await get(pools[1].path)).toMatchObject({ ...marks, generation: 3 });
    expect(await get(pools[2].path)).toEqual(before);
  });

  test('frees the name at once', async () => {
    const cluster = await aCluster();
    const pool = await aNodePool(cluster);
    const again = (path: string, name: string) => api(app).post(path).send({ name, spec: {} });
    expect((await again('/clusters', cluster.name)).body.code).toBe('HYPERFLEET-CNF-001');
    expect((await again(`${cluster.path}/nodepools`, pool.name)).status).toBe(409);
    await remove(pool.path);
    expect((await again(`${cluster.path}/nodepools`, pool.name)).status).toBe(201);
    await remove(cluster.path);
    expect((await again('/clusters', cluster.name)).status).toBe(201);
  });

  test('stops changes of the resource and creations under it', async () => {
    const cluster = await aCluster();
    await remove(cluster.path);
    const creation = await api(app).post(`${cluster.path}/nodepools`).send(newNodePool());
    const patch = await api(app).patch(cluster.path).send({ labels: {} });
    for (const { body } of [creation, patch]) {
      expect(body).toMatchObject({ status: 409, code: 'HYPERFLEET-CNF-003' });
    }
  });

  test('finds a node pool under its own cluster only', async () => {
    const [cluster, other] = [await aCluster(), await aCluster()];
    const pool = await aNodePool(cluster);
    const elsewhere = `${other.path}/nodepools/${pool.id}`;
    expect((await remove(elsewhere)).status).toBe(404);
    expect((await force(elsewhere)).status).toBe(404);
    expect((await get(pool.path)).deleted_time).toBeUndefined();
  });
});

describe('a marked resource vanishes', () => {
  test('with the last required Finalized=True at its generation, not before', async () => {
    const cluster = await aCluster();
    await finalize(cluster.path, 1);
    await remove(cluster.path);
    await finalize(cluster.path, 1);
    await finalize(cluster.path, 2, ['validation', 'extra']);
    const refused = newReport('dns', 2, { Finalized: 'False' });
    await api(app).post(`${cluster.path}/statuses`).send(refused);
    expect(await get(cluster.path)).toMatchObject({ generation: 2, status: { phase: 'NotReady' } });
    await finalize(cluster.path, 2, ['dns']);
    for (const path of [cluster.path, `${cluster.path}/statuses`, `${cluster.path}/nodepools`]) {
      expect(await statusOf(path)).toBe(404);
    }
    const late = await api(app).post(`${cluster.path}/statuses`).send(newReport('dns', 0));
    expect(late.body.code).toBe('HYPERFLEET-NTF-001');
    expect((await remove(cluster.path)).status).toBe(404);
  });

  test('only after its node pools, and then with the last of them', async () => {
    const cluster = await aCluster();
    const pools = [await aNodePool(cluster), await aNodePool(cluster)];
    await remove(cluster.path);
    await finalize(cluster.path);
    expect((await get(cluster.path)).status.conditions[1]).toMatchObject({
      ...{ type: 'Ready', status: 'False', reason: 'WaitingForChildren' },
    });
    await finalize(pools[0].path, 2, ['validation']);
    expect(await statusOf(pools[0].path)).toBe(404);
    expect(await statusOf(cluster.path)).toBe(200);
    await finalize(pools[1].path, 2, ['validation']);
    expect(await statusOf(cluster.path)).toBe(404);
  });

  test('a node pool of a living cluster alone', async () => {
    const cluster = await aCluster();
    const pool = await aNodePool(cluster);
    const before = await api(app).get(cluster.path);
    await remove(pool.path);
    await finalize(pool.path, 2, ['validation']);
    expect(await statusOf(pool.path)).toBe(404);
    const after = await api(app).get(cluster.path);
    expect(after.body).toEqual(before.body);
    expect(after.headers.etag).toBe(before.headers.etag);
  });

  test('with a reaggregation when less is required', async () => {
    const cluster = await aCluster();
    const pool = await aNodePool(cluster);
    await remove(cluster.path);
    await finalize(cluster.path, 2, ['dns']);
    const fewer = kindsWith(['dns'], []);
    const observer = { onProgress: () => undefined, onCollision: () => undefined };
    await reaggregateAll(app.service.db, fewer, '', 100, observer);
    expect(await statusOf(pool.path)).toBe(404);
    expect(await statusOf(cluster.path)).toBe(404);
    await reaggregateAll(app.service.db, app.service.kinds, '', 100, observer);
  });
});

describe('where nothing is required', () => {
  test('a DELETE removes at once, cluster and node pools, and shows what it was', async () => {
    const cluster = await aCluster(idle);
    const pool = await aNodePool(cluster, idle);
    const { status, body, headers } = await remove(cluster.path, idle);
    expect(status).toBe(202);
    expect(body).toMatchObject({ id: cluster.id, generation: 2, spec: cluster.spec });
    expect(body.deleted_time).toBe(body.updated_time);
    expect(headers.etag).toBeDefined();
    expect(await statusOf(cluster.path, idle)).toBe(404);
    expect(await statusOf(pool.path, idle)).toBe(404);
    expect((await remove(cluster.path, idle)).status).toBe(404);
  });

  test('of clusters: they wait for their node pools; of node pools: they go with the cascade', async () => {
    const run = async (env: Record<string, string>) => {
      const some = await startTestApp({ env });
      const cluster = await aCluster(some);
      const pool = await aNodePool(cluster, some);
      await remove(cluster.path, some);
      const left = [await statusOf(cluster.path, some), await statusOf(pool.path, some)];
      expect(await violations(some.service.db, some.service.kinds)).toEqual([]);
      await some.stop();
      return left;
    };
    expect(await run({ HYPERFLEET_CLUSTER_ADAPTERS: '[]' })).toEqual([200, 200]);
    expect(await run({ HYPERFLEET_NODEPOOL_ADAPTERS: '[]' })).toEqual([200, 404]);
  });
});

describe('force-delete', () => {
  test('removes what is marked, with everything under it, and logs who and why', async () => {
    const cluster = await aCluster();
    const pool = await aNodePool(cluster);
    await finalize(cluster.path, 1);
    await remove(cluster.path);
    warn.mockClear();
    const response = await force(cluster.path, { reason: 'the account was closed' });
    expect([response.status, response.text]).toEqual([204, '']);
    expect(await statusOf(cluster.path)).toBe(404);
    expect(await statusOf(pool.path)).toBe(404);
    expect(warn.mock.calls).toEqual([
      [
        expect.any(String),
        expect.objectContaining({
          ...{ reason: 'the account was closed', actor: 'system@hyperfleet.local' },
          ...{ resource_id: cluster.id, resource_type: 'Cluster', name: cluster.name },
        }),
      ],
    ]);
    expect((await force(cluster.path)).body.code).toBe('HYPERFLEET-NTF-001');
  });

  test('takes the cluster along when that only waited for the node pool', async () => {
    const cluster = await aCluster();
    const pools = [await aNodePool(cluster), await aNodePool(cluster)];
    await remove(cluster.path);
    await finalize(cluster.path);
    expect((await force(pools[0].path)).status).toBe(204);
    expect(await statusOf(cluster.path)).toBe(200);
    expect((await force(pools[1].path)).status).toBe(204);
    expect(await statusOf(cluster.path)).toBe(404);
  });

  test('refuses what is not marked, and a reason that is none', async () => {
    const cluster = await aCluster();
    warn.mockClear();
    expect((await force(cluster.path)).body).toMatchObject({ code: 'HYPERFLEET-CNF-003' });
    await remove(cluster.path);
    for (const body of [{}, { reason: '' }, { reason: 7 }, { reason: 'x'.repeat(1025) }]) {
      expect((await force(cluster.path, body)).status).toBe(400);
    }
    expect(await statusOf(cluster.path)).toBe(200);
    expect(warn).not.toHaveBeenCalled();
    expect((await force(cluster.path, { reason: 'x'.repeat(1024) })).status).toBe(204);
  });
});

test('500 node pools are marked in a handful of statements and vanish with their cluster', async () => {
  const SIZE = 500;
  const process = new Process(app.database.url);
  const cluster = await process.createParent();
  const ids = Array.from({ length: SIZE }, (_, index) => `pool-${index}`);
  const pools = await Promise.all(ids.map((name) => process.createChild(cluster.id, name)));
  const measure = async (work: () => Promise<unknown>) => {
    const [statements, begin] = [process.statements, performance.now()];
    await work();
    const ms = Math.round(performance.now() - begin);
    return { statements: process.statements - statements, ms };
  };
  const marking = await measure(() => process.delete(cluster));
  const finalizing = await measure(async () => {
    for (const adapter of ['validation', 'dns']) await process.report(cluster, adapter, 2);
    await Promise.all(pools.map((pool) => process.report(pool, 'validation', 2)));
  });
  await process.db.close();
  const told = ({ statements, ms }: typeof marking) => `${statements} statements, ${ms} ms`;
  console.log(`${SIZE} node pools: DELETE ${told(marking)}; all finalized ${told(finalizing)}`);
  expect(await statusOf(`/clusters/${cluster.id}`)).toBe(404);
  expect(marking.statements).toBeLessThanOrEqual(10);
  expect(finalizing.statements).toBeLessThanOrEqual(12 * SIZE);
  expect(process.failures).toEqual([]);
}, 60_000);
