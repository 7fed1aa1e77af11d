import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createClient, type HyperFleetClient, ok, type WatchSelection } from '../../src/client';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport, uniqueName } from '../support/factories';
import { ADA, type GuardedApp, startGuardedApp } from '../support/guarded-app';
import { TcpProxy } from '../support/tcp-proxy';
import { Watching } from '../support/watching';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const CLUSTER = `${CLUSTERS}/{cluster_id}` as const;
const POOLS = `${CLUSTER}/nodepools` as const;

jest.setTimeout(60_000);

let app: TestApp;
let client: HyperFleetClient;
let stop: AbortController;

beforeAll(async () => {
  app = await startTestApp();
  client = createClient({ baseUrl: app.url });
});
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  jest.restoreAllMocks();
});
afterAll(() => app.stop());

const create = async (name: string, mark: string, spec: object = {}) => {
  const body = newCluster({ name, labels: { mark }, spec: { ...spec } });
  const { data } = await ok(client.POST(CLUSTERS, { body }));
  return { params: { path: { cluster_id: data.id! } } };
};

const remove = async ({ params }: Awaited<ReturnType<typeof create>>) => {
  await ok(client.DELETE(CLUSTER, { params }));
  await ok(client.POST(`${CLUSTER}/force-delete`, { params, body: { reason: 'test' } }));
};

const watchClusters = (options: WatchSelection, by = client) =>
  new Watching(by.watch(CLUSTERS, { signal: stop.signal, ...options }));

