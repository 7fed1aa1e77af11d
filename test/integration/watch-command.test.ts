import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type HyperFleetClient, ok } from '../../src/client';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, uniqueName } from '../support/factories';
import { ADA, type GuardedApp, startGuardedApp } from '../support/guarded-app';
import { PROGRAM, runService } from '../support/service-process';
import { TcpProxy } from '../support/tcp-proxy';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const CLUSTER = `${CLUSTERS}/{cluster_id}` as const;

/** The configuration of a service, which is none of this command's business, may be wrong. */
const ENV = { DATABASE_URL: 'nonsense', API_PORT: 'nonsense' };

jest.setTimeout(60_000);

let app: TestApp;
let client: HyperFleetClient;
let directory: string;
const started: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-watch-'));
  app = await startTestApp();
  client = createClient({ baseUrl: app.url });
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await app.stop();
  rmSync(directory, { recursive: true });
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [PROGRAM, 'watch', ...args], {
    env: { ...ENV, PATH: process.env.PATH },
  });
  started.push(child);
  const command = { child, stdout: '', stderr: '', until, ended: once(child, 'close') };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (command[name] += text));
  }
  async function until(name: 'stdout' | 'stderr', wanted: RegExp): Promise<string> {
    while (!wanted.test(command[name])) {
      if (child.exitCode !== null) throw new Error(command.stdout + command.stderr);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return command[name];
  }

  return command;
}

const create = async (name: string) => {
  const { data } = await ok(client.POST(CLUSTERS, { body: newCluster({ name }) }));
  return { id: data.id!, params: { path: { cluster_id: data.id! } } };
};

it('prints what there is and every change, one line each, until it is interrupted', async () => {
  const name = uniqueName('table');
  const { id, params } = await create(name);
  const command = start('clusters', '--url', app.url, '--search', `name='${name}'`);
  await command.until('stdout', /updated/);
  await ok(client.PATCH(CLUSTER, { params, body: { spec: { nodes: 9 } } }));
  await command.until('stdout', / 2 /);
  await ok(client.DELETE(CLUSTER, { params }));
  await ok(client.POST(`${CLUSTER}/force-delete`, { params, body: { reason: 'test' } }));
  await command.until('stdout', /removed/);
  command.child.kill('SIGINT');
  expect(await command.ended).toEqual([130, null]);

  const [heading, ...lines] = command.stdout.trimEnd().split('\n');
  const cells = (line?: string) => line!.split(/ +/);
  expect(cells(heading)).toEqual('TIME EVENT KIND NAME ID GEN PHASE READY'.split(' '));
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} /);
  expect(cells(lines[0]).slice(1)).toEqual([
    ...['updated', 'Cluster', name, id, '1', 'NotReady', 'False'],
  ]);
  expect(cells(lines[1]).slice(1, 6)).toEqual(['updated', 'Cluster', name, id, '2']);
  expect(cells(lines.at(-1)).slice(1)).toEqual(['removed', 'Cluster', name, id]);
  expect(command.stderr).toBe('');
});

it('prints events as JSON, of the list below a resource and of all kinds', async () => {
  const { id, params } = await create(uniqueName('json'));
  const { data: pool } = await ok(
    client.POST(`${CLUSTER}/nodepools`, { params, body: newNodePool() }),
  );
  const kinds = ['--search', `owner_id='${id}'`];
  for (const args of [[`clusters/${id}/nodepools`], ['resources', ...kinds]]) {
    const command = start(...args, '--json', '--url', app.url);
    const lines = (await command.until('stdout', /synced/)).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      { type: 'updated', resource: pool },
      { type: 'synced' },
    ]);
  }
});

it('says on the standard error that it reconnects', async () => {
  const name = uniqueName('again');
  const proxy = await TcpProxy.start(app.url);
  try {
    proxy.cut();
    const command = start('clusters', '--url', proxy.url, '--search', `name='${name}'`);
    const said = await command.until('stderr', /\n/);
    expect(said).toMatch(/^Reconnecting to http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*\n$/);
    await proxy.restore();
    await create(name);
    await command.until('stdout', /updated/);
  } finally {
    proxy.cut();
  }
});

it('ends quietly when the reader of its output has enough', async () => {
  const name = uniqueName('head');
  const { params } = await create(name);
  const command = start('clusters', '--url', app.url, '--search', `name='${name}'`);
  await command.until('stdout', /updated/);
  command.child.stdout.destroy();
  await ok(client.PATCH(CLUSTER, { params, body: { spec: { nodes: 9 } } }));
  expect(await command.ended).toEqual([0, null]);
  expect(command.stderr).toBe('');
});

const run = (...args: string[]) => runService(['watch', ...args], ENV, directory);

it('explains itself', async () => {
  const { code, stdout } = await run('--help');
  expect({ code, stdout }).toMatchObject({ code: 0 });
  expect(stdout).toContain('Usage: hyperfleet-api watch <list>');
});

it.each([
  ['without a list', [], /^Name one list/],
  ['with two lists', ['clusters', 'nodepools'], /^Name one list/],
  ['with a resource', ['clusters/201m7y2msd2vq25wars32ymq5c5'], /^Name one list/],
  ['with a query', ['clusters?search=x'], /^Name one list/],
  ['with an unknown option', ['clusters', '--sarch', 'x'], /^Unknown option '--sarch'/],
  ['with another protocol', ['clusters', '--url', 'localhost:8000'], /^--url must be an http/],
  ['with a password', ['clusters', '--url', 'http://ada:secret@[::1]'], /^--url must be an http/],
])('%s, it prints its usage', async (_what, args, message) => {
  const ended = await run(...args);
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toMatch(message);
  expect(ended.stderr).toContain('Usage: hyperfleet-api watch');
  expect(ended.stderr).not.toContain('secret');
});

it.each([
  ['an unknown list', ['clsters'], /^http:\S+\/v1\/clsters: HYPERFLEET-NTF-000: .*\n$/],
  [
    'a wrong search',
    ['clusters', '--search', 'name ==== 1'],
    /^http:\S+\/v1\/clusters: HYPERFLEET-VAL-005: .*\n$/,
  ],
  ['no token file', ['clusters', '--token-file', '/none'], /^--token-file cannot be read: .*\n$/],
])('with %s, it fails at once', async (_what, args, message) => {
  const ended = await run(...args, '--url', app.url);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toMatch(message);
});

it('refuses a token that no header can have, and does not show it', async () => {
  const file = join(directory, 'two-lines');
  writeFileSync(file, 'first\nsecond\n');
  const ended = await run('clusters', '--url', app.url, '--token-file', file);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toMatch(/^The token must consist of visible ASCII .*\n$/);
});

describe('the token file', () => {
  let guarded: GuardedApp;
  beforeAll(async () => {
    guarded = await startGuardedApp();
  });
  afterAll(() => guarded.stop());

  it('is read again for every connection', async () => {
    const file = join(directory, 'token');
    const proxy = await TcpProxy.start(guarded.url);
    try {
      writeFileSync(file, `${ADA.replace('Bearer ', '')}\n`);
      const command = start('clusters', '--url', proxy.url, '--token-file', file);
      await command.until('stdout', /TIME/);
      writeFileSync(file, 'expired\n');
      proxy.cut();
      await proxy.restore();
      await command.until('stderr', /AUT-/);
      expect(await command.ended).toEqual([1, null]);
    } finally {
      proxy.cut();
    }
  });
});
