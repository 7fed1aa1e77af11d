import type { Response } from 'supertest';
import type { components } from '../../generated/openapi';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { someoneWaits } from '../support/backends';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { newCluster, newNodePool, newReport } from '../support/factories';

type Stored = components['schemas']['Cluster'] & { id: string };

const EPOCH = Date.now() - 3_600_000;

let database: TestDatabase;
let proxy: CountingProxy;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await startCountingProxy(database.directUrl);
  app = await startTestApp({ database: { ...database, url: proxy.url } });
});

/** So that no connection is opened while a request is counted. */
beforeAll(() => Promise.all([1, 2, 3].map(() => api(app).get('/clusters'))));
afterAll(async () => {
  await app.stop();
  proxy.close();
  await database.drop();
});

async function create(path: string, body: object): Promise<Stored> {
  const response = await api(app).post(path).send(body);
  expect(response.status).toBe(201);
  return response.body as Stored;
}

/** A report about a resource, `seconds` after the first possible one. */
function report(
  path: string,
  adapter: string,
  seconds: number,
  conditions: Parameters<typeof newReport>[2] = {},
): Promise<Response> {
  const time = new Date(EPOCH + seconds * 1000).toISOString();
  return api(app)
    .post(`${path}/statuses`)
    .send(newReport(adapter, 1, conditions, time));
}

/** What one request costs. */
async function cost(request: () => Promise<Response>) {
  proxy.reset();
  const { status } = await request();
  return { status, statements: proxy.statements, roundTrips: proxy.roundTrips };
}

test('an accepted report costs two statements in two round trips, the first of an adapter and each later one', async () => {
  const path = `/clusters/${(await create('/clusters', newCluster())).id}`;
  for (const seconds of [1, 2, 3]) {
    expect(await cost(() => report(path, 'validation', seconds))).toEqual({
      status: 201,
      statements: 2,
      roundTrips: 2,
    });
  }
});

test('a report about a node pool costs the same', async () => {
  const { id } = await create('/clusters', newCluster());
  const pool = await create(`/clusters/${id}/nodepools`, newNodePool());

  expect(await cost(() => report(`/clusters/${id}/nodepools/${pool.id}`, 'validation', 1))).toEqual(
    { status: 201, statements: 2, roundTrips: 2 },
  );
});

test('a discarded report costs one read and writes nothing', async () => {
  const { id } = await create('/clusters', newCluster());
  await report(`/clusters/${id}`, 'validation', 10);
  const before = await physicalRows(id);

  expect(await cost(() => report(`/clusters/${id}`, 'validation', 9))).toEqual({
    status: 204,
    statements: 1,
    roundTrips: 1,
  });
  expect(
    await cost(() => report(`/clusters/${id}`, 'validation', 11, { Available: 'Unknown' })),
  ).toEqual({ status: 204, statements: 1, roundTrips: 1 });
  expect(await physicalRows(id)).toEqual(before);
});

test('a report about a resource that is not there, or ahead of it, costs one read', async () => {
  expect(await cost(() => report('/clusters/2gone', 'validation', 1))).toEqual({
    status: 404,
    statements: 1,
    roundTrips: 1,
  });
  const { id } = await create('/clusters', newCluster());
  const ahead = newReport('validation', 2);
  expect(await cost(() => api(app).post(`/clusters/${id}/statuses`).send(ahead))).toEqual({
    status: 409,
    statements: 1,
    roundTrips: 1,
  });
});

test('a report that breaks the contract costs one read', async () => {
  const { id } = await create('/clusters', newCluster());
  for (const [path, status] of [
    [`/clusters/${id}`, 400],
    ['/clusters/2gone', 404],
  ] as const) {
    expect(await cost(() => api(app).post(`${path}/statuses`).send({ observed_time: 5 }))).toEqual({
      status,
      statements: 1,
      roundTrips: 1,
    });
  }
});

test('a report that lost its resource to another process costs four round trips', async () => {
  const { id } = await create('/clusters', newCluster());
  await withClient(database.directUrl, async (other) => {
    await other.query('BEGIN');
    // The other process is about to write: ours reads, then has to wait, then finds a newer version.
    await other.query('UPDATE resource_status SET version = version + 1 WHERE resource_id = $1', [
      id,
    ]);
    const counted = cost(() => report(`/clusters/${id}`, 'validation', 1));
    await someoneWaits(database.directUrl);
    await other.query('COMMIT');

    // The read, the write in vain, BEGIN with both locks and the read, the write with COMMIT.
    expect(await counted).toEqual({ status: 201, statements: 8, roundTrips: 4 });
  });
});

test('a crowd of reports within one process costs two round trips each', async () => {
  const { id } = await create('/clusters', newCluster());
  proxy.reset();

  const responses = await Promise.all(
    Array.from({ length: 40 }, (_, number) => report(`/clusters/${id}`, `adapter-${number}`, 1)),
  );

  expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 201));
  expect(proxy.roundTrips).toBe(2 * responses.length);
});

/** Where the rows of a resource lie: a write, even of the same values, moves them. */
function physicalRows(id: string): Promise<unknown[]> {
  return withClient(database.directUrl, async (client) => {
    const { rows } = await client.query<{ ctid: string }>(
      `SELECT 'status' AS of, ctid, xmin, version::text AS detail FROM resource_status WHERE resource_id = $1
       UNION ALL
       SELECT 'report', ctid, xmin, adapter FROM adapter_statuses WHERE resource_id = $1`,
      [id],
    );
    expect(rows).toHaveLength(2);
    return rows;
  });
}
