import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ApiError, createClient, type HyperFleetClient, ok } from '../../src/client';
import { packageRoot } from '../../src/config/package-root';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport, uniqueName } from '../support/factories';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const POOLS = '/api/hyperfleet/v1/clusters/{cluster_id}/nodepools';
const STATUSES = '/api/hyperfleet/v1/clusters/{cluster_id}/statuses';

let app: TestApp;
let client: HyperFleetClient;

beforeAll(async () => {
  app = await startTestApp();
  client = createClient({ baseUrl: app.url });
});

afterAll(() => app.stop());

const createCluster = async (overrides = {}) => {
  const { data } = await ok(client.POST(CLUSTERS, { body: newCluster(overrides) }));
  return { ...data, id: data.id! };
};

const collect = async <Item>(items: AsyncIterable<Item>): Promise<Item[]> => {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe('the client', () => {
  it('creates, reads and changes a cluster with the types of the contract', async () => {
    const { id } = await createCluster({ spec: { nodes: 3 } });
    const params = { path: { cluster_id: id } };
    const changed = await ok(
      client.PATCH(`${CLUSTERS}/{cluster_id}`, { params, body: { spec: { nodes: 5 } } }),
    );
    const generation: number = changed.data.generation;
    expect(generation).toBe(2);
    const { data } = await ok(client.GET(`${CLUSTERS}/{cluster_id}`, { params }));
    expect(data.spec).toEqual({ nodes: 5 });
  });

  it('throws a problem with its code, its status and the fields at fault', async () => {
    const refused = ok(client.POST(CLUSTERS, { body: { name: 'NOT VALID', spec: {} } }));
    await expect(refused).rejects.toBeInstanceOf(ApiError);
    await expect(refused).rejects.toMatchObject({
      status: 400,
      code: 'HYPERFLEET-VAL-000',
      problem: { errors: [{ field: 'name' }] },
    });
  });

  it('throws what is not a problem too, with the status alone', async () => {
    const broken = createClient({
      baseUrl: app.url,
      fetch: () => Promise.resolve(new Response('<h1>Bad Gateway</h1>', { status: 502 })),
    });
    const error: unknown = await ok(broken.GET(CLUSTERS)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 502, message: 'HTTP 502' });
    expect((error as ApiError).code).toBeUndefined();
  });

  it('tells a stored report from a discarded one', async () => {
    const { id } = await createCluster();
    const params = { path: { cluster_id: id } };
    const report = (second: number) => {
      const observed = `2026-01-15T10:00:0${second}Z`;
      return ok(client.POST(STATUSES, { params, body: newReport('dns', 1, {}, observed) }));
    };
    expect((await report(2)).response.status).toBe(201);
    const late = await report(1);
    expect(late.response.status).toBe(204);
    expect(late.response.headers.get('HyperFleet-Report-Discarded')).toBe('stale_time');
  });

  it('sends the token it is given, and asks for a new one before every request', async () => {
    const sent: (string | null)[] = [];
    let serial = 0;
    const authorized = createClient({
      baseUrl: app.url,
      token: () => Promise.resolve(`token-${++serial}`),
      fetch: (request) => {
        sent.push(request.headers.get('Authorization'));
        return fetch(request);
      },
    });
    await ok(authorized.GET(CLUSTERS));
    await ok(authorized.GET(CLUSTERS));
    expect(sent).toEqual(['Bearer token-1', 'Bearer token-2']);
  });
});

