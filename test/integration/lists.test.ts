import supertest, { type Response } from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { createNamedClusters, NAMES, type NamedCluster } from '../support/named-clusters';

const B = '/api/hyperfleet/v1';
const CLUSTERS = `${B}/clusters`;

let app: TestApp;
/** In the order of creation. */
let clusters: NamedCluster[];

const api = () => supertest(app.url);
const get = (path: string) => api().get(path);
const list = async (query: Record<string, string>, path = CLUSTERS): Promise<Response['body']> => {
  const response = await get(`${path}?${new URLSearchParams(query).toString()}`);
  expect({ query, status: response.status, text: response.text }).toMatchObject({ status: 200 });
  return response.body;
};
const names = (body: Response['body']) => (body.items as NamedCluster[]).map(({ name }) => name);

beforeAll(async () => {
  app = await startTestApp();
  clusters = await createNamedClusters(app);
});
afterAll(() => app.stop());

describe('paging', () => {
  it('gives all items exactly once, in the default order, and an exact total on each page', async () => {
    const seen: string[] = [];
    for (let page = 1; page <= 4; page++) {
      const body = await list({ page: `${page}`, pageSize: '2' });
      expect(body).toMatchObject({
        ...{ kind: 'ClusterList', page, total: 7, size: page === 4 ? 1 : 2 },
      });
      expect(body.items).toHaveLength(body.size);
      seen.push(...names(body));
    }
    expect(seen).toEqual([...NAMES].reverse());
  });

  it('responds to a page past the end with no items and the total', async () => {
    for (const page of ['5', '2147483647']) {
      expect(await list({ page, pageSize: '2' })).toEqual({
        ...{ kind: 'ClusterList', page: Number(page), size: 0, total: 7, items: [] },
      });
    }
  });

  it('shows 20 items when nobody asks for a number, 100 reports', async () => {
    const small = await startTestApp({
      env: { HYPERFLEET_DEFAULT_PAGE_SIZE: '3' },
      database: app.database,
    });
    expect((await supertest(small.url).get(CLUSTERS)).body).toMatchObject({ size: 3, total: 7 });
    const path = `${CLUSTERS}/${clusters[0]!.id}/statuses`;
    for (let n = 0; n < 5; n++) {
      await supertest(small.url)
        .post(path)
        .send(newReport(`a-${n}`));
    }
    expect((await supertest(small.url).get(path)).body).toMatchObject({ size: 5, total: 5 });
    await small.stop();
  });

  it('takes size for pageSize, and both when they agree', async () => {
    expect((await list({ size: '3' })).items).toHaveLength(3);
    expect((await list({ size: '3', pageSize: '3' })).items).toHaveLength(3);
    const { status, body } = await get(`${CLUSTERS}?size=3&pageSize=4`);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'HYPERFLEET-VAL-000' });
    expect((body.errors as { field: string }[]).map(({ field }) => field)).toEqual([
      ...['pageSize', 'size'],
    ]);
  });

  it.each([
    'page=0',
    'page=-1',
    'page=1.5',
    'page=x',
    'page=',
    'page=2147483648',
    'pageSize=0',
    'pageSize=501',
    'size=501',
    'page=1&page=2',
  ])('refuses %s and names the parameter', async (query) => {
    const { status, body } = await get(`${CLUSTERS}?${query}`);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'HYPERFLEET-VAL-000' });
    expect(body.errors[0].field).toBe(query.split('=')[0]);
  });

  it('names every unknown parameter', async () => {
    const { status, body } = await get(`${CLUSTERS}?limit=5&pagesize=2&Search=x`);
    expect(status).toBe(400);
    expect((body.errors as { field: string }[]).map(({ field }) => field)).toEqual([
      ...['limit', 'pagesize', 'Search'],
    ]);
    expect((await get(`${CLUSTERS}/${clusters[0]!.id}?page=1`)).status).toBe(400);
  });
});

