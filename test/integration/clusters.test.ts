import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport, uniqueName } from '../support/factories';

const CLUSTERS = '/api/hyperfleet/v1/clusters';

let app: TestApp;
const api = () => supertest(app.url);
const create = async (body: object = newCluster()) =>
  (await api().post(CLUSTERS).send(body).expect(201)).body;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('creating a cluster', () => {
  it('gives it an id, an address, generation 1 and a status that waits for adapters', async () => {
    const request = newCluster({ spec: { region: 'us-west-2', nested: { list: [1, 'a', null] } } });
    const before = Date.now();
    const answer = await api().post(CLUSTERS).send(request).expect(201);
    const { id, created_time: time, ...cluster } = answer.body;

    expect(id).toMatch(/^2[0-9a-hjkmnp-tv-z]{26}$/);
    expect(answer.headers.location).toBe(`${CLUSTERS}/${id}`);
    expect(answer.headers.etag).toMatch(/^"[^"]+"$/);
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    const waiting = {
      status: 'False',
      reason: 'AwaitingAdapters',
      message: 'Waiting for adapters to report status',
      observed_generation: 0,
      created_time: time,
      last_updated_time: time,
      last_transition_time: time,
    };
    expect(cluster).toEqual({
      ...{ kind: 'Cluster', href: `${CLUSTERS}/${id}`, name: request.name, generation: 1 },
      ...{ spec: request.spec, labels: request.labels, updated_time: time },
      ...{ created_by: 'system@hyperfleet.local', updated_by: 'system@hyperfleet.local' },
      status: {
        ...{ phase: 'NotReady', observed_generation: 0 },
        ...{ last_transition_time: time, last_updated_time: time },
        conditions: ['Available', 'Ready', 'Reconciled', 'LastKnownReconciled'].map((type) => ({
          type,
          ...waiting,
        })),
      },
    });
    expect((await api().get(answer.headers.location!).expect(200)).body).toEqual(answer.body);
  });

  it('needs no kind and no labels', async () => {
    const cluster = await create({ name: uniqueName(), spec: {} });
    expect(cluster).toMatchObject({ kind: 'Cluster', labels: {}, spec: {} });
  });

  it('ignores what the service decides itself, and members nobody knows', async () => {
    const cluster = await create({
      ...newCluster(),
      id: 'mine',
      href: '/mine',
      generation: 7,
      created_time: 'yesterday',
      updated_by: 42,
      deleted_time: '2026-01-15T10:00:00Z',
      owner_references: [],
      status: { phase: 'Ready' },
      surprise: true,
    });
    expect(cluster).toMatchObject({ generation: 1, created_by: 'system@hyperfleet.local' });
    expect(cluster.id).not.toBe('mine');
    expect(cluster.status.phase).toBe('NotReady');
    expect(cluster).not.toHaveProperty('deleted_time');
    expect(cluster).not.toHaveProperty('owner_references');
    expect(cluster).not.toHaveProperty('surprise');
  });

  it('keeps the values of a spec as they were sent', async () => {
    const spec = {
      ...{
        empty: {},
        list: [[], [0, -1.5, 1e21]],
        text: '\u00e9\ud83d\ude00 \u2028 "quoted" \\ /',
      },
      ...{
        no: false,
        nothing: null,
        '': 'no name',
        'a.b/c': { constructor: 1 },
        big: 9007199254740991,
      },
    };
    const { href } = await create(newCluster({ spec }));
    expect((await api().get(href)).body.spec).toEqual(spec);
  });

  it('names every field at fault at once', async () => {
    const { body } = await api()
      .post(CLUSTERS)
      .send({ kind: 'NodePool', name: 'X', labels: { ok: 'fine', '-bad-': 'x', role: '!' } })
      .expect(400);
    expect(body.code).toBe('HYPERFLEET-VAL-000');
    const fields = (body.errors as { field: string }[]).map(({ field }) => field);
    expect(new Set(fields)).toEqual(
      new Set(['kind', 'name', 'spec', 'labels.-bad-', 'labels.role']),
    );
  });

  it.each([
    ['ab', 400],
    ['abc', 201],
    ['a'.repeat(53), 201],
    ['b'.repeat(54), 400],
    ['-abc', 400],
    ['abc-', 400],
    ['Abc', 400],
    ['a_b', 400],
    ['a\nb', 400],
    ['abc\n', 400],
    ['7-up', 201],
  ])('with the name %j is answered %i', async (name, status) => {
    await api().post(CLUSTERS).send(newCluster({ name })).expect(status);
  });

  it('refuses more than 64 labels, and takes 64', async () => {
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, `${n}`]));
    await api().post(CLUSTERS).send(newCluster({ labels })).expect(400);
    delete labels.l64;
    expect(Object.keys((await create(newCluster({ labels }))).labels)).toHaveLength(64);
  });

  it('refuses a name that is taken, and takes it again once its holder is marked', async () => {
    const { name, href } = await create();
    const { body } = await api().post(CLUSTERS).send(newCluster({ name })).expect(409);
    expect(body.code).toBe('HYPERFLEET-CNF-001');
    expect(body.errors).toMatchObject([{ field: 'name', value: name }]);
    await api().delete(href).expect(202);
    await create(newCluster({ name }));
    await api().post(CLUSTERS).send(newCluster({ name })).expect(409);
  });

  it('lets exactly one of two racing creates of a name win, every time', async () => {
    const other = await startTestApp({ database: app.database });
    try {
      for (let round = 0; round < 100; round++) {
        const body = newCluster();
        const answers = await Promise.all(
          [app, other].map(({ url }) => supertest(url).post(CLUSTERS).send(body)),
        );
        expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
        const loser = answers.find(({ status }) => status === 409)!;
        expect(loser.body.code).toBe('HYPERFLEET-CNF-001');
      }
    } finally {
      await other.stop();
    }
  });
});