describe('a watch of the client', () => {
  it('yields what matches, then what changes, leaves and is removed', async () => {
    const mark = uniqueName('story');
    const oslo = await create('oslo', mark, { nodes: 3 });
    const lima = await create('lima', mark, { nodes: 3 });
    await create('elsewhere', 'other', { nodes: 3 });
    const watching = watchClusters({ search: `labels.mark='${mark}' and spec.nodes >= 3` });
    const first = await watching.until(/synced/);
    expect(first.sort()).toEqual(['synced', 'updated lima 1', 'updated oslo 1']);

    const change = (one: typeof oslo, nodes: number) =>
      ok(client.PATCH(CLUSTER, { ...one, body: { spec: { nodes } } }));
    await change(oslo, 5);
    expect(await watching.until(/oslo/)).toContain('updated oslo 2');
    await change(oslo, 1);
    expect(await watching.until(/oslo/)).toContain('left oslo');
    await change(oslo, 4);
    expect(await watching.until(/oslo/)).toContain('updated oslo 4');
    await remove(lima);
    expect(await watching.until(/removed/)).toContain('removed lima');
  });

  it('has the types of the list, and watches the list below a resource', async () => {
    const { params } = await create(uniqueName('parent'), 'parent');
    await ok(client.POST(POOLS, { params, body: newNodePool({ name: 'workers' }) }));
    for await (const event of client.watch(POOLS, { ...params, signal: stop.signal })) {
      if (event.type !== 'updated') throw new Error(`There is a node pool, and not ${event.type}`);
      const owner: string | undefined = event.resource.owner_references.id;
      expect(owner).toBe(params.path.cluster_id);
      break;
    }
    // @ts-expect-error reports cannot be watched, nor read without the id of their cluster
    expect(() => client.watch(`${CLUSTER}/statuses`)).not.toThrow();
  });

  it('does not tell what left a search that it never matched', async () => {
    const mark = uniqueName('quiet');
    const quiet = await create('quiet', mark);
    const watching = watchClusters({
      search: `labels.mark='${mark}' and status.conditions.Ready='True'`,
    });
    expect(await watching.until(/synced/)).toEqual(['synced']);
    await ok(client.POST(`${CLUSTER}/statuses`, { ...quiet, body: newReport('dns') }));
    await ok(client.POST(`${CLUSTER}/statuses`, { ...quiet, body: newReport('validation') }));
    const lines = await watching.until(/updated/);
    expect(lines.filter((line) => line !== 'synced')).toEqual(['updated quiet 1']);
  });

  it('throws what the next attempt would not change', async () => {
    const refused = (search: string) => watchClusters({ search }).until(/synced/);
    await expect(refused('name ==== 1')).rejects.toMatchObject({ code: 'HYPERFLEET-VAL-005' });
    const path = { cluster_id: '201kf0hj0808sjpk9ga01xy0xj2' };
    const orphan = new Watching(client.watch(POOLS, { path }));
    await expect(orphan.until(/synced/)).rejects.toMatchObject({ status: 404 });
  });

  it('throws the reason of the signal, also while it waits for the next attempt', async () => {
    const reason = new Error('enough');
    const watching = watchClusters({ search: "name='nobody'" });
    await watching.until(/synced/);
    const open = watching.until(/updated/);
    stop.abort(reason);
    await expect(open).rejects.toBe(reason);

    const lost = new AbortController();
    const nobody = createClient({ baseUrl: 'http://127.0.0.1:1' });
    const onReconnect = () => setImmediate(() => lost.abort(reason));
    const waiting = watchClusters({ signal: lost.signal, onReconnect }, nobody);
    await expect(waiting.until(/synced/)).rejects.toBe(reason);
  });

  it('ends and closes its connection however long it has been open', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const proxy = await TcpProxy.start(app.url);
    try {
      const far = createClient({ baseUrl: proxy.url });
      const watching = watchClusters({ search: "name='nobody'" }, far);
      await watching.until(/synced/);
      const open = watching.until(/updated/);
      for (let round = 0; round < 5; round++) {
        collectGarbage();
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      stop.abort();
      await expect(open).rejects.toMatchObject({ name: 'AbortError' });
      while (proxy.closed === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    } finally {
      proxy.cut();
    }
  });

  it('reads on only when it is asked for the next event', async () => {
    const mark = uniqueName('large');
    const spec = { text: 'x'.repeat(200_000) };
    for (let index = 0; index < 200; index++) await create(`large-${index}`, mark, spec);
    const proxy = await TcpProxy.start(app.url);
    try {
      const far = createClient({ baseUrl: proxy.url });
      const watching = watchClusters({ search: `labels.mark='${mark}'` }, far);
      await watching.until(/updated/);
      let before = -1;
      while (proxy.passed > before) {
        before = proxy.passed;
        await new Promise((resolve) => setTimeout(resolve, 1000));
      }
      // What fits into the buffers of a few sockets.
      expect(proxy.passed).toBeLessThan(20_000_000);
      expect(await watching.until(/synced/)).toHaveLength(200);
      expect(proxy.connections).toBe(1);
    } finally {
      proxy.cut();
    }
  });

  it('gives up a connection that has been silent for 45 seconds', async () => {
    const mark = uniqueName('silent');
    const proxy = await TcpProxy.start(app.url);
    // The sockets are real; only the wait is shortened.
    const { setTimeout: real } = globalThis;
    let patient = true;
    jest
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation((run: () => void, ms?: number) =>
        real(run, ms === 45_000 && !patient ? 500 : ms),
      );
    try {
      const far = createClient({ baseUrl: proxy.url });
      const reasons: (string | undefined)[] = [];
      const onReconnect = (reason?: Error) => reasons.push(reason?.message);
      const watching = watchClusters({ search: `labels.mark='${mark}'`, onReconnect }, far);
      await watching.until(/synced/);
      proxy.silence();
      patient = false;
      await create('late', mark);
      const waiting = watching.until(/synced/);
      await new Promise((resolve) => real(resolve, 800));
      patient = true;
      expect(await waiting).toContain('updated late 1');
      expect(reasons).toEqual(['Nothing has come for 45 seconds']);
      expect(proxy.connections).toBe(2);
    } finally {
      proxy.cut();
    }
  });
});

describe('the token of a watch', () => {
  let guarded: GuardedApp;
  let proxy: TcpProxy;
  beforeAll(async () => {
    guarded = await startGuardedApp();
    proxy = await TcpProxy.start(guarded.url);
  });
  afterAll(async () => {
    proxy.cut();
    await guarded.stop();
  });

  const GOOD = ADA.replace('Bearer ', '');
  const withTokens = (...tokens: string[]) => {
    const asked: string[] = [];
    const token = () => {
      asked.push(tokens[asked.length] ?? 'none-left');
      return asked.at(-1)!;
    };
    return { asked, watching: watchClusters({}, createClient({ baseUrl: proxy.url, token })) };
  };
  const lose = async () => {
    proxy.cut();
    await proxy.restore();
  };

  it('is asked for before every connection; after a 401 once more', async () => {
    const { asked, watching } = withTokens(GOOD, 'expired', GOOD);
    await watching.until(/synced/);
    await lose();
    await watching.until(/synced/);
    expect(asked).toEqual([GOOD, 'expired', GOOD]);
  });

  it('that is refused twice ends the watch', async () => {
    const { asked, watching } = withTokens(GOOD, 'expired', 'expired-too', GOOD);
    await watching.until(/synced/);
    await lose();
    await expect(watching.until(/synced/)).rejects.toMatchObject({ status: 401 });
    expect(asked).toEqual([GOOD, 'expired', 'expired-too']);
  });

  it('that is refused at first ends the watch at once', async () => {
    const { asked, watching } = withTokens('wrong', GOOD);
    await expect(watching.until(/synced/)).rejects.toMatchObject({ status: 401 });
    expect(asked).toEqual(['wrong']);
  });
});
