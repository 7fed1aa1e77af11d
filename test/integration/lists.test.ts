import supertest, { type Response } from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';

const B = '/api/hyperfleet/v1';
const CLUSTERS = `${B}/clusters`;
const NAMES = ['delta', 'alpha', 'echo', 'bravo', 'charlie', 'golf', 'foxtrot'];

interface Item {
  id: string;
  name: string;
  generation: number;
  created_time: string;
  updated_time: string;
}

let app: TestApp;
/** In the order of creation. */
let clusters: Item[];

const api = () => supertest(app.url);
const get = (path: string) => api().get(path);
const list = async (query: Record<string, string>, path = CLUSTERS): Promise<Response['body']> => {
  const response = await get(`${path}?${new URLSearchParams(query).toString()}`);
  expect({ query, status: response.status, text: response.text }).toMatchObject({ status: 200 });
  return response.body;
};
const names = (body: Response['body']) => (body.items as Item[]).map(({ name }) => name);

beforeAll(async () => {
  app = await startTestApp();
  clusters = [];
  for (const name of NAMES) {
    const body = newCluster({ name, labels: { half: name < 'd' ? 'first' : 'second' } });
    clusters.push((await api().post(CLUSTERS).send(body)).body as Item);
  }
  // Generations 1, 2 and 3, so that ordering by them has ties.
  for (const [index, cluster] of clusters.entries()) {
    for (let change = 0; change < index % 3; change++) {
      const body = { spec: { change } };
      await api().patch(`${CLUSTERS}/${cluster.id}`).send(body);
    }
  }
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
    'pageSize=-1',
    'pageSize=501',
    'size=501',
    'page=1&page=2',
  ])('refuses %s and names the parameter', async (query) => {
    const { status, body } = await get(`${CLUSTERS}?${query}`);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'HYPERFLEET-VAL-000' });
    expect(body.errors[0].field).toBe(query.split('=')[0]);
  });

  it.each(['size=0', 'pageSize=0', 'pageSize=0&page=3', "pageSize=0&search=name > 'd'"])(
    'with %s is the total without items',
    async (query) => {
      const { body } = await get(`${CLUSTERS}?${query}`);
      const total = query.includes('search') ? 4 : NAMES.length;
      expect(body).toMatchObject({ kind: 'ClusterList', size: 0, total, items: [] });
      const statuses = await get(`${CLUSTERS}/${clusters[0]!.id}/statuses?pageSize=0`);
      expect(statuses.body).toMatchObject({ size: 0, total: 5, items: [] });
    },
  );

  it('names every unknown parameter', async () => {
    const { status, body } = await get(`${CLUSTERS}?limit=5&pagesize=2&Search=x`);
    expect(status).toBe(400);
    expect((body.errors as { field: string }[]).map(({ field }) => field)).toEqual([
      ...['limit', 'pagesize', 'Search'],
    ]);
    expect((await get(`${CLUSTERS}/${clusters[0]!.id}?page=1`)).status).toBe(400);
  });
});

describe('order', () => {
  const sorted = [...NAMES].sort();
  const created = NAMES;

  it.each([
    [{ orderBy: 'name' }, sorted],
    [{ orderBy: 'name desc' }, [...sorted].reverse()],
    [{ orderBy: 'name', order: 'desc' }, [...sorted].reverse()],
    [{ orderBy: 'name asc', order: 'desc' }, sorted],
    [{ orderBy: ' name  DESC ' }, [...sorted].reverse()],
    [{ order: 'asc' }, created],
    [{ order: 'desc' }, [...created].reverse()],
    [{ order: 'created_time desc' }, [...created].reverse()],
    [{ order: 'name' }, sorted],
    [{ orderBy: 'created_time' }, created],
    [{ orderBy: 'id' }, created],
    [{ orderBy: 'id desc' }, [...created].reverse()],
  ] as [Record<string, string>, string[]][])('by %j', async (query, expected) => {
    expect(names(await list(query))).toEqual(expected);
  });

  it('breaks ties by id in the direction of the last field, so that pages never overlap', async () => {
    for (const [direction, sign] of [
      ['asc', 1],
      ['desc', -1],
    ] as const) {
      const expected = [...clusters]
        .map((cluster, index) => ({ ...cluster, generation: 1 + (index % 3) }))
        .sort((a, b) => sign * (a.generation - b.generation || (a.id < b.id ? -1 : 1)))
        .map(({ name }) => name);
      const paged: string[] = [];
      for (let page = 1; page <= 7; page++) {
        const query = { orderBy: `generation ${direction}`, page: `${page}`, pageSize: '1' };
        paged.push(...names(await list(query)));
      }
      expect(paged).toEqual(expected);
    }
  });

  it('takes several fields', async () => {
    const body = await list({ orderBy: 'generation desc,name' });
    const items = body.items as Item[];
    const expected = [...items].sort(
      (a, b) => b.generation - a.generation || (a.name < b.name ? -1 : 1),
    );
    expect(items).toEqual(expected);
    expect(new Set(items.map(({ generation }) => generation)).size).toBe(3);
  });

  it.each([
    ['orderBy=shoe_size', 'orderBy'],
    ['orderBy=name+sideways', 'orderBy'],
    ['orderBy=name,', 'orderBy'],
    ['orderBy=name,name', 'orderBy'],
    ['order=sideways', 'order'],
    ['orderBy=owner_id', 'orderBy'],
    ['orderBy=name&order=created_time+desc', 'orderBy'],
  ])('refuses %s', async (query, field) => {
    const { status, body } = await get(`${CLUSTERS}?${query}`);
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'HYPERFLEET-VAL-005' });
    expect(body.errors[0].field).toBe(field);
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

  it('takes the ids of 400 resources', async () => {
    const nobody = Array.from({ length: 398 }, (_, index) => `2${String(index).padStart(26, '0')}`);
    const ids = [...nobody, clusters[1]!.id, clusters[4]!.id];
    const search = `id in (${ids.map((id) => `'${id}'`).join(',')})`;
    const body = await list({ search, orderBy: 'id' });
    expect(names(body)).toEqual([clusters[1]!.name, clusters[4]!.name]);
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
  expect((marked.items as Item[]).map(({ id }) => id)).toEqual([body.id]);
  const below = await list({}, pools);
  expect(below.items).toMatchObject([{ deleted_time: marked.items[0].deleted_time as string }]);
});
