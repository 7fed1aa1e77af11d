import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { terminateBackends } from '../support/backends';
import { withClient } from '../support/database';
import { newCluster } from '../support/factories';
import { OwnPostgres } from '../support/own-postgres';
import {
  FREE_PORTS,
  runService,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* A role whose password changes, and the file with it, while the service runs. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
/** A list that is read on a pooled connection; one without a search shares the connections of short reads. */
const SEARCH = `${CLUSTERS}?search=${encodeURIComponent("labels.a = 'b'")}`;

jest.setTimeout(120_000);

let directory: string;
let file: string;
let postgres: OwnPostgres;
let env: Record<string, string>;
let service: ServiceProcess;
let url: string;

const setPassword = (password: string) =>
  withClient(postgres.url(), (client) =>
    client.query(`ALTER ROLE fleet LOGIN PASSWORD '${password}'`),
  );

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-password-'));
  file = join(directory, 'password');
  postgres = await OwnPostgres.create();
  await postgres.start();
  await withClient(postgres.url(), async (client) => {
    await client.query('CREATE ROLE fleet');
    await client.query('CREATE DATABASE fleet OWNER fleet');
  });
  await setPassword('first-Tha7aeng');
  writeFileSync(file, 'first-Tha7aeng\n');
  env = {
    ...{ ...FREE_PORTS, LOG_LEVEL: 'debug' },
    ...{ PGHOST: '127.0.0.1', PGPORT: String(postgres.port), PGUSER: 'fleet' },
    DATABASE_PASSWORD_FILE: file,
  };
});
afterAll(async () => {
  await stopServices();
  await postgres.destroy();
  rmSync(directory, { recursive: true, force: true });
});

/** How a write, a short read and a search end. */
async function statuses(): Promise<number[]> {
  const agent = supertest(url);
  const responses = [
    await agent.post(CLUSTERS).send(newCluster()),
    await agent.get(CLUSTERS),
    await agent.get(SEARCH),
  ];
  return responses.map(({ status }) => status);
}

/** All connections from now on are new ones. */
const disconnect = () =>
  withClient(postgres.url('fleet'), (client) => terminateBackends(client, 'all'));

it('is read from the file by `migrate` and `serve`', async () => {
  expect(await runService(['migrate'], env, directory)).toMatchObject({ code: 0, stderr: '' });
  service = startService(['serve'], env, directory);
  url = new URL((await service.ready()).api).origin;
  expect(await statuses()).toEqual([201, 200, 200]);
});

it('works on new connections from the time it is in the file, without a restart', async () => {
  await setPassword('second-Ohl3ephu');
  expect(await statuses()).toEqual([201, 200, 200]);
  await disconnect();
  expect(await statuses()).toEqual([503, 503, 503]);
  writeFileSync(file, 'second-Ohl3ephu\n');
  expect(await statuses()).toEqual([201, 200, 200]);
  await disconnect();
  await sleep(100);
  expect(await statuses()).toEqual([201, 200, 200]);
});

it('is a problem of the database while the file is missing', async () => {
  rmSync(file);
  await disconnect();
  expect(await statuses()).toEqual([503, 503, 503]);
  const { body } = await supertest(url).get(CLUSTERS);
  expect(JSON.stringify(body)).not.toMatch(/ENOENT|password/);
  writeFileSync(file, 'second-Ohl3ephu');
  expect(await statuses()).toEqual([201, 200, 200]);
});

it('is never logged', async () => {
  const { stdout, stderr, code } = await service.end('SIGTERM');
  expect(code).toBe(0);
  expect(stdout + stderr).not.toMatch(/Tha7aeng|Ohl3ephu/);
});
