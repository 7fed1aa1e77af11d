import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';

/* How long a connection without a request stays open: longer than any load balancer keeps it. */

jest.setTimeout(60_000);

let database: TestDatabase;
let directory: string;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-keep-alive-'));
  database = await createTestDatabase();
});
afterEach(stopServices);
afterAll(async () => {
  agent.destroy();
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<string> {
  const all = { ...FREE_PORTS, DATABASE_URL: database.url, ...env };
  const { api } = await startService(['serve'], all, directory).ready();
  return `${api}clusters`;
}

function list(url: string): Promise<{ keepAlive: unknown; socket: Socket }> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      const { headers, socket } = response;
      response.resume().on('end', () => resolve({ keepAlive: headers['keep-alive'], socket }));
    }).on('error', reject);
  });
}

it('is longer than the 600 s of Google’s load balancers by default', async () => {
  const { keepAlive } = await list(await start());
  expect(keepAlive).toBe('timeout=620');
});

it('is KEEP_ALIVE_SECONDS, whatever the time that a request may take', async () => {
  const url = await start({ KEEP_ALIVE_SECONDS: '4', REQUEST_TIMEOUT_MS: '500' });
  const { socket, keepAlive } = await list(url);
  expect(keepAlive).toBe('timeout=4');
  await sleep(2500);
  expect(socket.destroyed).toBe(false);
  expect((await list(url)).socket).toBe(socket);
  await new Promise((resolve) => socket.once('close', resolve));
});
