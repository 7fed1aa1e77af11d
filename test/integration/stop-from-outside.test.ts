import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';

/* The service ends with what started it, and before a container tool loses patience. */

const ROOT = join(__dirname, '..', '..');
/** What `podman stop` and `docker stop` wait before they kill. */
const PATIENCE_MS = 10_000;

jest.setTimeout(60_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(stopServices);
afterAll(() => database.drop());

const statusOf = (url: string) =>
  new Promise<number>((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!));
      response.on('error', reject);
    }).on('error', reject);
  });

const MAKE = 'make --silent -o node_modules/.installed';
const AUTH = { AUTH_JWKS_FILE: join('test', 'support', 'no-keys.json'), AUTH_JWKS_URL: '' };

describe.each([
  ['make run-no-auth', `${MAKE} run-no-auth`, {}],
  ['make run', `${MAKE} run`, AUTH],
  ['npm start', 'npm start --silent', {}],
] as [string, string, Record<string, string>][])('`%s`', (_, command, env) => {
  const [program, ...args] = command.split(' ') as [string, ...string[]];
  const installed = spawnSync(program, ['--version']).status === 0;
  let child: ChildProcess;
  // Whatever is left of its process group.
  afterEach(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Nothing is.
    }
  });

  (installed ? it : it.skip)('takes the service with it when it is ended', async () => {
    child = spawn(program, args, {
      cwd: ROOT,
      detached: true,
      env: {
        ...process.env,
        ...FREE_PORTS,
        ...env,
        DATABASE_URL: database.url,
        LOG_FORMAT: 'json',
        // The build before the start is not repeated here.
        npm_config_ignore_scripts: 'true',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    let health: string | undefined;
    while (health === undefined) {
      if (child.exitCode !== null) throw new Error(output);
      health = /"health":"([^"]+)"/.exec(output)?.[1];
      await sleep(20);
    }
    expect(await statusOf(health)).toBe(200);
    // The output ends when no process is left that could write to it.
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    const left = sleep(8000, 'still running', { ref: false });
    expect(await Promise.race([closed, left])).not.toBe('still running');
    expect(output).toContain('"message":"stopped"');
    await expect(statusOf(health)).rejects.toThrow('ECONNREFUSED');
  });
});

it('stops within the patience of container tools although clients never stop', async () => {
  const service = startService(['serve'], { ...FREE_PORTS, DATABASE_URL: database.url }, ROOT);
  const { api } = await service.ready();
  let gone = false;
  const client = async () => {
    while (!gone) {
      const status = await statusOf(`${api}clusters`).catch(() => 0);
      // Every request that got in is served to its end.
      expect([0, 200]).toContain(status);
      if (status === 0) await sleep(50);
    }
  };
  const clients = [client(), client(), client(), client()];
  await sleep(300);
  const told = Date.now();
  const ended = await service.end('SIGTERM');
  const took = Date.now() - told;
  gone = true;
  await Promise.all(clients);
  expect(ended).toMatchObject({ code: 0, signal: null });
  expect(took).toBeGreaterThan(5000);
  expect(took).toBeLessThan(PATIENCE_MS - 500);
});
