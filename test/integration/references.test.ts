import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { kindsFile } from '../support/declared-kinds';
import { newCluster, newReport } from '../support/factories';
import { violations } from '../support/lifecycle-service';

/*
 * References between resources. A release refers to any number of releases that it replaces, must refer to a key, and
 * belongs to a channel, which may refer to one release.
 */

const ENTITIES = [
  {
    ...{ kind: 'Channel', plural: 'channels' },
    references: [{ ref_type: 'current', target_kind: 'Release', max: 1 }],
  },
  {
    ...{ kind: 'Release', plural: 'releases', parent_kind: 'Channel' },
    references: [
      { ref_type: 'key', target_kind: 'Key', min: 1, max: 2 },
      { ref_type: 'replaces', target_kind: 'Release' },
    ],
  },
  { kind: 'Key', plural: 'keys', required_adapters: ['vault'] },
];

let app: TestApp;
let key: string;
let channel: string;

beforeAll(async () => {
  app = await startTestApp({ env: { HYPERFLEET_KINDS_FILE: kindsFile(ENTITIES) } });
});
afterAll(async () => {
  expect(await violations(app.service.db, app.service.kinds)).toEqual([]);
  await app.stop();
});

let names = 0;
async function create(path: string, references?: object): Promise<string> {
  const body = { name: `n${++names}`, spec: {}, references };
  const response = await api(app).post(path).send(body);
  expect(response.body).toMatchObject({ name: body.name });
  return response.body.id as string;
}
const post = (path: string, references?: object) =>
  api(app)
    .post(path)
    .send({ name: `n${++names}`, spec: {}, references });
const patch = (path: string, body: object) => api(app).patch(path).send(body);
const merge = (path: string, body: object) =>
  api(app).patch(path).set('Content-Type', 'application/merge-patch+json').send(body);
const get = async (path: string) => (await api(app).get(path)).body;
const keyed = (...ids: string[]) => ({ key: ids.map((id) => ({ id })) });

beforeEach(async () => {
  key = await create('/keys');
  channel = await create('/channels');
});

/** A release of the channel that refers to the key. */
const release = (references: object = keyed(key)) =>
  create(`/channels/${channel}/releases`, references);

describe('a resource', () => {
  test('shows what it refers to, with kind and path, in the order in which it was sent', async () => {
    const [first, second] = [await release(), await release()];
    const third = await release({ ...keyed(key), replaces: [{ id: second }, { id: first }] });
    const shown = await get(`/releases/${third}`);
    const target = (kind: string, plural: string, id: string) => {
      return { id, kind, href: `/api/hyperfleet/v1/${plural}/${id}` };
    };
    expect(shown.references).toEqual({
      key: [target('Key', 'keys', key)],
      replaces: [target('Release', 'releases', second), target('Release', 'releases', first)],
    });
    expect((await get(`/channels/${channel}/releases`)).items[0]).toEqual(shown);
  });

  test('shows an empty object when it refers to nothing, and nothing when its kind cannot', async () => {
    expect((await get(`/channels/${channel}`)).references).toEqual({});
    expect(await get(`/keys/${key}`)).not.toHaveProperty('references');
    const cluster = await api(app).post('/clusters').send(newCluster());
    expect(cluster.body).not.toHaveProperty('references');
  });

  test('may send back what it has been shown', async () => {
    const id = await release();
    const { references } = await get(`/releases/${id}`);
    const response = await patch(`/releases/${id}`, { references });
    expect(response.body).toMatchObject({ references, generation: 1 });
    expect(await get(`/releases/${await release(references)}`)).toMatchObject({ references });
  });
});

describe('PATCH', () => {
  test('replaces references as a whole, which is a change', async () => {
    const old = await release();
    const id = await release({ ...keyed(key), replaces: [{ id: old }] });
    const response = await patch(`/releases/${id}`, { references: keyed(key) });
    expect(response.status).toBe(200);
    expect(response.body.generation).toBe(2);
    expect(Object.keys(response.body.references as object)).toEqual(['key']);
    expect((await api(app).delete(`/releases/${old}`)).status).toBe(202);
  });

  test('merges by reference type, and null removes one', async () => {
    const old = await release();
    const id = await release();
    const added = await merge(`/releases/${id}`, { references: { replaces: [{ id: old }] } });
    expect(Object.keys(added.body.references as object).sort()).toEqual(['key', 'replaces']);
    const removed = await merge(`/releases/${id}`, { references: { replaces: null } });
    expect(removed.body.references).toEqual((await get(`/releases/${old}`)).references);
    expect(removed.body.generation).toBe(3);
    const refused = await merge(`/releases/${id}`, { references: null });
    expect(refused.body.errors).toMatchObject([
      { field: 'references.key', constraint: 'minItems' },
    ]);
  });

  test('without references leaves them alone', async () => {
    const id = await release();
    const before = await get(`/releases/${id}`);
    const response = await patch(`/releases/${id}`, { labels: { a: 'b' } });
    expect(response.body).toMatchObject({ references: before.references, generation: 2 });
  });

  test('may keep what it refers to and change their order', async () => {
    const other = await create('/keys');
    const id = await release(keyed(key, other));
    const response = await patch(`/releases/${id}`, { references: keyed(other, key) });
    expect(response.body.references.key.map(({ id }: { id: string }) => id)).toEqual([other, key]);
    expect(response.body.generation).toBe(2);
  });
});

