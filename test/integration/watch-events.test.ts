import { api, MERGE_PATCH } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { type StreamEvent, WatchStream } from '../support/watch-stream';

/* What a client sees of a list that it watches. */

let app: TestApp;
let streams: WatchStream[] = [];

beforeAll(async () => {
  app = await startTestApp({ env: { HYPERFLEET_CLUSTER_ADAPTERS: 'dns,validation' } });
});
afterEach(() => {
  for (const stream of streams) {
    stream.assertSound();
    stream.close();
  }
  streams = [];
});
afterAll(() => app.stop());

async function watch(path: string, query: Record<string, string> = {}): Promise<WatchStream> {
  const stream = await WatchStream.open(app, { path, query });
  expect(stream.status).toBe(200);
  streams.push(stream);
  return stream;
}

async function create(labels: Record<string, string>): Promise<string> {
  const { body } = await api(app).post('/clusters').send(newCluster({ labels })).expect(201);
  return body.id as string;
}

async function patch(id: string, body: object): Promise<void> {
  await api(app).patch(`/clusters/${id}`).type(MERGE_PATCH).send(body).expect(200);
}

async function report(id: string, adapter: string, available: 'True' | 'False', generation = 1) {
  const body = newReport(adapter, generation, { Available: available });
  await api(app).post(`/clusters/${id}/statuses`).send(body).expect(201);
}

/** Events as `updated <id>`, in their order. */
function said(events: readonly StreamEvent[]): string[] {
  return events.map(({ event, data }) => `${event} ${(JSON.parse(data) as { id: string }).id}`);
}

let serial = 0;
/** A label that only one test uses. */
function ownShard(): { shard: string; search: string } {
  const shard = `s${++serial}`;
  return { shard, search: `labels.shard='${shard}'` };
}

describe('the first state', () => {
  it('is everything that matches, byte for byte as GET shows it, and then synced with a cursor', async () => {
    const { shard, search } = ownShard();
    const ids = [await create({ shard }), await create({ shard })];
    await create({ shard: 'other' });
    const stream = await watch('/clusters', { search });
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const events = await stream.untilSynced();
    expect(said(events).sort()).toEqual(ids.map((id) => `updated ${id}`).sort());
    for (const { data, id } of events) {
      expect(id).toBeUndefined();
      const { id: resource } = JSON.parse(data) as { id: string };
      const { text } = await api(app).get(`/clusters/${resource}`);
      expect(data).toBe(text);
    }
    const synced = stream.events.at(-1)!;
    expect(JSON.parse(synced.data)).toEqual({ cursor: synced.id });
    expect(synced.id).toMatch(/^[A-Za-z0-9._~:,-]{1,512}$/);
    expect(stream.retryMs).toBeGreaterThanOrEqual(1000);
    expect(stream.retryMs).toBeLessThanOrEqual(5000);
  });

  it('comes in several steps when the list is long', async () => {
    const { shard, search } = ownShard();
    const ids = await Promise.all(Array.from({ length: 250 }, () => create({ shard })));
    const stream = await watch('/clusters', { search, fields: 'name' });
    const events = await stream.untilSynced();
    expect(said(events).sort()).toEqual(ids.toSorted().map((id) => `updated ${id}`));
    expect(Object.keys(JSON.parse(events[0]!.data) as object).sort()).toEqual(['id', 'name']);
  });

  it('is empty when nothing matches', async () => {
    const stream = await watch('/clusters', { search: "name = 'nobody'" });
    expect(await stream.untilSynced()).toEqual([]);
  });
});

describe('a change', () => {
  it('is an update of what matches, and says left when it matches no longer', async () => {
    const { shard, search } = ownShard();
    const stream = await watch('/clusters', { search });
    await stream.untilSynced();
    const id = await create({ shard });
    expect(said(await stream.untilSynced())).toEqual([`updated ${id}`]);
    await patch(id, { labels: { shard: 'elsewhere' } });
    const [left] = await stream.untilSynced();
    expect(left).toMatchObject({
      event: 'left',
      data: JSON.stringify({ kind: 'Cluster', id, href: `/api/hyperfleet/v1/clusters/${id}` }),
    });
    await patch(id, { labels: { shard } });
    const [back] = await stream.untilSynced();
    expect(back!.data).toBe((await api(app).get(`/clusters/${id}`)).text);
  });

  it('is seen within half a second of the response to the write', async () => {
    const { shard, search } = ownShard();
    const stream = await watch('/clusters', { search });
    await stream.untilSynced();
    await create({ shard });
    const responded = performance.now();
    const [event] = await stream.untilSynced();
    expect(event!.at - responded).toBeLessThan(500);
  });

  it('of a condition moves resources in and out of a search for it', async () => {
    const { shard, search } = ownShard();
    const id = await create({ shard });
    const notReady = await watch('/clusters', {
      search: `${search} and status.conditions.Ready='False'`,
    });
    expect(said(await notReady.untilSynced())).toEqual([`updated ${id}`]);
    await report(id, 'dns', 'True');
    expect(said(await notReady.untilSynced())).toEqual([`updated ${id}`]);
    await report(id, 'validation', 'True');
    expect(said(await notReady.untilSynced())).toEqual([`left ${id}`]);
    await report(id, 'dns', 'False');
    expect(said(await notReady.untilSynced())).toEqual([`updated ${id}`]);
  });

  it('by a report says nothing where what users wrote does not match', async () => {
    const { shard, search } = ownShard();
    const [inside, outside] = [await create({ shard }), await create({ shard: 'other' })];
    const stream = await watch('/clusters', {
      search: `${search} and status.conditions.Ready='False'`,
    });
    await stream.untilSynced();
    await report(outside, 'dns', 'True');
    await report(outside, 'validation', 'True');
    await report(inside, 'dns', 'True');
    expect(said(await stream.untilSynced())).toEqual([`updated ${inside}`]);
  });

  it('is a removal when the resource is gone', async () => {
    const { shard, search } = ownShard();
    const id = await create({ shard });
    const stream = await watch('/clusters', { search });
    await stream.untilSynced();
    await api(app).delete(`/clusters/${id}`).expect(202);
    const [marked] = await stream.untilSynced();
    expect(JSON.parse(marked!.data)).toMatchObject({ id, deleted_time: expect.any(String) });
    await api(app).post(`/clusters/${id}/force-delete`).send({ reason: 'test' }).expect(204);
    const [removed] = await stream.untilSynced();
    expect(removed).toMatchObject({
      event: 'removed',
      data: JSON.stringify({ kind: 'Cluster', id, href: `/api/hyperfleet/v1/clusters/${id}` }),
    });
  });
});

