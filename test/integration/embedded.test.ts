import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../src/embedded/instance';
import { withClient } from '../support/database';
import {
  gone,
  kept,
  makeBase,
  ownersBackend,
  pidFile,
  serverPid,
  signalGroupExcept,
  start,
  startService,
  stopAll,
  write,
} from '../support/embedded';
import type { Message } from '../support/embedded-process';
import {
  FREE_PORTS,
  startService as startProgram,
  stopServices as stopPrograms,
} from '../support/service-process';

let base: string;
let directory: string;

beforeAll(() => {
  base = makeBase();
  directory = path.join(base, '.data');
});

afterEach(() => stopPrograms());
afterEach(stopAll);

afterAll(() => fs.rmSync(base, { recursive: true, force: true, maxRetries: 5 }));

test('what is written survives a stop, and no server does', async () => {
  const progress: string[] = [];
  const first = await start(directory, progress);
  const pid = serverPid(directory);
  await write(first.url, 1);
  await Promise.all([first.stop(), first.stop()]);
  expect(isAlive(pid)).toBe(false);
  expect(progress).toHaveLength(1);

  const begin = Date.now();
  const second = await start(directory, progress);
  const rows = await kept(second.url);
  const took = Date.now() - begin;
  await second.stop();
  expect(rows).toEqual([1]);
  expect(took).toBeLessThan(2000);
  expect(progress).toHaveLength(1);
});

test('the server listens on loopback, speaks UTF-8, and keeps its files and password to itself', async () => {
  const database = await start(directory);
  const url = new URL(database.url);
  const settings = await withClient(database.url, async (client) => {
    const { rows } = await client.query<Record<string, string>>(
      `SELECT current_setting('listen_addresses') AS listen, pg_encoding_to_char(encoding) AS encoding,
              current_setting('unix_socket_directories') AS sockets, 'B' < 'a' COLLATE "default" AS by_code_point,
              lower('Ä') AS lower
       FROM pg_database WHERE datname = current_database()`,
    );
    return rows[0];
  });
  const wrong = new URL(database.url);
  wrong.password = 'password';
  const refused = withClient(wrong.href, (client) => client.query('SELECT 1'));
  await expect(refused).rejects.toMatchObject({ code: '28P01' });
  await database.stop();

  expect(url.hostname).toBe('127.0.0.1');
  expect(url.password).toMatch(/^[\w-]{32}$/);
  expect(settings).toEqual({
    listen: '127.0.0.1',
    sockets: '',
    encoding: 'UTF8',
    by_code_point: true,
    lower: 'ä',
  });
  const modes = ['', 'postgres', 'postgres/data', 'postgres/password'].map(
    (name) => fs.statSync(path.join(directory, name)).mode & 0o777,
  );
  expect(modes).toEqual([0o700, 0o700, 0o700, 0o600]);
});

test('after kill -9 of the service its server ends and the next start has the data', async () => {
  const service = await startService(directory);
  const pid = serverPid(directory);
  await write(service.told.url!, 2);
  service.process.kill('SIGKILL');
  await gone(pid);

  const database = await start(directory);
  expect(await kept(database.url)).toContain(2);
  await database.stop();
});

test('a start right after kill -9 does not trip over the server that is still ending', async () => {
  const service = await startService(directory);
  await write(service.told.url!, 3);
  service.process.kill('SIGKILL');
  const database = await start(directory);
  expect(await kept(database.url)).toContain(3);
  await database.stop();
});

test('a start right after kill -9 waits until the server has noticed, however late', async () => {
  if (process.platform !== 'linux') return;
  const service = await startService(directory);
  await write(service.told.url!, 7);
  const server = serverPid(directory);
  const backend = await ownersBackend(service.told.url!);
  const signalWatchers = (signal: NodeJS.Signals) => {
    process.kill(backend, signal);
    signalGroupExcept(server, signal);
  };
  signalWatchers('SIGSTOP');
  service.process.kill('SIGKILL');
  const program = startProgram(['serve'], FREE_PORTS, base);
  await Promise.race([program.ended, sleep(3000)]);
  signalWatchers('SIGCONT');
  await program.ready();
  await program.end('SIGTERM');

  const database = await start(directory);
  expect(await kept(database.url)).toContain(7);
  await database.stop();
});

