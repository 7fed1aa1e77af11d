import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest, { type Response } from 'supertest';
import { api as apiOf, begin } from '../support/api';
import { nobodyWaits, someoneWaits } from '../support/backends';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import {
  FREE_PORTS,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* How the service stops: not ready first, then a response to every request, then gone; and at once when it is told twice. */

const CLUSTERS = '/clusters';
/** A list that is read on a pooled connection; one without a search shares the connections of short reads. */
const SEARCH = `${CLUSTERS}?search=${encodeURIComponent("labels.a = 'b'")}`;

jest.setTimeout(60_000);

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-shutdown-'));
  database = await createTestDatabase();
});
afterEach(stopServices);
afterAll(async () => {
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

interface Running {
  service: ServiceProcess;
  list: (path?: string) => Promise<Response>;
  health: (path: string) => Promise<Response>;
}

async function start(env: Record<string, string> = {}): Promise<Running> {
  const service = startService(
    ['serve'],
    { ...FREE_PORTS, DATABASE_URL: database.url, DATABASE_STATEMENT_TIMEOUT_MS: '20000', ...env },
    directory,
  );
  const { api, health } = await service.ready();
  return {
    service,
    list: (path = CLUSTERS) => begin(apiOf({ url: new URL(api).origin }).get(path)),
    health: (path) => begin(supertest(new URL(health).origin).get(path)),
  };
}

/** While `work` runs, lists wait. */
function whileBlocked(work: (release: () => Promise<unknown>) => Promise<void>): Promise<void> {
  return withClient(database.directUrl, async (client) => {
    await client.query('BEGIN; LOCK TABLE resource_status IN ACCESS EXCLUSIVE MODE');
    await work(() => client.query('ROLLBACK'));
  });
}

it('is not ready first, goes on responding, finishes what it has begun, and ends with 0', async () => {
  const { service, list, health } = await start();
  expect(await health('/readyz')).toMatchObject({ status: 200, body: { status: 'ok' } });
  await whileBlocked(async (release) => {
    const begun = list();
    await someoneWaits(database.directUrl);
    const ending = service.end('SIGTERM');
    while ((await health('/readyz')).status === 200) await sleep(10);
    expect(await health('/readyz')).toMatchObject({
      status: 503,
      body: { status: 'unavailable', reason: 'the server is stopping' },
    });
    for (const path of ['/livez', '/healthz', '/healthcheck']) {
      expect((await health(path)).status).toBe(200);
    }
    // A request that comes late gets a response too, and its client told to go elsewhere.
    const late = list();
    await sleep(700);
    await release();
    expect((await begun).status).toBe(200);
    const response = await late;
    expect(response.status).toBe(200);
    expect(response.headers.connection).toBe('close');
    expect(await ending).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(service.log.at(-1)!.message).toBe('stopped');
  });
});

it('takes the same signal twice within a second for one', async () => {
  const { service, list } = await start();
  await whileBlocked(async (release) => {
    const begun = list();
    await someoneWaits(database.directUrl);
    void service.end('SIGINT');
    await sleep(300);
    void service.end('SIGINT');
    await sleep(300);
    await release();
    expect((await begun).status).toBe(200);
    expect((await service.ended).code).toBe(0);
  });
});

it('ends at once when it is told again after more than a second', async () => {
  const { service, list } = await start();
  await whileBlocked(async (release) => {
    const begun = list().catch(() => 'cut');
    await someoneWaits(database.directUrl);
    void service.end('SIGTERM');
    await sleep(1300);
    expect(service.running).toBe(true);
    const told = Date.now();
    expect((await service.end('SIGTERM')).code).toBe(1);
    expect(Date.now() - told).toBeLessThan(1000);
    expect(await begun).toBe('cut');
    await release();
  });
});

it.each([
  ['a short read', CLUSTERS],
  ['a search', SEARCH],
])('does not wait longer than SHUTDOWN_TIMEOUT_MS for %s that does not end', async (_, path) => {
  const { service, list } = await start({ SHUTDOWN_TIMEOUT_MS: '1200' });
  await whileBlocked(async (release) => {
    const begun = list(path).catch(() => 'cut');
    await someoneWaits(database.directUrl);
    const told = Date.now();
    const { code } = await service.end('SIGTERM');
    expect(code).toBe(0);
    expect(Date.now() - told).toBeGreaterThan(1100);
    expect(Date.now() - told).toBeLessThan(8000);
    expect(await begun).toBe('cut');
    await nobodyWaits(database.directUrl);
    await release();
  });
});

it('can be stopped before it is ready', async () => {
  const service = startService(
    ['serve'],
    { ...FREE_PORTS, DATABASE_URL: 'postgres://x@127.0.0.1:1/x', DATABASE_CONNECT_RETRIES: '100' },
    directory,
  );
  while (!service.log.some(({ message }) => message === 'database not reachable yet')) {
    await sleep(20);
  }
  expect(await service.end('SIGTERM')).toMatchObject({ code: 143, signal: null });
});
