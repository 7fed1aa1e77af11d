import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, uniqueName } from '../support/factories';
import { type RawRequest, type RawResponse, sendRaw } from '../support/raw-http';

/*
 * The clients that exist, with requests as they put them on the wire. Nothing here is what we would like
 * them to send: it is what they do send.
 */

const B = '/api/hyperfleet/v1';
const JSON_TYPE = { 'Content-Type': 'application/json' };

let app: TestApp;
const ask = (request: RawRequest): Promise<RawResponse> => sendRaw(app.url, request);
const create = async (body: object): Promise<RawResponse['body']> =>
  (await ask({ method: 'POST', path: `${B}/clusters`, body })).body;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('Sentinel', () => {
  const shard = uniqueName('shard');
  let id: string;
  beforeAll(async () => {
    ({ id } = await create(newCluster({ labels: { shard, region: 'us-east-1' } })));
    await create(newCluster({ labels: { shard, region: 'eu-west-1' } }));
    await create(newCluster({ labels: {} }));
  });
  const found = async (path: string): Promise<string[]> => {
    const answer = await ask({ path });
    expect({ path, status: answer.status, text: answer.text }).toMatchObject({ status: 200 });
    return (answer.body.items as { id: string }[]).map((item) => item.id);
  };

  it.each([
    ['with + for spaces', `labels.shard='${shard}'+and+labels.region='us-east-1'`],
    [
      'with everything encoded',
      `labels.shard%3D%27${shard}%27+and+labels.region%3D%27us-east-1%27`,
    ],
    ['with %20 for spaces', `labels.shard='${shard}'%20and%20labels.region='us-east-1'`],
    ['with parentheses', `(labels.shard='${shard}')+and+(labels.region+in+('us-east-1','x'))`],
  ])('selects by two labels %s', async (_how, search) => {
    expect(await found(`${B}/clusters?search=${search}`)).toEqual([id]);
    expect(await found(`${B}/clusters?page=1&size=20&search=${search}`)).toEqual([id]);
    expect(await found(`${B}/nodepools?search=${search}`)).toEqual([]);
  });

  it('starts when its probe for a label that nobody has is answered', async () => {
    for (const search of [
      "labels.non_existing_label='value'",
      'labels.non_existing_label%3D%27value%27',
    ]) {
      for (const list of ['clusters', 'nodepools']) {
        const { status, body } = await ask({ path: `${B}/${list}?search=${search}` });
        expect({ status, total: body.total, items: body.items }).toEqual({
          ...{ status: 200, total: 0, items: [] },
        });
      }
    }
  });

  it('doubles the quotes in a value, which then is only a value', async () => {
    expect(await found(`${B}/clusters?search=labels.shard='it''s'+or+name='x'`)).toEqual([]);
  });

  it('polls without parameters, and in pages until it has seen the total', async () => {
    const unpaged = await ask({ path: `${B}/clusters` });
    expect(unpaged.body).toMatchObject({ kind: 'ClusterList', page: 1, total: 3, size: 3 });
    const seen: string[] = [];
    for (let page = 1; seen.length < 3; page++) {
      seen.push(...(await found(`${B}/clusters?page=${page}&size=1`)));
    }
    expect(new Set(seen).size).toBe(3);
  });

  it('finds all it decides on, in the names of its older and of its newer versions', async () => {
    const { body } = await ask({ path: `${B}/clusters?search=id='${id}'` });
    const [item] = body.items;
    expect(item).toMatchObject({ id, kind: 'Cluster', generation: 1, labels: { shard } });
    for (const type of ['Ready', 'Reconciled', 'Available', 'LastKnownReconciled']) {
      const condition = item.status.conditions.find((it: { type: string }) => it.type === type);
      expect(condition).toMatchObject({ status: 'False', observed_generation: 0 });
      expect(condition.last_updated_time).toMatch(/^\d{4}-.*Z$/);
      expect(condition.last_transition_time).toMatch(/^\d{4}-.*Z$/);
    }
  });

  it('finds the owner of a node pool in the global list', async () => {
    const { body: pool } = await ask({
      method: 'POST',
      path: `${B}/clusters/${id}/nodepools`,
      body: newNodePool(),
    });
    const { body } = await ask({ path: `${B}/nodepools?search=owner_id='${id}'` });
    expect(body.items).toMatchObject([
      {
        id: pool.id,
        kind: 'NodePool',
        owner_references: { id, kind: 'Cluster', href: `${B}/clusters/${id}` },
      },
    ]);
  });
});

