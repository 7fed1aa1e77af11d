import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import request from 'supertest';
import { liveScreen } from '../../scripts/demo/screen';
import { packageRoot } from '../../src/config/package-root';
import { startTestApp, type TestApp } from '../support/app';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
// What the test app requires; the demo reads the same variables.
const ADAPTERS = {
  HYPERFLEET_CLUSTER_ADAPTERS: 'validation,dns',
  HYPERFLEET_NODEPOOL_ADAPTERS: 'validation',
};

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

function startDemo(args: string[], env: Record<string, string> = {}) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', join(packageRoot, 'scripts', 'demo', 'main.ts'), ...args],
    { cwd: packageRoot, env: { ...process.env, ...ADAPTERS, NODE_OPTIONS: '', ...env } },
  );
  const demo = { child, output: '', ended: once(child, 'close') };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (demo.output += text));
  }
  return demo;
}

describe('the demo', () => {
  it('tells its whole story in plain lines when nobody watches', async () => {
    const demo = startDemo(['--url', app.url, '--clusters', '3', '--speed', '50']);
    expect(await demo.ended).toEqual([0, null]);
    const lines = demo.output.trim().split('\n');
    // No control characters in a file or a pipe.
    expect(demo.output).not.toContain('\u001b');
    const story = [
      '3 clusters are created',
      'The adapters build them; one fails',
      /lima-\w+: DnsSuccessful False \(QuotaExceeded\)/,
      'The quota is raised and the adapter recovers',
      /lima-\w+: Ready False → True/,
      'Version 4.19.3 is rolled out, wave 1 of 3',
      /oslo-\w+: Ready True → False/,
      /oslo-\w+: Ready False → True/,
      'One cluster is deleted',
      /accra-\w+\/workers: gone/,
      /accra-\w+: gone/,
      'The fleet stays in the service.',
    ];
    let from = 0;
    for (const part of story) {
      const found = lines.findIndex(
        (line, index) =>
          index >= from && (typeof part === 'string' ? line.includes(part) : part.test(line)),
      );
      expect({ part, found: found >= 0 }).toEqual({ part, found: true });
      from = found + 1;
    }
    // An update never takes away what was available.
    expect(demo.output).not.toMatch(/: Available True → False/);

    const search = /search=([^"]+)"/.exec(demo.output)![1]!;
    const { body } = await request(app.url).get(CLUSTERS).query({ search }).expect(200);
    expect(body.total).toBe(2);
    for (const cluster of body.items) {
      expect(cluster).toMatchObject({
        generation: 2,
        spec: { version: '4.19.3' },
        status: { conditions: expect.arrayContaining([expect.objectContaining(READY)]) },
      });
    }
  }, 120_000);

  it('ends with channels and versions when these kinds are declared', async () => {
    const env = { HYPERFLEET_KINDS_FILE: join(packageRoot, 'examples', 'kinds.yaml') };
    const declared = await startTestApp({ env });
    try {
      const demo = startDemo(['--url', declared.url, '--clusters', '2', '--speed', '100'], env);
      expect(await demo.ended).toEqual([0, null]);
      const [, end] = demo.output.split('Channels with versions are created');
      expect(end).toMatch(/candidate-\w+ created with 4\.18\.12, 4\.19\.3/);
      expect(end).toMatch(/candidate-\w+\/v4-19-3: Ready (False → )?True \(ResourceReady\)/);
      const { body } = await request(declared.url).get('/api/hyperfleet/v1/versions').expect(200);
      const ready = expect.objectContaining({ type: 'Ready', status: 'True' });
      expect(body.items).toHaveLength(3);
      for (const { status } of body.items) expect(status.conditions).toContainEqual(ready);
    } finally {
      await declared.stop();
    }
  }, 120_000);

  it('stops at once and without an error when it is interrupted', async () => {
    const demo = startDemo(['--url', app.url, '--clusters', '3', '--speed', '0.01']);
    while (!demo.output.includes('will exceed a quota')) await once(demo.child.stdout, 'data');
    const before = Date.now();
    demo.child.kill('SIGINT');
    expect(await demo.ended).toEqual([0, null]);
    expect(Date.now() - before).toBeLessThan(5000);
    expect(demo.output).toContain('Stopped.');
  }, 60_000);

  it.each([
    [1, ['--url', 'http://127.0.0.1:9'], 'Start it with: make run-no-auth'],
    [2, ['--clusters', 'many'], '--clusters must be a whole number'],
    [2, ['--sped', '3'], 'Usage: npm run demo'],
  ])(
    'ends with %i for %j',
    async (code, args, message) => {
      const demo = startDemo(args);
      expect(await demo.ended).toEqual([code, null]);
      expect(demo.output).toContain(message);
      expect(demo.output).not.toMatch(/\n\s+at /);
    },
    60_000,
  );
});

const READY = { type: 'Ready', status: 'True', observed_generation: 2 };

describe('the live view of the demo', () => {
  const fleet = (count: number, ready: (index: number) => boolean) => ({
    clusters: Array.from({ length: count }, (_, index) => ({
      id: `id-${index}`,
      name: `cluster-${index}`,
      generation: 1,
      spec: { region: 'eu-west-1', version: '4.18.12' },
      status: {
        conditions: [
          { type: 'Ready', status: ready(index) ? 'True' : 'False', observed_generation: 1 },
          { type: 'DnsSuccessful', status: ready(index) ? 'True' : 'False', reason: 'Broken' },
        ],
      },
    })),
    ...{ nodePools: [], channels: [], versions: [] },
  });

  it('fits the terminal, shows first what needs attention, and gives the cursor back', () => {
    let written = '';
    const screen = liveScreen({ rows: 24, write: (text) => (written += text) });
    screen.act('The title');
    screen.show(fleet(40, (index) => index !== 39) as never);
    screen.event('Something happens');
    screen.show(fleet(40, (index) => index !== 39) as never);
    const frame = written.slice(written.lastIndexOf('\u001b[H'));
    expect(frame.split('\n').length).toBeLessThanOrEqual(24);
    const text = stripVTControlCharacters(frame);
    const rows = text.split('\n');
    expect(rows[0]).toBe('The title');
    expect(rows[1]).toContain('39 of 40 ready');
    expect(rows[4]).toMatch(/^cluster-39 +eu-west-1 +4\.18\.12 +1 Failing +0\/0 +✗ Dns$/);
    expect(text).toMatch(/… and 31 more/);
    expect(text).toContain('Something happens');
    screen.close();
    expect(written.endsWith('\u001b[?7h\u001b[?25h')).toBe(true);
  });
});
