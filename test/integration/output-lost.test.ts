import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { begin } from '../support/api';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { freePort } from '../support/own-postgres';
import { FREE_PORTS, LEASH, PROGRAM, startService, stopServices } from '../support/service-process';

/* Nobody reads what the process writes: the reader has gone, or the disk is full. */

jest.setTimeout(60_000);

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-output-'));
  database = await createTestDatabase();
});
afterEach(stopServices);
afterAll(async () => {
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

it('goes on serving, and stops as usual, when the reader of its output has gone', async () => {
  const service = startService(
    ['serve'],
    { ...FREE_PORTS, DATABASE_URL: database.url, LOG_LEVEL: 'debug' },
    directory,
  );
  const { api } = await service.ready();
  service.closeOutput();
  for (let request = 0; request < 5; request++) {
    expect((await begin(supertest(api).get('clusters'))).status).toBe(200);
    await sleep(20);
  }
  expect(await service.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
});

// A character device that refuses every write, as a file on a full disk does.
const onFullDisk = existsSync('/dev/full') ? describe : describe.skip;
onFullDisk('on a full disk', () => {
  const start = (args: string[], env: Record<string, string>) => {
    const command = ['-c', 'exec "$@" >/dev/full 2>/dev/full', 'sh', process.execPath];
    return spawn('/bin/sh', [...command, '--require', LEASH, PROGRAM, ...args], {
      cwd: directory,
      env: { PATH: process.env.PATH, ...env },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  };

  it('goes on serving, and stops as usual', async () => {
    const port = await freePort();
    const child = start(['serve'], {
      ...FREE_PORTS,
      API_PORT: String(port),
      DATABASE_URL: database.url,
    });
    const list = () =>
      begin(supertest(`http://127.0.0.1:${port}`).get('/api/hyperfleet/v1/clusters'));
    let status: number | undefined;
    while (status === undefined && child.exitCode === null) {
      status = await list().then(
        (response) => response.status,
        () => undefined,
      );
      await sleep(20);
    }
    expect(status).toBe(200);
    expect((await list()).status).toBe(200);
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it.each([
    [['version'], 0],
    [['config'], 0],
    [['srve'], 2],
  ] as [string[], number][])('ends `%s` with its own exit code', async (args, code) => {
    expect(await once(start(args, {}), 'exit')).toEqual([code, null]);
  });
});