describe('search', () => {
  it('restricts items and total alike', async () => {
    const body = await list({ search: "labels.half='first'", pageSize: '2', orderBy: 'name' });
    expect(body).toMatchObject({ size: 2, total: 3 });
    expect(names(body)).toEqual(['alpha', 'bravo']);
  });

  it('counts as absent when it is empty', async () => {
    for (const search of ['', '   ']) expect((await list({ search })).total).toBe(7);
    expect((await get(`${CLUSTERS}?search`)).body.total).toBe(7);
  });

  it('finds a resource by every time it was shown with', async () => {
    const { body } = await get(`${CLUSTERS}/${clusters[4]!.id}`);
    const { last_transition_time, last_updated_time, conditions } = body.status;
    const times = {
      created_time: body.created_time,
      updated_time: body.updated_time,
      'status.last_transition_time': last_transition_time,
      'status.last_updated_time': last_updated_time,
      'status.conditions.Ready.last_updated_time': conditions[1].last_updated_time,
      'status.conditions.Available.created_time': conditions[0].created_time,
    } as Record<string, string>;
    for (const [field, time] of Object.entries(times)) {
      const found = await list({ search: `${field}='${time}' and id='${clusters[4]!.id}'` });
      expect({ field, found: names(found) }).toEqual({ field, found: [clusters[4]!.name] });
    }
  });

  it('finds a report by the time it was shown with, which is cut to milliseconds', async () => {
    const path = `${CLUSTERS}/${clusters[1]!.id}/statuses`;
    const body = newReport('micro', 1, {}, '2026-01-15T10:00:00.123999999Z');
    const stored = await api().post(path).send(body);
    expect(stored.body.last_report_time).toBe('2026-01-15T10:00:00.123Z');
    const found = await list({ search: "last_report_time='2026-01-15T10:00:00.123Z'" }, path);
    expect(found.items).toEqual([stored.body]);
  });

  it('is refused when it has more than 4096 characters', async () => {
    const search = (length: number) => `name='${'x'.repeat(length - 7)}'`;
    expect((await list({ search: search(4096) })).total).toBe(0);
    expect((await get(`${CLUSTERS}?search=${search(4097)}`)).status).toBe(400);
  });
});

describe('fields', () => {
  it('cuts every item; the id always comes along', async () => {
    const body = await list({
      fields: 'name,status.phase,labels.half',
      pageSize: '2',
      orderBy: 'id',
    });
    expect(body).toMatchObject({ kind: 'ClusterList', size: 2, total: 7 });
    expect(body.items).toEqual(
      clusters.slice(0, 2).map(({ id, name }) => ({
        ...{ id, name, status: { phase: 'NotReady' } },
        labels: { half: name < 'd' ? 'first' : 'second' },
      })),
    );
  });

  it('stops at a list, and leaves out what is not there', async () => {
    const body = await list({
      fields: 'status.conditions.type,spec.nothing.at.all',
      pageSize: '1',
    });
    const [item] = body.items;
    expect(Object.keys(item).sort()).toEqual(['id', 'spec', 'status']);
    expect(item.status.conditions).toHaveLength(4);
    expect(item.spec).toEqual({});
  });

  it('refuses an unknown name and says which', async () => {
    const { status, body } = await get(`${CLUSTERS}?fields=name,colour,status.phase`);
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ field: 'fields' }]);
    expect(body.detail).toContain("'colour'");
  });

  it('cuts reports too, which keep their adapter', async () => {
    const path = `${CLUSTERS}/${clusters[2]!.id}/statuses`;
    await api().post(path).send(newReport('cut'));
    const body = await list({ fields: 'observed_generation' }, path);
    expect(body.items).toEqual([{ adapter: 'cut', observed_generation: 1 }]);
  });
});

describe('the list of reports', () => {
  it('is ordered by adapter, searched and paged like the others', async () => {
    const path = `${CLUSTERS}/${clusters[3]!.id}/statuses`;
    for (const adapter of ['zeta', 'beta', 'Alpha', 'eta']) {
      await api().post(path).send(newReport(adapter));
    }
    const adapters = (body: Response['body']) =>
      (body.items as { adapter: string }[]).map(({ adapter }) => adapter);
    expect(adapters(await list({}, path))).toEqual(['Alpha', 'beta', 'eta', 'zeta']);
    expect(adapters(await list({ order: 'desc', pageSize: '2' }, path))).toEqual(['zeta', 'eta']);
    expect(await list({ search: "adapter like '%eta'", page: '2', size: '2' }, path)).toMatchObject(
      {
        ...{ kind: 'AdapterStatusList', page: 2, size: 1, total: 3 },
      },
    );
    expect((await get(`${path}?search=name='x'`)).body.code).toBe('HYPERFLEET-VAL-005');
    expect((await get(`${path}?orderBy=name`)).body.code).toBe('HYPERFLEET-VAL-005');
  });
});

test('resources marked for deletion stay in the lists until they are gone', async () => {
  const { body } = await api().post(CLUSTERS).send(newCluster());
  const pools = `${CLUSTERS}/${body.id as string}/nodepools`;
  await api().post(pools).send(newNodePool());
  await api().delete(`${CLUSTERS}/${body.id as string}`);
  const marked = await list({ search: 'deleted_time is not null' });
  expect((marked.items as NamedCluster[]).map(({ id }) => id)).toEqual([body.id]);
  const below = await list({}, pools);
  expect(below.items).toMatchObject([{ deleted_time: marked.items[0].deleted_time as string }]);
});