describe('reading a cluster', () => {
  it('accepts a search, which has no effect', async () => {
    const { href, id } = await create();
    for (const search of ["name='somebody-else'", '', 'nonsense ((']) {
      expect((await api().get(href).query({ search }).expect(200)).body.id).toBe(id);
    }
  });

  it('cuts the answer to the fields asked for; the id always comes along', async () => {
    const labels = { env: 'dev', 'app.kubernetes.io/name': 'web' };
    const { href, id, name } = await create(newCluster({ labels, spec: { a: { b: 1, c: 2 } } }));
    const fields = 'name,status.phase,spec.a.b,labels.app.kubernetes.io/name';
    const { body, headers } = await api().get(href).query({ fields }).expect(200);
    expect(body).toEqual({
      ...{ id, name, status: { phase: 'NotReady' }, spec: { a: { b: 1 } } },
      labels: { 'app.kubernetes.io/name': 'web' },
    });
    expect(headers.etag).toBe((await api().get(href)).headers.etag);
    const refused = await api().get(href).query({ fields: 'name,shoe_size' }).expect(400);
    expect(refused.body.detail).toContain('shoe_size');
  });

  it('answers 404 to any id that nobody has, whatever it looks like', async () => {
    const { id } = await create();
    const strange = [
      '201kf0hj0808sjpk9ga01xy0xj2',
      (id as string).toUpperCase(),
      'x',
      '%00',
      '%F0%9F%98%80',
      "'%20or%201=1",
      'a'.repeat(2000),
    ];
    for (const path of strange) {
      const answer = await api().get(`${CLUSTERS}/${path}`);
      expect({ path, status: answer.status }).toEqual({ path, status: 404 });
      expect(answer.body.code).toBe('HYPERFLEET-NTF-001');
    }
    expect((await api().get(`${CLUSTERS}/%zz`)).body.code).toBe('HYPERFLEET-VAL-006');
  });

  it('is never compressed, so that the ETag is exact', async () => {
    const { href } = await create(newCluster({ spec: { text: 'x'.repeat(5000) } }));
    const { headers } = await api().get(href).set('Accept-Encoding', 'gzip').expect(200);
    expect(headers).not.toHaveProperty('content-encoding');
  });
});

