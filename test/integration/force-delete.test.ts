import { silentLogger } from '../../src/telemetry/log';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { violations } from '../support/lifecycle-service';

/* The removal of what adapters do not clean up. */

let app: TestApp;
const warn = jest.spyOn(silentLogger, 'warn');

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(async () => {
  expect(await violations(app.service.db, app.service.kinds)).toEqual([]);
  await app.stop();
});

async function aCluster() {
  const { body } = await api(app).post('/clusters').send(newCluster()).expect(201);
  return { ...body, path: `/clusters/${body.id}` };
}

async function aNodePool({ path }: { path: string }): Promise<{ path: string }> {
  const { body } = await api(app).post(`${path}/nodepools`).send(newNodePool()).expect(201);
  return { path: `${path}/nodepools/${body.id}` };
}

const statusOf = async (path: string) => (await api(app).get(path)).status;
const remove = (path: string) => api(app).delete(path).expect(202);
const force = (path: string, body: object = { reason: 'lost' }) =>
  api(app).post(`${path}/force-delete`).send(body);

async function finalize(path: string, generation = 2) {
  for (const adapter of ['validation', 'dns']) {
    const report = newReport(adapter, generation, { Available: 'Unknown', Finalized: 'True' });
    await api(app).post(`${path}/statuses`).send(report).expect(201);
  }
}

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
  expect((await force(pools[0]!.path)).status).toBe(204);
  expect(await statusOf(cluster.path)).toBe(200);
  expect((await force(pools[1]!.path)).status).toBe(204);
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
