import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type HyperFleetClient, ok } from '../../src/client';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';
import { freePort, OwnPostgres } from '../support/own-postgres';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';
import { TcpProxy } from '../support/tcp-proxy';
import { Watching } from '../support/watching';

/* What a watch of the client tells after the service, or its database, has been away. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const CLUSTER = `${CLUSTERS}/{cluster_id}` as const;

jest.setTimeout(120_000);

let directory: string;
let stop: AbortController;
let reasons: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-resume-'));
  stop = new AbortController();
  reasons = [];
});
afterEach(async () => {
  stop.abort();
  await stopServices();
  rmSync(directory, { recursive: true, force: true });
});

const serve = (env: Record<string, string>) =>
  startService(['serve'], { ...FREE_PORTS, ...env }, directory);

const create = async (client: HyperFleetClient, name: string) => {
  const { data } = await ok(client.POST(CLUSTERS, { body: newCluster({ name }) }));
  return { params: { path: { cluster_id: data.id! } } };
};

const remove = async (client: HyperFleetClient, one: Awaited<ReturnType<typeof create>>) => {
  await ok(client.DELETE(CLUSTER, one));
  await ok(client.POST(`${CLUSTER}/force-delete`, { ...one, body: { reason: 'test' } }));
};

const watchAt = (baseUrl: string, search?: string) => {
  const onReconnect = (reason?: Error) => reasons.push(reason?.message ?? 'ended');
  const watched = createClient({ baseUrl }).watch(CLUSTERS, {
    ...{ search, onReconnect, signal: stop.signal },
  });
  return new Watching(watched);
};

describe('a service that comes back', () => {
  let other: TestApp;
  let writer: HyperFleetClient;
  beforeAll(async () => {
    other = await startTestApp();
    writer = createClient({ baseUrl: other.url });
  });
  afterAll(() => other.stop());

  it.each([
    ['is killed', 'SIGKILL', /other side closed|terminated|ECONNRESET/],
    ['is stopped', 'SIGTERM', /^ended$/],
  ] as const)('sends only what has changed since it %s', async (_how, signal, reason) => {
    const env = { DATABASE_URL: other.database.url, API_PORT: String(await freePort()) };
    const service = serve(env);
    const { api } = await service.ready();
    const prefix = signal.toLowerCase();
    const [oslo, lima] = [
      await create(writer, `${prefix}-oslo`),
      await create(writer, `${prefix}-lima`),
    ];
    await create(writer, `${prefix}-accra`);

    const watching = watchAt(new URL(api).origin, `name like '${prefix}-%'`);
    expect(await watching.until(/synced/)).toHaveLength(4);
    const gone = watching.until(/removed/);
    await service.end(signal);
    await ok(writer.PATCH(CLUSTER, { ...oslo, body: { spec: { nodes: 7 } } }));
    await remove(writer, lima);
    await serve(env).ready();
    const lines = [...(await gone), ...(await watching.until(/synced/))];
    expect(lines.filter((line) => line !== 'synced').sort()).toEqual([
      `removed ${prefix}-lima`,
      `updated ${prefix}-oslo 2`,
    ]);
    expect(reasons[0]).toMatch(reason);
  });
});

describe('a database that comes back', () => {
  let postgres: OwnPostgres;
  beforeAll(async () => {
    postgres = await OwnPostgres.create();
    await postgres.start();
  });
  afterAll(() => postgres.destroy());

  it('makes the watch start anew, and it tells what is gone', async () => {
    const service = serve({ DATABASE_URL: await postgres.createDatabase('fleet') });
    const { api } = await service.ready();
    const { origin } = new URL(api);
    const writer = createClient({ baseUrl: origin });
    const proxy = await TcpProxy.start(origin);
    try {
      const [oslo, lima] = [await create(writer, 'oslo'), await create(writer, 'lima')];
      const all = watchAt(proxy.url);
      const some = watchAt(proxy.url, 'spec.nodes < 10');
      for (const watching of [all, some]) expect(await watching.until(/synced/)).toHaveLength(3);

      // Nobody sees what happens now.
      const seen = [all.until(/synced/), some.until(/synced/)];
      proxy.cut();
      await remove(writer, lima);
      await ok(writer.PATCH(CLUSTER, { ...oslo, body: { spec: { nodes: 20 } } }));
      await create(writer, 'accra');
      await postgres.stop();
      await postgres.start();
      await proxy.restore();

      const [ofAll, ofSome] = await Promise.all(seen);
      // In any order, but what is gone is known last.
      expect(ofAll!.splice(0, 2).sort()).toEqual(['updated accra 1', 'updated oslo 2']);
      expect(ofAll).toEqual(['removed lima', 'synced']);
      expect(ofSome!.shift()).toBe('updated accra 1');
      expect(ofSome!.sort()).toEqual(['left lima', 'left oslo', 'synced']);
      expect(reasons.filter((each) => each.startsWith('HYPERFLEET-GON-001'))).toHaveLength(2);
    } finally {
      proxy.cut();
    }
  });
});
