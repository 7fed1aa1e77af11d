import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest, { type Response } from 'supertest';
import { withClient } from '../support/database';
import { newCluster } from '../support/factories';
import { OwnPostgres } from '../support/own-postgres';
import {
  FREE_PORTS,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* A PostgreSQL that is away, comes back, crashes, or has no room left; seen through the running service. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';

jest.setTimeout(60_000);

let postgres: OwnPostgres;
let directory: string;
let databaseUrl: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-faults-'));
  postgres = await OwnPostgres.create();
  await postgres.start();
  databaseUrl = await postgres.createDatabase('fleet');
});
afterEach(stopServices);
afterAll(async () => {
  await postgres.destroy();
  rmSync(directory, { recursive: true, force: true });
});

interface Running {
  service: ServiceProcess;
  api: ReturnType<typeof supertest>;
  ready: () => Promise<Response>;
}

function serve(env: Record<string, string> = {}): ServiceProcess {
  return startService(
    ['serve'],
    { ...FREE_PORTS, DATABASE_URL: databaseUrl, DATABASE_POOL_TIMEOUT_MS: '1000', ...env },
    directory,
  );
}

async function running(service = serve()): Promise<Running> {
  const { api, health } = await service.ready();
  return {
    service,
    api: supertest(new URL(api).origin),
    ready: () => supertest(new URL(health).origin).get('/readyz'),
  };
}

function expectUnavailable(response: Response): void {
  expect(response).toMatchObject({
    status: 503,
    type: 'application/problem+json',
    body: { code: 'HYPERFLEET-SVC-001', status: 503 },
  });
  expect(Number(response.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  expect(response.text).not.toMatch(/postgres|ECONN|127\.0\.0\.1|SELECT|INSERT|pool/i);
}

it('waits for a database that is not up yet, says so, and serves once it is', async () => {
  await postgres.stop();
  const service = serve({ DATABASE_CONNECT_RETRIES: '20' });
  while (!service.log.some(({ message }) => message === 'database not reachable yet')) {
    await sleep(20);
  }
  await postgres.start();
  const { api } = await running(service);
  expect((await api.get(CLUSTERS)).status).toBe(200);
});

it('gives up on a database that does not come, after the tries it was told, with a clear message', async () => {
  await postgres.stop();
  const begin = Date.now();
  const ended = await serve({ DATABASE_CONNECT_RETRIES: '2' }).ended;
  await postgres.start();
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/^The database fleet@127\.0\.0\.1:\d+ .*cannot be reached: .*\n$/);
  expect(ended.stdout.match(/database not reachable yet/g)).toHaveLength(2);
  expect(Date.now() - begin).toBeGreaterThan(2000);
});

it.each(['fast', 'immediate'] as const)(
  'responds with 503 while the database is away (%s stop), is not ready, and recovers without a restart',
  async (how) => {
    const { service, api, ready } = await running();
    const created = await api.post(CLUSTERS).send(newCluster());
    expect(created.status).toBe(201);
    const path = created.body.href as string;
    expect(await ready()).toMatchObject({ status: 200, body: { status: 'ok' } });

    await postgres.stop(how);
    const begin = Date.now();
    const responses = await Promise.all([
      api.get(path),
      api.get(CLUSTERS),
      api.post(CLUSTERS).send(newCluster()),
      api.patch(path).send({ labels: { a: 'b' } }),
      api.delete(path),
    ]);
    expect(Date.now() - begin).toBeLessThan(5000);
    responses.forEach(expectUnavailable);
    expect(await ready()).toMatchObject({
      status: 503,
      body: { status: 'unavailable', reason: 'the database did not respond in time' },
    });
    // What needs no database goes on.
    expect((await api.get('/api/hyperfleet/v1/errors')).status).toBe(200);

    await postgres.start();
    const back = Date.now();
    while ((await ready()).status !== 200 && Date.now() - back < 5000) await sleep(50);
    const after = await api.get(path);
    expect(after).toMatchObject({
      status: 200,
      body: { generation: 1, labels: { env: 'production' } },
    });
    expect((await api.post(CLUSTERS).send(newCluster())).status).toBe(201);
    expect(service.log.filter(({ level }) => level === 'error')).toEqual([]);
  },
);

/** A file system of a few MB for the server, or undefined where we may not make one. */
function makeTinyDisk(): string | undefined {
  const mount = mkdtempSync(join(tmpdir(), 'hyperfleet-tiny-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mount], { stdio: 'pipe' });
  } catch {
    rmSync(mount, { recursive: true });
    return undefined;
  }
  const { account } = postgres.instance;
  if (account !== undefined) chownSync(mount, account.uid, account.gid);
  chmodSync(mount, 0o700);
  return mount;
}

it('responds with 503 to writes when the disk is full, goes on reading, and recovers', async () => {
  const mount = makeTinyDisk();
  if (mount === undefined) {
    console.warn('SKIPPED: a full disk can only be made as root with the right to mount.');
    return;
  }
  try {
    const { service, api } = await running();
    const before = await api.post(CLUSTERS).send(newCluster());
    const admin = (sql: string) => withClient(databaseUrl, (client) => client.query(sql));
    await admin(`CREATE TABLESPACE tiny LOCATION '${mount}'`);
    await admin('ALTER TABLE resources SET TABLESPACE tiny');
    // Random text cannot be compressed.
    const large = () => newCluster({ spec: { blob: randomBytes(120_000).toString('base64') } });
    let response = await api.post(CLUSTERS).send(large());
    for (let count = 0; response.status === 201 && count < 40; count++) {
      response = await api.post(CLUSTERS).send(large());
    }
    expectUnavailable(response);
    expect((await api.get(before.body.href as string)).status).toBe(200);
    const { body } = await api.get(`${CLUSTERS}?pageSize=1`);
    await withClient(databaseUrl, async (client) => {
      const { rows } = await client.query('SELECT count(*)::int FROM resource_status');
      expect(rows[0]).toEqual({ count: body.total });
    });

    await admin('ALTER TABLE resources SET TABLESPACE pg_default');
    await admin('DROP TABLESPACE tiny');
    expect((await api.post(CLUSTERS).send(large())).status).toBe(201);
    expect(service.log.filter(({ level }) => level === 'error')).toEqual([]);
  } finally {
    execFileSync('umount', ['-l', mount]);
    rmSync(mount, { recursive: true });
  }
});
