import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { api } from '../support/api';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { FleetLoad } from '../support/fleet-load';
import { adapterVariables } from '../support/kinds';
import { Process, SOME_REQUIRED } from '../support/lifecycle-races';
import { inspect } from '../support/lifecycle-service';
import { RoundRobin } from '../support/round-robin';
import {
  FREE_PORTS,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/*
 * Three processes on one database behind a round-robin proxy. While clients are at work one of them dies and
 * one is rolled; what the clients were told must be what is there.
 */

jest.setTimeout(90_000);

let database: TestDatabase;
let proxy: RoundRobin;
/** Looks into the database itself. */
let observer: Process;

beforeAll(async () => {
  database = await createTestDatabase();
  observer = new Process(database.directUrl);
});

afterAll(async () => {
  await proxy.close();
  await observer.db.close();
  await stopServices();
  await database.drop();
});

interface Pod {
  process: ServiceProcess;
  url: string;
  readyz: string;
}

async function startPod(): Promise<Pod> {
  const env = {
    ...FREE_PORTS,
    DATABASE_URL: database.url,
    DATABASE_POOL_MAX: '6',
    ...adapterVariables(SOME_REQUIRED),
    LOG_POLLS: 'false',
  };
  const process = startService(['serve'], env, tmpdir());
  const { api, health } = await process.ready();
  return { process, url: new URL(api).origin, readyz: health };
}

/** Kills the busiest, with requests in its hands that wait for a lock; they go on or not without it. */
async function killOne(pods: readonly Pod[]): Promise<Pod> {
  const inFlight = (pod: Pod) => proxy.share(pod).inFlight;
  return withClient(database.directUrl, async (client) => {
    await client.query('BEGIN; LOCK TABLE resource_status IN SHARE MODE');
    while (pods.reduce((sum, pod) => sum + inFlight(pod), 0) < 3 * pods.length) await sleep(1);
    const [busiest] = [...pods].sort((left, right) => inFlight(right) - inFlight(left));
    await busiest!.process.end('SIGKILL');
    await client.query('COMMIT');
    return busiest!;
  });
}

test('three replicas behave as one, while one is killed and one is rolled', async () => {
  const [replacement, ...pods] = (await Promise.all(
    Array.from({ length: 4 }, () => startPod()),
  )) as [Pod, ...Pod[]];
  proxy = await RoundRobin.start(pods);
  const load = new FleetLoad(proxy);
  const work = load.run();
  const more = (requests: number) => Promise.race([work, load.after(requests)]);

  await more(150);
  const killed = await killOne(pods);
  const [rolled, steady] = pods.filter((pod) => pod !== killed) as [Pod, Pod];
  proxy.add(replacement);
  await more(60);
  const ended = await rolled.process.end('SIGTERM');
  await more(90);
  load.stop();
  await work;

  const shares = { killed, rolled, steady, replacement };
  console.log(
    `${load.answered} requests, ${load.repeated} repeated:`,
    ...Object.entries(shares).map(([name, pod]) => `${name} ${proxy.share(pod).answered}`),
  );
  expect(proxy.share(killed).broken).toBeGreaterThan(0);
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  for (const pod of [rolled, steady, replacement]) {
    expect(proxy.share(pod)).toMatchObject({ broken: 0, inFlight: 0 });
    expect(proxy.share(pod).answered).toBeGreaterThan(30);
    const { log } = pod.process;
    expect(log.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  }

  const { rows, violations } = await inspect(observer.db, SOME_REQUIRED);
  expect(violations).toEqual([]);
  const told = load.alive.map(({ id, generation }) => ({ id, generation }));
  const stored = rows.map(({ id, generation }) => ({ id, generation }));
  const byId = (left: { id: string }, right: { id: string }) => (left.id < right.id ? -1 : 1);
  expect(stored.sort(byId)).toEqual(told.sort(byId));
  expect(load.gone.length).toBeGreaterThan(0);
  for (const { path, reports } of load.alive) {
    const { body } = await api(proxy).get(`${path}/statuses`);
    const { items } = body as { items: { adapter: string; data: { number: number } }[] };
    expect(new Map(items.map(({ adapter, data }) => [adapter, data.number]))).toEqual(reports);
  }
});