test('a start waits for a process that outlives its server', async () => {
  const service = await startService(directory);
  const backend = await ownersBackend(service.told.url!);
  process.kill(backend, 'SIGSTOP');
  process.kill(serverPid(directory), 'SIGKILL');
  service.process.kill('SIGKILL');
  const starting = expect(start(directory)).resolves.toBeDefined();
  await sleep(1000);
  process.kill(backend, 'SIGCONT');
  await starting;
});

test('a server that lost its watchdog as well is stopped by the next start', async () => {
  if (process.platform !== 'linux') return;
  const service = await startService(directory);
  const orphan = serverPid(directory);
  await write(service.told.url!, 4);
  // Stopped, or it would notice the loss and close the pipe before the last watcher is gone.
  service.process.kill('SIGSTOP');
  signalGroupExcept(orphan, 'SIGKILL');
  service.process.kill('SIGKILL');
  await sleep(300);
  expect(isAlive(orphan)).toBe(true);

  const progress: string[] = [];
  const database = await start(directory, progress);
  await gone(orphan);
  expect(progress.join()).toContain('left behind');
  expect(await kept(database.url)).toContain(4);
  await database.stop();
});

test('a stale process id that now belongs to somebody else is no obstacle', async () => {
  await (await start(directory)).stop();
  fs.writeFileSync(
    pidFile(directory),
    `${process.pid}\n${directory}\n0\n1\n\n127.0.0.1\n\nready\n`,
  );
  const database = await start(directory);
  expect(serverPid(directory)).not.toBe(process.pid);
  await database.stop();
});

test('a second service in the same directory is refused and does the first no harm', async () => {
  const first = await startService(directory);
  await write(first.told.url!, 5);
  await expect(start(directory)).rejects.toThrow(
    /Another process is already running the embedded PostgreSQL/,
  );
  const second = await startService(directory);
  expect(second.told.error).toMatch(/Another process is already running/);
  const program = await startProgram(['serve'], FREE_PORTS, base).ended;
  expect(program.code).toBe(1);
  expect(program.stderr).toMatch(/^Another process is already running/);
  expect(await kept(first.told.url!)).toContain(5);
});

test('an owner that is too busy to answer at once is neither overrun nor harmed', async () => {
  const first = await startService(directory);
  first.process.kill('SIGSTOP');
  const refusal = expect(start(directory)).rejects.toThrow(/Another process is already running/);
  await sleep(1500);
  first.process.kill('SIGCONT');
  await refusal;
  await write(first.told.url!, 8);
});

test('a lock file that its server has yet to fill is left to that server', async () => {
  await (await start(directory)).stop();
  fs.writeFileSync(pidFile(directory), '');
  const starting = start(directory);
  await Promise.race([starting, sleep(1000)]);
  expect(fs.readFileSync(pidFile(directory), 'utf8')).toBe('');
  fs.rmSync(pidFile(directory));
  await (await starting).stop();
});

test('of two services that start at once in an empty directory one runs and one is refused', async () => {
  const empty = path.join(base, 'empty');
  const both = await Promise.all([startService(empty), startService(empty)]);
  expect(both.filter(({ told }) => told.url !== undefined)).toHaveLength(1);
  expect(both.map(({ told }) => told.error ?? '').join('')).toMatch(/Another process is already/);
  expect(fs.readdirSync(empty)).toEqual(['postgres']);
});

test('an interrupt for the whole process group leaves the database to the service', async () => {
  const service = await startService(directory);
  await write(service.told.url!, 6);
  const pid = serverPid(directory);
  process.kill(-service.process.pid!, 'SIGINT');
  const [told] = (await once(service.process, 'message')) as [Message];
  expect(told).toEqual({ drained: true });
  expect(isAlive(pid)).toBe(false);

  const database = await start(directory);
  expect(await kept(database.url)).toContain(99);
  await database.stop();
});

test('an interrupted creation is started afresh', async () => {
  const half = path.join(base, 'half');
  for (const pid of [999_999_999, process.pid]) {
    fs.mkdirSync(path.join(half, `unfinished-${pid}/data/base`), { recursive: true });
  }
  const database = await start(half);
  await database.stop();
  expect(fs.readdirSync(half)).toEqual(['postgres']);
});