describe('changing a cluster', () => {
  it('replaces spec and labels as a whole, and moves generation, time and conditions', async () => {
    const cluster = await create();
    for (const adapter of ['validation', 'dns']) {
      await api().post(`${cluster.href}/statuses`).send(newReport(adapter)).expect(201);
    }
    await sleep(2);
    const { body } = await api()
      .patch(cluster.href)
      .send({ spec: { a: 1 } })
      .expect(200);
    expect(body).toMatchObject({ generation: 2, spec: { a: 1 }, labels: cluster.labels });
    expect(body.updated_time > cluster.updated_time).toBe(true);
    expect(body.created_time).toBe(cluster.created_time);
    const byType = Object.fromEntries(
      (body.status.conditions as { type: string; status: string }[]).map(({ type, status }) => [
        type,
        status,
      ]),
    );
    expect(byType).toMatchObject({
      Ready: 'False',
      Available: 'True',
      ValidationSuccessful: 'True',
    });
    expect((await api().get(cluster.href)).body).toEqual(body);
  });

  it('moves nothing when nothing really changes, whatever the order of the keys', async () => {
    const cluster = await create(newCluster({ spec: { a: 1, b: { c: [1, 2], d: null } } }));
    const { etag } = (await api().get(cluster.href)).headers;
    const body = { spec: { b: { d: null, c: [1, 2] }, a: 1 }, labels: cluster.labels };
    const answer = await api().patch(cluster.href).send(body).expect(200);
    expect(answer.body).toEqual(cluster);
    expect(answer.headers.etag).toBe(etag);
    const reordered = { spec: { a: 1, b: { c: [2, 1], d: null } } };
    expect((await api().patch(cluster.href).send(reordered)).body.generation).toBe(2);
  });
});

describe('deleting a cluster', () => {
  it('marks it and its node pools, once', async () => {
    const { href, id } = await create();
    const pool = (await api().post(`${href}/nodepools`).send(newNodePool()).expect(201)).body;
    const { body } = await api().delete(href).expect(202);
    expect(body).toMatchObject({ id, generation: 2, deleted_by: 'system@hyperfleet.local' });
    expect(body.deleted_time).toBe(body.updated_time);
    const marked = (await api().get(pool.href).expect(200)).body;
    expect(marked).toMatchObject({ generation: 2, deleted_time: body.deleted_time });
    expect((await api().delete(href).expect(202)).body).toEqual(body);
    const { body: refused } = await api().patch(href).send({ spec: {} }).expect(409);
    expect(refused.code).toBe('HYPERFLEET-CNF-003');
    const list = await api()
      .get(CLUSTERS)
      .query({ search: `id='${id}'` });
    expect(list.body.items).toEqual([body]);
  });

  it('ends when every required adapter has finalized; then the id is unknown', async () => {
    const { href } = await create();
    await api().delete(href).expect(202);
    const report = (adapter: string) =>
      api()
        .post(`${href}/statuses`)
        .send(newReport(adapter, 2, { Finalized: 'True' }));
    await report('validation').expect(201);
    await api().get(href).expect(200);
    await report('dns').expect(201);
    await api().get(href).expect(404);
    await report('dns').expect(404);
  });

  it('is forced only with a reason, and only on a marked cluster', async () => {
    const { href } = await create();
    const force = (body: object) => api().post(`${href}/force-delete`).send(body);
    await force({ reason: 'too early' }).expect(409);
    await api().delete(href).expect(202);
    await force({}).expect(400);
    await force({ reason: '' }).expect(400);
    await force({ reason: 'x'.repeat(1025) }).expect(400);
    expect((await force({ reason: 'the account is closed' }).expect(204)).text).toBe('');
    await api().get(href).expect(404);
  });
});
