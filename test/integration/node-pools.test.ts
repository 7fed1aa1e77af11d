import supertest from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport, uniqueName } from '../support/factories';

const B = '/api/hyperfleet/v1';

let app: TestApp;
const api = () => supertest(app.url);
const createCluster = async (): Promise<{ id: string; href: string }> =>
  (await api().post(`${B}/clusters`).send(newCluster()).expect(201)).body;

/** A node pool, and its path below its cluster. */
async function create(body: object = newNodePool()) {
  const cluster = await createCluster();
  const { body: pool } = await api().post(`${cluster.href}/nodepools`).send(body).expect(201);
  return { cluster, pool, path: `${cluster.href}/nodepools/${pool.id as string}` };
}

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('creating a node pool', () => {
  it('puts it under its cluster, at generation 1, with an address of its own', async () => {
    const cluster = await createCluster();
    const request = newNodePool();
    const answer = await api().post(`${cluster.href}/nodepools`).send(request).expect(201);
    const { id, created_time: time, status, ...pool } = answer.body;
    expect(id).toMatch(/^2[0-9a-hjkmnp-tv-z]{26}$/);
    expect(answer.headers.location).toBe(`${B}/nodepools/${id}`);
    expect(pool).toEqual({
      ...{ kind: 'NodePool', href: `${B}/nodepools/${id}`, name: request.name, generation: 1 },
      owner_references: { id: cluster.id, kind: 'Cluster', href: cluster.href },
      ...{ spec: request.spec, labels: request.labels, updated_time: time },
      ...{ created_by: 'system@hyperfleet.local', updated_by: 'system@hyperfleet.local' },
    });
    expect(status).toMatchObject({ phase: 'NotReady', observed_generation: 1 });
    expect(status.conditions[0].observed_generation).toBe(0);
    const ways = [pool.href, `${cluster.href}/nodepools/${id}`, `${pool.href}/`];
    for (const way of ways) {
      const read = await api().get(way).expect(200);
      expect(read.body).toEqual(answer.body);
      expect(read.headers.etag).toBe(answer.headers.etag);
    }
  });

  it.each([
    ['ab', 400],
    ['abc', 201],
    ['a'.repeat(15), 201],
    ['a'.repeat(16), 400],
    ['Abc', 400],
  ])('with the name %j is answered %i', async (name, status) => {
    const { href } = await createCluster();
    await api().post(`${href}/nodepools`).send(newNodePool({ name })).expect(status);
  });

  it('refuses any other kind', async () => {
    const { href } = await createCluster();
    const { body } = await api()
      .post(`${href}/nodepools`)
      .send({ ...newNodePool(), kind: 'Cluster' })
      .expect(400);
    expect(body.errors).toMatchObject([{ field: 'kind' }]);
  });

  it('wants its name free in its cluster only, and only among those not marked', async () => {
    const { cluster, pool, path } = await create();
    const same = newNodePool({ name: pool.name });
    const { body } = await api().post(`${cluster.href}/nodepools`).send(same).expect(409);
    expect(body.code).toBe('HYPERFLEET-CNF-001');
    await create(same);
    await api().delete(path).expect(202);
    await api().post(`${cluster.href}/nodepools`).send(same).expect(201);
  });

  it('is a 404 below a cluster nobody has, and a 409 below one that is being deleted', async () => {
    const unknown = `${B}/clusters/201kf0hj0808sjpk9ga01xy0xj2/nodepools`;
    const missing = await api().post(unknown).send(newNodePool()).expect(404);
    expect(missing.body.code).toBe('HYPERFLEET-NTF-001');
    await api().get(unknown).expect(404);
    const { cluster } = await create();
    await api().delete(cluster.href).expect(202);
    const { body } = await api().post(`${cluster.href}/nodepools`).send(newNodePool()).expect(409);
    expect(body.code).toBe('HYPERFLEET-CNF-003');
  });

  it('lets exactly one of two racing creates of a name win, every time', async () => {
    const other = await startTestApp({ database: app.database });
    const { href } = await createCluster();
    try {
      for (let round = 0; round < 100; round++) {
        const body = newNodePool({ name: `pool-${round}` });
        const answers = await Promise.all(
          [app, other].map(({ url }) => supertest(url).post(`${href}/nodepools`).send(body)),
        );
        expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      }
    } finally {
      await other.stop();
    }
    const { body } = await api().get(`${href}/nodepools`).query({ pageSize: 1 });
    expect(body.total).toBe(100);
  });

  it('never leaves an unmarked node pool under a cluster that is deleted meanwhile', async () => {
    for (let round = 0; round < 20; round++) {
      const { href } = await createCluster();
      const [created, removed] = await Promise.all([
        api().post(`${href}/nodepools`).send(newNodePool()),
        api().delete(href),
      ]);
      expect(removed.status).toBe(202);
      expect([201, 409]).toContain(created.status);
      const { body } = await api().get(`${href}/nodepools`);
      expect(body.total).toBe(created.status === 201 ? 1 : 0);
      for (const pool of body.items) expect(pool.deleted_time).toBe(removed.body.deleted_time);
    }
  });
});

