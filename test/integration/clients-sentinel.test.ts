import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, uniqueName } from '../support/factories';
import { type RawRequest, type RawResponse, sendRaw } from '../support/raw-http';

/*
 * The clients that exist, with requests as they put them on the wire. Nothing here is what we would like
 * them to send: it is what they do send.
 */

const B = '/api/hyperfleet/v1';

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
    const response = await ask({ path });
    expect({ path, status: response.status, text: response.text }).toMatchObject({ status: 200 });
    return (response.body.items as { id: string }[]).map((item) => item.id);
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

  it('starts when its probe for a label that nobody has gets a response', async () => {
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