describe('a watch of one parent or of all kinds', () => {
  it('hears nothing of other parents', async () => {
    const [own, other] = [await create({}), await create({})];
    const stream = await watch(`/clusters/${own}/nodepools`);
    expect(await stream.untilSynced()).toEqual([]);
    const post = (id: string) =>
      api(app).post(`/clusters/${id}/nodepools`).send(newNodePool()).expect(201);
    await post(other);
    const { body } = await post(own);
    expect(said(await stream.untilSynced())).toEqual([`updated ${body.id}`]);
    const force = (path: string) =>
      api(app).post(`${path}/force-delete`).send({ reason: 'test' }).expect(204);
    for (const id of [other, own]) {
      await api(app).delete(`/clusters/${id}`).expect(202);
      await force(`/clusters/${id}`);
    }
    const events = said(await stream.until(({ event }) => event === 'removed')).filter(
      (event) => !event.startsWith('synced'),
    );
    // That it was marked before may be left out.
    expect(events.at(-1)).toBe(`removed ${body.id}`);
    for (const event of events) expect(event).toContain(body.id);
  });

  it('shows resources of each kind as GET does', async () => {
    const { shard, search } = ownShard();
    const stream = await watch('/resources', { search });
    await stream.untilSynced();
    const id = await create({ shard });
    const pool = newNodePool({ labels: { shard } });
    const { body, text } = await api(app).post(`/clusters/${id}/nodepools`).send(pool);
    const updates = new Map<string, string>();
    await stream.until(({ event, data }) => {
      const { id: of } = JSON.parse(data) as { id: string };
      if (event === 'updated') updates.set(of, data);
      return updates.size === 2 && event === 'synced';
    });
    expect(JSON.parse(updates.get(body.id as string)!)).toEqual(JSON.parse(text));
    expect(updates.has(id)).toBe(true);
  });

  it('can be limited to a kind', async () => {
    const { shard, search } = ownShard();
    const stream = await watch('/resources', { search, kind: 'NodePool' });
    await stream.untilSynced();
    const id = await create({ shard });
    const pool = newNodePool({ labels: { shard } });
    const { body } = await api(app).post(`/clusters/${id}/nodepools`).send(pool);
    expect(said(await stream.untilSynced())).toEqual([`updated ${body.id}`]);
  });
});

describe('a cursor', () => {
  it('resumes with what has changed since, and nothing else', async () => {
    const { shard, search } = ownShard();
    const [kept, changed, gone] = [
      await create({ shard }),
      await create({ shard }),
      await create({ shard }),
    ];
    const before = await watch('/clusters', { search });
    await before.untilSynced();
    before.close();
    await patch(changed, { spec: { nodes: 7 } });
    await api(app).delete(`/clusters/${gone}`).expect(202);
    await api(app).post(`/clusters/${gone}/force-delete`).send({ reason: 'test' }).expect(204);
    const added = await create({ shard });
    const resumed = await watch('/clusters', { search, since: before.lastEventId! });
    const events = said(await resumed.untilSynced());
    expect(events.sort()).toEqual(
      [`removed ${gone}`, `updated ${added}`, `updated ${changed}`].sort(),
    );
    expect(events.join()).not.toContain(kept);
  });

  it('in the header Last-Event-ID wins over the one in the query', async () => {
    const { shard, search } = ownShard();
    const first = await watch('/clusters', { search });
    await first.untilSynced();
    const id = await create({ shard });
    await first.untilSynced();
    const [, old] = [first.lastEventId!, first.events[0]!.id!];
    const stream = await WatchStream.open(app, {
      path: '/clusters',
      query: { search, since: old },
      headers: { 'Last-Event-ID': first.lastEventId! },
    });
    streams.push(stream);
    expect(await stream.untilSynced()).toEqual([]);
    const again = await watch('/clusters', { search, since: old });
    expect(said(await again.untilSynced())).toEqual([`updated ${id}`]);
  });

  it('of one process is good for another', async () => {
    const { shard, search } = ownShard();
    const other = await startTestApp({ database: app.database });
    try {
      const first = await watch('/clusters', { search });
      await first.untilSynced();
      const id = await create({ shard });
      const query = { search, since: first.lastEventId! };
      const stream = await WatchStream.open(other, { path: '/clusters', query });
      streams.push(stream);
      expect(said(await stream.untilSynced())).toEqual([`updated ${id}`]);
    } finally {
      await other.stop();
    }
  });
});