describe('an adapter', () => {
  const report = (extra: object = {}) => ({
    adapter: 'validation',
    observed_generation: 1,
    observed_time: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
    conditions: [
      { type: 'Applied', status: 'True', reason: '', message: '' },
      { type: 'Available', status: 'True', reason: 'Done', message: 'All done' },
      { type: 'Health', status: 'True', reason: '', message: '' },
    ],
    ...extra,
  });

  it.each(['POST', 'PUT'])(
    'reports by %s, with whole seconds and empty reasons',
    async (method) => {
      const { href } = await create(newCluster());
      const sent = report();
      const answer = await ask({ method, path: `${href as string}/statuses`, body: sent });
      expect(answer.status).toBe(201);
      const { body } = await ask({ path: `${href as string}/statuses` });
      expect(body).toMatchObject({ kind: 'AdapterStatusList', total: 1, items: [answer.body] });
      expect(body.items[0]).toEqual({
        adapter: 'validation',
        observed_generation: 1,
        conditions: sent.conditions.map((condition) => ({
          ...condition,
          last_transition_time: sent.observed_time.replace('Z', '.000Z'),
        })),
        data: {},
        created_time: sent.observed_time.replace('Z', '.000Z'),
        last_report_time: sent.observed_time.replace('Z', '.000Z'),
      });
    },
  );

  it('reports by POST and PUT in turn: the later one replaces the earlier', async () => {
    const { href } = await create(newCluster());
    const path = `${href as string}/statuses`;
    await ask({ method: 'POST', path, body: report({ data: { by: 'POST' } }) });
    await ask({ method: 'PUT', path, body: report({ data: { by: 'PUT' } }) });
    expect((await ask({ path })).body.items).toMatchObject([{ data: { by: 'PUT' } }]);
  });

  it('sends times with an offset', async () => {
    const { href } = await create(newCluster());
    const body = report({ observed_time: '2026-01-15T12:30:00+02:00' });
    const answer = await ask({ method: 'PUT', path: `${href as string}/statuses`, body });
    expect(answer.body.last_report_time).toBe('2026-01-15T10:30:00.000Z');
  });

  it('makes itself seen with a first report that knows nothing yet', async () => {
    const { href } = await create(newCluster());
    const path = `${href as string}/statuses`;
    const body = report({ conditions: [{ type: 'Available', status: 'Unknown' }] });
    expect((await ask({ method: 'POST', path, body })).status).toBe(201);
    expect((await ask({ path })).body.total).toBe(1);
    expect((await ask({ method: 'POST', path, body })).status).toBe(204);
  });

  it('learns that its cluster is gone, even when it reports generation 0', async () => {
    const path = `${B}/clusters/201kf0hj0808sjpk9ga01xy0xj2/statuses`;
    const answer = await ask({ method: 'PUT', path, body: report({ observed_generation: 0 }) });
    expect(answer.status).toBe(404);
    expect(answer.body.code).toBe('HYPERFLEET-NTF-001');
  });

  it('sees all adapters of a resource on one page, without asking for a size', async () => {
    const { href } = await create(newCluster());
    const path = `${href as string}/statuses`;
    const adapters = Array.from({ length: 30 }, (_, index) => `adapter-${100 + index}`);
    await Promise.all(
      adapters.map((adapter) => ask({ method: 'PUT', path, body: report({ adapter }) })),
    );
    const { body } = await ask({ path });
    expect((body.items as { adapter: string }[]).map((item) => item.adapter)).toEqual(adapters);
  });

  it('sees no deleted_time until there is one, not even as null', async () => {
    const { href, id } = await create(newCluster());
    const raw = await Promise.all(
      [href as string, `${B}/clusters`, `${B}/clusters?search=id='${id as string}'`].map((path) =>
        ask({ path }),
      ),
    );
    for (const { text } of raw) expect(text).not.toMatch(/deleted|null/);
    await ask({ method: 'DELETE', path: href as string, headers: JSON_TYPE });
    expect((await ask({ path: href as string })).body.deleted_time).toMatch(/Z$/);
  });

  it('may report the way the oldest readme shows', async () => {
    const { href } = await create(newCluster());
    const body = {
      adapter: 'dns-adapter',
      observed_generation: 1,
      conditions: [
        {
          adapter: 'dns-adapter',
          type: 'Ready',
          status: 'True',
          observed_generation: 1,
          reason: 'ClusterProvisioned',
          message: 'Cluster successfully provisioned',
          created_at: '2025-11-17T15:04:05Z',
          updated_at: '2025-11-17T15:04:05Z',
        },
      ],
      data: {},
    };
    const before = Date.now();
    const answer = await ask({ method: 'POST', path: `${href as string}/statuses`, body });
    expect(answer.status).toBe(201);
    const { last_report_time: time, conditions } = answer.body as {
      last_report_time: string;
      conditions: unknown;
    };
    expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    expect(conditions).toEqual([
      {
        type: 'Ready',
        status: 'True',
        reason: 'ClusterProvisioned',
        message: 'Cluster successfully provisioned',
        last_transition_time: time,
      },
    ]);
  });
});