describe('walking a list', () => {
  it('yields every match once, over as many pages as it takes', async () => {
    const mark = uniqueName('walk');
    const created: string[] = [];
    for (let index = 0; index < 7; index++) {
      const cluster = await createCluster({ labels: { mark, half: String(index % 2) } });
      created.push(cluster.id);
    }
    const walk = (search: string, pageSize: number) =>
      collect(client.each(CLUSTERS, { search, pageSize }));
    for (const pageSize of [1, 3, 7, 100]) {
      const clusters = await walk(`labels.mark = '${mark}'`, pageSize);
      expect(clusters.map(({ id }) => id)).toEqual(created);
    }
    // The search is one operand of the condition that finds the next page, whatever is in it.
    const either = await walk(`labels.half = '0' or labels.half = '1'`, 2);
    expect(either.map(({ id }) => id)).toEqual(created);
  });

  it('neither repeats nor skips when clusters come and go between two pages', async () => {
    const mark = uniqueName('busy');
    const labels = { mark };
    const before = [];
    for (let index = 0; index < 4; index++) before.push((await createCluster({ labels })).id);
    const seen: string[] = [];
    for await (const { id } of client.each(CLUSTERS, {
      search: `labels.mark='${mark}'`,
      pageSize: 2,
    })) {
      seen.push(id!);
      if (seen.length !== 2) continue;
      const params = { path: { cluster_id: before[0]! } };
      await ok(client.DELETE(`${CLUSTERS}/{cluster_id}`, { params }));
      await ok(
        client.POST(`${CLUSTERS}/{cluster_id}/force-delete`, { params, body: { reason: 'test' } }),
      );
      before.push((await createCluster({ labels })).id);
    }
    expect(seen).toEqual(before);
  });

  it('stays below the resource it is given', async () => {
    const [one, other] = [await createCluster(), await createCluster()];
    for (const { id } of [one, one, other]) {
      const params = { path: { cluster_id: id } };
      await ok(client.POST(POOLS, { params, body: newNodePool() }));
    }
    const pools = await collect(client.each(POOLS, { path: { cluster_id: one.id }, pageSize: 1 }));
    expect(pools.map((pool) => pool.owner_references.id)).toEqual([one.id, one.id]);
  });

  it('walks the reports about a resource by adapter', async () => {
    const { id } = await createCluster();
    const path = { cluster_id: id };
    for (const adapter of ['validation', 'dns', 'extra']) {
      await ok(client.POST(STATUSES, { params: { path }, body: newReport(adapter) }));
    }
    const reports = await collect(client.each(STATUSES, { path, pageSize: 2 }));
    expect(reports.map(({ adapter }) => adapter)).toEqual(['dns', 'extra', 'validation']);
  });

  it('yields the whole list when the search is blank, as the list does', async () => {
    const path = { cluster_id: (await createCluster()).id };
    await ok(client.POST(POOLS, { params: { path }, body: newNodePool() }));
    for (const search of ['', ' \t\n']) {
      const selection = { path, search, pageSize: 1 };
      expect(await collect(client.each(POOLS, selection))).toHaveLength(1);
    }
  });

  it.each([0, -1])('refuses pages of %d', async (pageSize) => {
    const error = new RangeError('pageSize must be at least 1');
    await expect(collect(client.each(CLUSTERS, { pageSize }))).rejects.toThrow(error);
  });

  it('takes a search of 99 comparisons and 49 levels of parentheses', async () => {
    const mark = uniqueName('long');
    const labels = { mark };
    const created = [(await createCluster({ labels })).id, (await createCluster({ labels })).id];
    const comparisons = Array.from({ length: 99 }, () => `labels.mark='${mark}'`).join(' or ');
    const search = `${'('.repeat(49)}${comparisons}${')'.repeat(49)}`;
    const clusters = await collect(client.each(CLUSTERS, { search, pageSize: 1 }));
    expect(clusters.map(({ id }) => id)).toEqual(created);
  });

  it('fails with the problem when the search is not understood', async () => {
    await expect(collect(client.each(CLUSTERS, { search: 'name ==== 1' }))).rejects.toMatchObject({
      code: 'HYPERFLEET-VAL-005',
    });
  });
});

describe('the package', () => {
  const run = promisify(execFile);
  const options = { cwd: '', env: { ...process.env, NODE_OPTIONS: '' } };
  let consumer: string;

  // A project of somebody else: it has the packed package, and shares only what that depends on.
  beforeAll(async () => {
    if (!existsSync(join(packageRoot, 'dist', 'src', 'client.js'))) {
      throw new Error('There is no build to pack: run `npm run build` first.');
    }
    const cache = join(packageRoot, 'node_modules', '.cache');
    mkdirSync(cache, { recursive: true });
    consumer = mkdtempSync(join(cache, 'consumer-'));
    options.cwd = consumer;
    const installed = join(consumer, 'node_modules', 'hyperfleet-api');
    mkdirSync(installed, { recursive: true });
    const { stdout } = await run(
      'npm',
      ['pack', '--ignore-scripts', '--silent', '--pack-destination', consumer],
      { ...options, cwd: packageRoot },
    );
    const archive = join(consumer, stdout.trim().split('\n').at(-1)!);
    await run('tar', ['-xzf', archive, '-C', installed, '--strip-components', '1'], options);
    copyFileSync(join(packageRoot, 'examples', 'fleet-report.ts'), join(consumer, 'example.ts'));
    writeFileSync(join(consumer, 'package.json'), '{"type":"commonjs"}');
  }, 60_000);

  afterAll(() => rmSync(consumer, { recursive: true, force: true }));

  it('gives the example its types, and the compiled example runs against the service', async () => {
    const tsc = join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    const compiler = ['--strict', '--module', 'node20', '--types', 'node', '--outDir', 'out'];
    await run(process.execPath, [tsc, ...compiler, 'example.ts'], options);
    const { stdout } = await run(process.execPath, ['out/example.js', app.url], options);
    expect(stdout.trim().split('\n')).toEqual([
      'created example-cluster at generation 1',
      'example-cluster is not ready: AwaitingAdapters',
      '1 not ready',
      'the name is taken (409)',
      'marked for deletion',
    ]);
  }, 120_000);

  it('can be imported as an ES module, and has the contract with it', async () => {
    const script = `
      import { ApiError, createClient, ok } from 'hyperfleet-api/client';
      import { createRequire } from 'node:module';
      const contract = createRequire(import.meta.url)('hyperfleet-api/openapi.json');
      console.log(typeof createClient, typeof ok, typeof ApiError, contract.openapi);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], options);
    expect(stdout.trim()).toBe('function function function 3.0.3');
  });
});
