import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';
import { after, createSubject, minimalReport, sendReport, type Subject } from '../support/reports';

let app: TestApp;
let cluster: Subject;

interface List {
  kind: string;
  page: number;
  size: number;
  total: number;
  items: { adapter: string }[];
}

beforeAll(async () => {
  app = await startTestApp();
  cluster = await createSubject(app, '/clusters', newCluster());
  await api(app)
    .patch(cluster.path)
    .send({ spec: { nodes: 2 } });
  // Reported in this order: neither by name nor by time.
  for (const [adapter, generation, seconds] of [
    ['validation', 2, 30],
    ['a-first', 1, 20],
    ['dns', 2, 10],
    ['Zeta', 1, 40],
  ] as const) {
    const more = { observed_generation: generation, observed_time: after(cluster, seconds) };
    await sendReport(app, cluster, minimalReport(adapter, { Available: 'True' }, more));
  }
});

afterAll(() => app.stop());

async function list(query: Record<string, string> = {}, { path } = cluster): Promise<List> {
  const { status, body } = await api(app).get(
    `${path}/statuses?${new URLSearchParams(query).toString()}`,
  );
  expect(status).toBe(200);
  return body as List;
}

async function adapters(query: Record<string, string>): Promise<string[]> {
  return (await list(query)).items.map(({ adapter }) => adapter);
}

test('lists every report by the name of its adapter, in the order of the characters', async () => {
  const { items, ...page } = await list();

  expect(page).toEqual({ kind: 'AdapterStatusList', page: 1, size: 4, total: 4 });
  expect(items.map(({ adapter }) => adapter)).toEqual(['Zeta', 'a-first', 'dns', 'validation']);
});

test.each([
  [{ orderBy: 'adapter desc' }, 'validation dns a-first Zeta'],
  [{ orderBy: 'last_report_time' }, 'dns a-first validation Zeta'],
  [{ orderBy: 'last_report_time', order: 'desc' }, 'Zeta validation a-first dns'],
  [{ orderBy: 'created_time asc' }, 'dns a-first validation Zeta'],
  // Where the first field does not decide, the adapter does, in the same direction.
  [{ orderBy: 'observed_generation' }, 'Zeta a-first dns validation'],
  [{ orderBy: 'observed_generation desc' }, 'validation dns a-first Zeta'],
])('orders by %p', async (query, expected) => {
  expect((await adapters(query)).join(' ')).toBe(expected);
});

test.each([
  ["adapter = 'dns'", 'dns'],
  ["adapter in ('dns', 'validation') and observed_generation = 2", 'dns validation'],
  ['observed_generation < 2', 'Zeta a-first'],
  ["adapter like '%a%' and not adapter = 'validation'", 'Zeta a-first'],
  ["adapter = 'nobody'", ''],
])('finds the reports where %s', async (search, expected) => {
  const { total, items } = await list({ search });

  expect(items.map(({ adapter }) => adapter).join(' ')).toBe(expected);
  expect(total).toBe(items.length);
});

test('finds by time', async () => {
  const search = `last_report_time > '${after(cluster, 25)}'`;

  expect(await adapters({ search })).toEqual(['Zeta', 'validation']);
});

test('gives pages, which together have everything once', async () => {
  expect(await list({ pageSize: '3', page: '2' })).toMatchObject({
    ...{ page: 2, size: 1, total: 4 },
    items: [{ adapter: 'validation' }],
  });
  expect(await list({ size: '2', page: '1' })).toMatchObject({ page: 1, size: 2, total: 4 });
  expect(await list({ page: '9' })).toMatchObject({ page: 9, size: 0, total: 4, items: [] });
});

test('shows a hundred reports unless asked for another number', async () => {
  const busy = await createSubject(app, '/clusters', newCluster());
  await Promise.all(
    Array.from({ length: 103 }, (_, number) =>
      sendReport(app, busy, minimalReport(`adapter-${String(number).padStart(3, '0')}`)),
    ),
  );

  const first = await list({}, busy);
  expect(first).toMatchObject({ size: 100, total: 103 });
  expect(first.items[99]).toMatchObject({ adapter: 'adapter-099' });
  expect(await list({ page: '2' }, busy)).toMatchObject({ page: 2, size: 3, total: 103 });
  expect(await list({ pageSize: '500' }, busy)).toMatchObject({ size: 103 });
});

test('a resource nobody has reported about has an empty list', async () => {
  const fresh = await createSubject(app, `${cluster.path}/nodepools`, newNodePool());

  expect(await list({}, fresh)).toEqual({
    ...{ kind: 'AdapterStatusList', page: 1, size: 0, total: 0, items: [] },
  });
});

test('an unknown resource has no list, nor has a node pool under another cluster', async () => {
  const other = await createSubject(app, '/clusters', newCluster());
  const pool = await createSubject(app, `${other.path}/nodepools`, newNodePool());
  for (const path of ['/clusters/2unknown', `${cluster.path}/nodepools/${pool.id}`]) {
    const { status, body } = await api(app).get(`${path}/statuses`);
    expect([status, (body as { code: string }).code]).toEqual([404, 'HYPERFLEET-NTF-001']);
  }
});

test.each([
  ['search=name%3D%27x%27', 'VAL-005'],
  ['orderBy=id', 'VAL-005'],
  ['pageSize=501', 'VAL-000'],
  ['pageSize=2&size=3', 'VAL-000'],
  ['adapter=dns', 'VAL-000'],
])('refuses ?%s', async (query, code) => {
  const { status, body } = await api(app).get(`${cluster.path}/statuses?${query}`);

  expect([status, (body as { id: string }).id]).toEqual([400, code]);
});

test('lists are about as long as what was sent, also where PostgreSQL writes numbers in full', async () => {
  const large = { a: Array(30_000).fill(1e308) as number[] };
  const of = await createSubject(app, '/clusters', newCluster({ spec: large }));
  await sendReport(app, of, minimalReport('dns', {}, { data: large }));

  const sent = JSON.stringify(large);
  for (const path of [`/clusters?search=id='${of.id}'`, `${of.path}/statuses`]) {
    const { text } = await api(app).get(path);
    expect(text.length).toBeLessThan(sent.length + 5000);
    expect(text.includes(sent)).toBe(true);
  }
});
