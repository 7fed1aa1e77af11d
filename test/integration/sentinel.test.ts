import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createClient, type HyperFleetClient, ok } from '../../src/client';
import { packageRoot } from '../../src/config/package-root';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newReport } from '../support/factories';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const CLUSTER = `${CLUSTERS}/{cluster_id}` as const;

jest.setTimeout(120_000);
const PATIENCE_MS = 60_000;

let app: TestApp;
let client: HyperFleetClient;
beforeAll(async () => {
  app = await startTestApp();
  client = createClient({ baseUrl: app.url });
});
afterAll(() => app.stop());

const create = async (name: string) => {
  const { data } = await ok(client.POST(CLUSTERS, { body: newCluster({ name }) }));
  return { params: { path: { cluster_id: data.id! } } };
};

const makeReady = async (one: Awaited<ReturnType<typeof create>>) => {
  for (const adapter of ['validation', 'dns']) {
    await ok(client.POST(`${CLUSTER}/statuses`, { ...one, body: newReport(adapter) }));
  }
};

it('the example decides on the cluster that has waited longest, until all are ready', async () => {
  const [oslo, lima, accra] = [await create('oslo'), await create('lima'), await create('accra')];
  const example = join(packageRoot, 'examples', 'sentinel.ts');
  const sentinel = spawn(process.execPath, ['--import', 'tsx', example, app.url], {
    ...{ cwd: packageRoot, env: { ...process.env, NODE_OPTIONS: '' } },
  });
  let output = '';
  for (const stream of [sentinel.stdout, sentinel.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(sentinel, 'close');
  const said = async (text: string) => {
    const deadline = Date.now() + PATIENCE_MS;
    while (!output.includes(`${text}\n`)) {
      if (sentinel.exitCode !== null || Date.now() > deadline) throw new Error(output);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  try {
    await said('next: oslo, generation 1');
    await makeReady(oslo);
    await said('next: lima, generation 1');
    await ok(client.DELETE(CLUSTER, lima));
    await said('next: lima, generation 2');
    await ok(client.POST(`${CLUSTER}/force-delete`, { ...lima, body: { reason: 'test' } }));
    await said('next: accra, generation 1');
    await makeReady(accra);
    await said('all ready');
    sentinel.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    expect(output.trim().split('\n')).toEqual([
      'next: oslo, generation 1',
      'oslo is ready',
      'next: lima, generation 1',
      'next: lima, generation 2',
      'lima is gone',
      'next: accra, generation 1',
      'accra is ready',
      'all ready',
    ]);
  } finally {
    sentinel.kill('SIGKILL');
  }
});
