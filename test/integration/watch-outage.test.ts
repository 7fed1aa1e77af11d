import { setTimeout as sleep } from 'node:timers/promises';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { createTestDatabase, databaseUrl, type TestDatabase } from '../support/database';
import { newCluster, uniqueName } from '../support/factories';
import { type Pooler, startPooler } from '../support/pooler';
import { SwitchProxy } from '../support/watch-proxy';
import { WatchStream } from '../support/watch-stream';

/* What stands between the service and its database. */

jest.setTimeout(90_000);

let database: TestDatabase;
/** Reaches the database without what stands between. */
let writer: TestApp;
beforeAll(async () => {
  database = await createTestDatabase();
  writer = await startTestApp({ database });
});
afterAll(async () => {
  await writer.stop();
  await database.drop();
});

async function create(): Promise<string> {
  const name = uniqueName();
  const { status } = await api(writer).post('/clusters').send(newCluster({ name }));
  expect(status).toBe(201);
  return name;
}

async function expectNext(stream: WatchStream, name: string): Promise<void> {
  const events = await stream.untilSynced();
  expect(events.map(({ data }) => (JSON.parse(data) as { name: string }).name)).toContain(name);
}

test('streams outlive a database that cannot be reached for a while', async () => {
  const proxy = await SwitchProxy.start(database.directUrl);
  const app = await startTestApp({ database: { ...database, url: proxy.url(database.directUrl) } });
  const streams = await Promise.all(
    ["name like '%'", undefined].map((search) =>
      WatchStream.open(app, { path: '/clusters', query: search === undefined ? {} : { search } }),
    ),
  );
  for (const stream of streams) await stream.untilSynced();
  for (const stream of streams) {
    const name = await create();
    for (const each of streams) await expectNext(each, name);
    expect(stream.closed).toBe(false);
  }
  const comments = streams.map((stream) => stream.comments);

  proxy.switchTo(undefined);
  const missed = await create();
  const refused = await WatchStream.open(app, { path: '/clusters' });
  expect(refused.status).toBe(503);
  await sleep(16_000);
  for (const [index, stream] of streams.entries()) {
    expect(stream.closed).toBe(false);
    expect(stream.comments).toBeGreaterThan(comments[index]!);
  }
  const cursor = streams[0]!.lastEventId!;
  proxy.switchTo(database.directUrl);
  for (const stream of streams) await expectNext(stream, missed);
  const later = await create();
  for (const stream of streams) await expectNext(stream, later);
  const resumed = await WatchStream.open(app, { path: '/clusters', query: { since: cursor } });
  await expectNext(resumed, missed);
  for (const stream of [...streams, resumed]) stream.close();
  await app.stop();
  proxy.close();
});

test('a watch works behind PgBouncer in transaction mode', async () => {
  const pooler: Pooler | undefined = await startPooler(process.env.TEST_RUN_SERVER_URL!);
  if (pooler === undefined) {
    console.warn('SKIPPED: PgBouncer is not installed.');
    return;
  }
  const url = databaseUrl(pooler.url, new URL(database.directUrl).pathname.slice(1));
  const app = await startTestApp({
    database: { ...database, url },
    env: { DATABASE_PREPARED_STATEMENTS: 'false' },
  });
  const searches = Array.from({ length: 120 }, (_, index) => `name != 'nobody-${index}'`);
  const streams = await Promise.all(
    searches.map((search) => WatchStream.open(app, { path: '/clusters', query: { search } })),
  );
  for (const stream of streams) await stream.untilSynced();
  const names = [await create(), await create()];
  for (const stream of streams) {
    const events = await stream.until(({ data }) => data.includes(names[1]!));
    expect(events.map(({ data }) => data).join()).toContain(names[0]);
  }
  const [first] = streams;
  await first!.untilSynced();
  const cursor = first!.lastEventId!;
  for (const stream of streams) stream.close();
  const missed = await create();
  const resumed = await WatchStream.open(app, { path: '/clusters', query: { since: cursor } });
  await expectNext(resumed, missed);
  resumed.close();
  await app.stop();
  await pooler.stop();
});
