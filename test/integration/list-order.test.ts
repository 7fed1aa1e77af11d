import supertest, { type Response } from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { createNamedClusters, NAMES, type NamedCluster } from '../support/named-clusters';

const CLUSTERS = '/api/hyperfleet/v1/clusters';

let app: TestApp;
/** In the order of creation. */
let clusters: NamedCluster[];

const get = (path: string) => supertest(app.url).get(path);
const list = async (query: Record<string, string>): Promise<Response['body']> => {
  const response = await get(`${CLUSTERS}?${new URLSearchParams(query).toString()}`);
  expect({ query, status: response.status, text: response.text }).toMatchObject({ status: 200 });
  return response.body;
};
const names = (body: Response['body']) => (body.items as NamedCluster[]).map(({ name }) => name);

beforeAll(async () => {
  app = await startTestApp();
  clusters = await createNamedClusters(app);
});
afterAll(() => app.stop());

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
    const items = body.items as NamedCluster[];
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