describe('a node pool', () => {
  it('is not found below a cluster it does not belong to', async () => {
    const { pool } = await create();
    const other = await createCluster();
    const path = `${other.href}/nodepools/${pool.id as string}`;
    const answers = await Promise.all([
      api().get(path),
      api().patch(path).send({ labels: {} }),
      api().delete(path),
      api().post(`${path}/force-delete`).send({ reason: 'x' }),
      api().get(`${path}/statuses`),
      api().post(`${path}/statuses`).send(newReport('validation')),
      api().put(`${path}/statuses`).send(newReport('validation', 0)),
    ]);
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
      answers.map(() => [404, 'HYPERFLEET-NTF-001']),
    );
    expect((await api().get(pool.href)).body).toEqual(pool);
  });

  it('is listed under its cluster and among all', async () => {
    const { cluster, pool } = await create();
    const label = uniqueName('only');
    const { body: second } = await api()
      .post(`${cluster.href}/nodepools`)
      .send(newNodePool({ labels: { label } }));
    await create();
    const below = await api().get(`${cluster.href}/nodepools`).expect(200);
    expect(below.body).toMatchObject({ kind: 'NodePoolList', page: 1, size: 2, total: 2 });
    expect(below.body.items).toEqual([second, pool]);
    const found = await api()
      .get(`${B}/nodepools`)
      .query({ search: `labels.label='${label}'` });
    expect(found.body.items).toEqual([second]);
    const owned = await api()
      .get(`${B}/nodepools`)
      .query({ search: `owner_id='${cluster.id}'`, orderBy: 'owner_id,name' });
    expect(owned.body.total).toBe(2);
  });

  it('changes, gets ready by its own adapters, and leaves its cluster alone', async () => {
    const { cluster, path } = await create();
    const before = (await api().get(cluster.href)).body;
    const body = { spec: { replicas: 5 }, labels: {} };
    const patched = await api().patch(path).send(body).expect(200);
    expect(patched.body).toMatchObject({ ...body, generation: 2 });
    await api().put(`${path}/statuses`).send(newReport('validation', 2)).expect(201);
    const { status } = (await api().get(path)).body;
    expect(status).toMatchObject({ phase: 'Ready', observed_generation: 2 });
    expect(status.conditions[0]).toMatchObject({
      type: 'Available',
      status: 'True',
      message: 'NodePool is accessible',
    });
    expect((await api().get(cluster.href)).body).toEqual(before);
  });

  it('is deleted alone, and gone when its adapters have finalized', async () => {
    const { cluster, path, pool } = await create();
    const marked = await api().delete(path).expect(202);
    expect(marked.body).toMatchObject({ id: pool.id, generation: 2 });
    expect((await api().get(cluster.href)).body).not.toHaveProperty('deleted_time');
    const report = newReport('validation', 2, { Available: 'False', Finalized: 'True' });
    await api().post(`${path}/statuses`).send(report).expect(201);
    await api().get(path).expect(404);
    await api().get(`${path}/statuses`).expect(404);
  });

  it('keeps its deleted cluster until it is gone itself', async () => {
    const { cluster, path } = await create();
    await api().delete(cluster.href).expect(202);
    for (const adapter of ['validation', 'dns']) {
      const report = newReport(adapter, 2, { Finalized: 'True' });
      await api().post(`${cluster.href}/statuses`).send(report).expect(201);
    }
    const { status } = (await api().get(cluster.href).expect(200)).body;
    expect(status.conditions[1]).toMatchObject({ type: 'Ready', reason: 'WaitingForChildren' });
    await api().post(`${path}/force-delete`).send({ reason: 'stuck' }).expect(204);
    await api().get(cluster.href).expect(404);
  });
});