describe('references that are refused', () => {
  test('are all named at once', async () => {
    const gone = await create('/keys');
    await api(app).delete(`/keys/${gone}`);
    const references = {
      ...keyed(gone, key, key),
      replaces: [{ id: key }, { id: 'unknown' }, { id: key, kind: 'Key' }],
      nothing: [],
    };
    const { status, body } = await post(`/channels/${channel}/releases`, references);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'HYPERFLEET-VAL-000' });
    expect(body.errors).toMatchObject([
      { field: 'references.nothing', constraint: 'unknownReference' },
      { field: 'references.key', constraint: 'maxItems' },
      { field: 'references.key[0]', message: expect.stringContaining('being deleted') },
      { field: 'references.key[2]', constraint: 'uniqueItems', value: key },
      { field: 'references.replaces[0]', constraint: 'exists', value: key },
      { field: 'references.replaces[1]', constraint: 'exists', value: 'unknown' },
      { field: 'references.replaces[2]', constraint: 'enum', value: 'Key' },
    ]);
    expect((await get(`/channels/${channel}/releases`)).total).toBe(0);
  });

  test.each([[undefined], [{}], [{ key: [] }]])('are too few: %j', async (references) => {
    const { status, body } = await post(`/channels/${channel}/releases`, references);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ field: 'references.key', constraint: 'minItems' }]);
  });

  test('are ignored by a kind without any, as every unknown property of a create is', async () => {
    expect((await post('/keys', keyed(key))).status).toBe(201);
    expect((await patch(`/keys/${key}`, { references: keyed(key) })).status).toBe(400);
  });
});

describe('DELETE', () => {
  test('of a target is refused, and names at most ten referrers', async () => {
    const ids = [];
    for (let count = 0; count < 12; count++) ids.push(await release());
    const { status, body } = await api(app).delete(`/keys/${key}`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'HYPERFLEET-CNF-004' });
    const named = ids.filter((id) => (body.detail as string).includes(id));
    expect(named).toHaveLength(10);
    expect(body.detail).toContain('and 2 more');
    expect((await get(`/keys/${key}`)).deleted_time).toBeUndefined();
  });

  test('of a referrer drops its references, so that the target is free', async () => {
    const id = await release();
    await api(app).delete(`/releases/${id}`);
    const { status, body } = await api(app).delete(`/keys/${key}`);
    expect({ status, generation: body.generation }).toEqual({ status: 202, generation: 2 });
  });

  test('of a marked referrer shows that it refers to nothing', async () => {
    const id = await create('/channels');
    const inside = await create(`/channels/${id}/releases`, keyed(key));
    await patch(`/channels/${id}`, { references: { current: [{ id: inside }] } });
    expect((await api(app).delete(`/channels/${id}`)).body.references).toEqual({});
  });

  test('of a parent counts no reference inside of what is deleted with it', async () => {
    const one = await release();
    await release({ ...keyed(key), replaces: [{ id: one }] });
    await patch(`/channels/${channel}`, { references: { current: [{ id: one }] } });
    expect((await api(app).delete(`/channels/${channel}`)).status).toBe(202);
  });

  test('of a parent is refused as a whole when a child is referred to from outside', async () => {
    const inside = await release();
    const outside = await create('/channels', { current: [{ id: inside }] });
    const { status, body } = await api(app).delete(`/channels/${channel}`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'HYPERFLEET-CNF-004' });
    expect(body.detail).toContain(outside);
    expect((await get(`/releases/${inside}`)).deleted_time).toBeUndefined();
    expect((await get(`/channels/${channel}`)).deleted_time).toBeUndefined();
  });
});

describe('lists', () => {
  test('find referrers by the parameters and by the search, with the same result', async () => {
    const [mine] = [await release(), await release(keyed(await create('/keys')))];
    const byParameter = await get(`/releases?ref_type=key&ref_target_id=${key}`);
    const bySearch = await get(`/releases?search=references.key='${key}'`);
    const everywhere = await get(`/resources?ref_type=key&ref_target_id=${key}`);
    for (const found of [byParameter, bySearch, everywhere]) {
      expect(found.items.map(({ id }: { id: string }) => id)).toEqual([mine]);
    }
  });

  test('require both parameters', async () => {
    const { status, body } = await api(app).get('/releases?ref_type=key');
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ field: 'ref_target_id' }]);
  });
});

test('a report about a referrer changes nothing about its references', async () => {
  const id = await release();
  const before = await get(`/releases/${id}`);
  await api(app).post(`/releases/${id}/statuses`).send(newReport('extra'));
  expect((await get(`/releases/${id}`)).references).toEqual(before.references);
});
