import supertest from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, uniqueName } from '../support/factories';

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
    const response = await api().post(CLUSTERS).send(request).expect(201);
    const { id, created_time: time, ...cluster } = response.body;

    expect(id).toMatch(/^2[0-9a-hjkmnp-tv-z]{26}$/);
    expect(response.headers.location).toBe(`${CLUSTERS}/${id}`);
    expect(response.headers.etag).toMatch(/^"[^"]+"$/);
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
    expect((await api().get(response.headers.location!).expect(200)).body).toEqual(response.body);
  });

  it('needs no kind and no labels', async () => {
    const cluster = await create({ name: uniqueName(), spec: {} });
    expect(cluster).toMatchObject({ kind: 'Cluster', labels: {}, spec: {} });
  });

  it('ignores what the service decides itself, and properties nobody knows', async () => {
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
  ])('with the name %j gets %i', async (name, status) => {
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
        const responses = await Promise.all(
          [app, other].map(({ url }) => supertest(url).post(CLUSTERS).send(body)),
        );
        expect(responses.map(({ status }) => status).sort()).toEqual([201, 409]);
        const loser = responses.find(({ status }) => status === 409)!;
        expect(loser.body.code).toBe('HYPERFLEET-CNF-001');
      }
    } finally {
      await other.stop();
    }
  });
});
