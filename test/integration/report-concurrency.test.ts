import { tmpdir } from 'node:os';
import type { Response } from 'supertest';
import type { components } from '../../generated/openapi';
import { api, tally } from '../support/api';
import { acceptedBy, replay, statusOf, watchAcceptance } from '../support/acceptance';
import { startTestApp, type TestApp } from '../support/app';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster, newReport } from '../support/factories';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';

jest.setTimeout(60_000);

const REQUIRED = ['adapter-01', 'adapter-02', 'adapter-03', 'adapter-04'];
const ADAPTERS = Array.from(
  { length: 20 },
  (_, index) => `adapter-${String(index + 1).padStart(2, '0')}`,
);
const EPOCH = Date.now() - 3_600_000;

type Report = ReturnType<typeof newReport>;
interface Server {
  url: string;
}
type StoredCluster = components['schemas']['Cluster'] & { id: string };

let seed = 20_261_121;

/** The same numbers in every run, so that a failure can be met again. */
function random(below: number): number {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % below;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, place: random(1_000_000) }))
    .sort((left, right) => left.place - right.place)
    .map(({ value }) => value);
}

/** Ten reports of each adapter, the later ones about the newer generation; no two at one moment. */
function manyReports(): Report[] {
  return ADAPTERS.flatMap((adapter, offset) =>
    Array.from({ length: 10 }, (_, number) =>
      newReport(
        adapter,
        number < 4 ? 1 : 2,
        { Available: random(3) === 0 ? 'False' : 'True', Health: random(8) ? 'True' : 'False' },
        new Date(EPOCH + number * 1000 + offset).toISOString(),
      ),
    ),
  );
}

async function createCluster(server: Server): Promise<StoredCluster> {
  const { status, body } = await api(server).post('/clusters').send(newCluster());
  expect(status).toBe(201);
  return body as StoredCluster;
}

async function patch(server: Server, id: string, nodes: number): Promise<Response> {
  return api(server).patch(`/clusters/${id}`).send({ spec: { nodes } });
}

async function read(server: Server, id: string): Promise<StoredCluster> {
  return (await api(server).get(`/clusters/${id}`)).body as StoredCluster;
}

async function listsNewest(server: Server, id: string, reports: readonly Report[]): Promise<void> {
  const { body } = await api(server).get(`/clusters/${id}/statuses`);
  const newest = ADAPTERS.map((adapter) =>
    reports
      .filter((report) => report.adapter === adapter)
      .reduce((one, other) => (other.observed_time! > one.observed_time! ? other : one)),
  );
  expect(body).toMatchObject({
    total: ADAPTERS.length,
    items: newest.map(({ adapter, observed_generation, observed_time, conditions }) => ({
      adapter,
      observed_generation,
      last_report_time: observed_time,
      conditions,
    })),
  });
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await watchAcceptance(database.directUrl);
});

afterAll(async () => {
  await stopServices();
  await database.drop();
});

test('200 reports of 20 adapters at once, over two processes, end as if they had come one by one', async () => {
  const env = {
    ...FREE_PORTS,
    DATABASE_URL: database.url,
    HYPERFLEET_CLUSTER_ADAPTERS: REQUIRED.join(','),
  };
  const processes = [1, 2].map(() => startService(['serve'], env, tmpdir()));
  const servers = await Promise.all(
    processes.map(async (process) => ({ url: new URL((await process.ready()).api).origin })),
  );
  const cluster = await createCluster(servers[0]!);
  expect((await patch(servers[1]!, cluster.id, 2)).status).toBe(200);

  const reports = shuffled(manyReports());
  const answers = await Promise.all(
    reports.map((report, index) =>
      api(servers[index % 2]!)
        .post(`/clusters/${cluster.id}/statuses`)
        .send(report),
    ),
  );

  const counts = tally(answers);
  expect(Object.keys(counts).sort()).toEqual(['201', '204']);
  const accepted = await acceptedBy(database.directUrl, cluster.id);
  // One PATCH, and the reports that were answered with 201: no other, and none of them lost.
  expect(accepted).toHaveLength(1 + counts[201]!);
  const world = replay(REQUIRED, cluster.created_time, accepted);
  for (const server of servers) {
    expect((await read(server, cluster.id)).status).toEqual(statusOf(world));
    await listsNewest(server, cluster.id, reports);
  }
  for (const process of processes) {
    expect(process.log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  }
});

describe('two services on one database', () => {
  let apps: TestApp[];

  beforeAll(async () => {
    const env = { HYPERFLEET_CLUSTER_ADAPTERS: REQUIRED.join(',') };
    apps = await Promise.all([startTestApp({ database, env }), startTestApp({ database, env })]);
  });

  afterAll(() => Promise.all(apps.map((app) => app.stop())));

  test('PATCHes and reports that race never leave a stale aggregate', async () => {
    const cluster = await createCluster(apps[0]!);
    const jobs: ((server: Server) => Promise<Response>)[] = [
      ...shuffled(manyReports())
        .slice(0, 120)
        .map(
          (report) => (server: Server) =>
            api(server).put(`/clusters/${cluster.id}/statuses`).send(report),
        ),
      ...Array.from(
        { length: 20 },
        (_, number) => (server: Server) => patch(server, cluster.id, 100 + number),
      ),
    ];

    const answers = await Promise.all(
      shuffled(jobs).map((job, index) => job(apps[index % apps.length]!)),
    );

    const counts = tally(answers);
    // 409: the report was about a generation that had not come yet.
    expect(Object.keys(counts).filter((status) => !/^(200|201|204|409)$/.test(status))).toEqual([]);
    const accepted = await acceptedBy(database.directUrl, cluster.id);
    expect(accepted.filter(({ happening }) => happening.kind === 'report')).toHaveLength(
      counts[201]!,
    );
    expect(accepted.filter(({ happening }) => happening.kind === 'patch')).toHaveLength(
      counts[200]!,
    );
    const world = replay(REQUIRED, cluster.created_time, accepted);
    const { status, generation } = await read(apps[0]!, cluster.id);
    expect(generation).toBe(1 + counts[200]!);
    expect(status).toEqual(statusOf(world));
  });

  test('of two adapters whose names share a condition type, one may report, however close they come', async () => {
    for (let round = 0; round < 10; round++) {
      const cluster = await createCluster(apps[0]!);

      const answers = await Promise.all(
        ['gcp-dns', 'Gcp-Dns', 'gcpDns'].map((adapter, index) =>
          api(apps[index % 2]!)
            .post(`/clusters/${cluster.id}/statuses`)
            .send(newReport(adapter)),
        ),
      );

      // `gcpDns` becomes GcpDnsSuccessful as well.
      expect(tally(answers)).toEqual({ 201: 1, 400: 2 });
    }
  });

  test('a report that arrives twice at the same moment is stored, and counts once in the order', async () => {
    const cluster = await createCluster(apps[0]!);
    const report = newReport('adapter-01');

    const answers = await Promise.all(
      apps.map((app) => api(app).post(`/clusters/${cluster.id}/statuses`).send(report)),
    );

    // Equal times are accepted: a sender that is not sure sends again.
    expect(tally(answers)).toEqual({ 201: 2 });
    const world = replay(
      REQUIRED,
      cluster.created_time,
      await acceptedBy(database.directUrl, cluster.id),
    );
    expect((await read(apps[1]!, cluster.id)).status).toEqual(statusOf(world));
  });
});