describe('the command line', () => {
  it('names JSON as the content type of requests that have no body', async () => {
    const { href } = await create(newCluster());
    for (const path of [href as string, `${B}/clusters`, `${href as string}/statuses`]) {
      expect((await ask({ path, headers: JSON_TYPE })).status).toBe(200);
    }
    const removed = await ask({ method: 'DELETE', path: href as string, headers: JSON_TYPE });
    expect(removed.status).toBe(202);
    expect(removed.type).toBe('application/json');
    expect(removed.body.id).toBe((href as string).split('/').at(-1));
  });

  it('may send a body with GET and DELETE, which nobody reads', async () => {
    const { href } = await create(newCluster());
    const path = href as string;
    expect((await ask({ path, body: {} })).status).toBe(200);
    expect((await ask({ method: 'DELETE', path, body: { reason: 'x' } })).status).toBe(202);
    expect((await ask({ method: 'DELETE', path, body: 'not json' })).status).toBe(202);
    expect((await ask({ path })).status).toBe(200);
  });

  it('searches without encoding anything', async () => {
    const cluster = newCluster();
    const { id } = await create(cluster);
    const { status, body } = await ask({ path: `${B}/clusters?search=name='${cluster.name}'` });
    expect(status).toBe(200);
    expect(body.items).toMatchObject([{ id, name: cluster.name }]);
  });

  it('replaces the whole spec, or all labels', async () => {
    const { href } = await create(newCluster());
    const path = href as string;
    const spec = await ask({ method: 'PATCH', path, body: { spec: { nodes: 5 } } });
    expect(spec.body).toMatchObject({ generation: 2, labels: { env: 'production' } });
    expect(spec.body.spec).toEqual({ nodes: 5 });
    const labels = await ask({ method: 'PATCH', path, body: { labels: { a: 'b' } } });
    expect(labels.body.labels).toEqual({ a: 'b' });
    expect(labels.body.spec).toEqual({ nodes: 5 });
  });

  it('adds last_transition_time to the conditions it reports', async () => {
    const { href } = await create(newCluster());
    const conditions = [
      { type: 'Available', status: 'True', last_transition_time: '2020-01-01T00:00:00Z' },
    ];
    const body = {
      adapter: 'dns',
      observed_generation: 1,
      observed_time: '2026-01-15T10:00:00Z',
      conditions,
    };
    const answer = await ask({ method: 'POST', path: `${href as string}/statuses`, body });
    expect(answer.status).toBe(201);
    expect(answer.body.conditions[0].last_transition_time).toBe('2026-01-15T10:00:00.000Z');
  });

  it('can send back what it got as a new cluster', async () => {
    const first = await create(newCluster());
    const second = await ask({
      method: 'POST',
      path: `${B}/clusters`,
      body: { ...first, name: uniqueName('copy') },
    });
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.id);
    expect(second.body.spec).toEqual(first.spec);
  });
});
