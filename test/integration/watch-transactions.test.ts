import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import {
  createEmptyDatabase,
  createPool,
  type TestDatabase,
  withClient,
} from '../support/database';
import { newCluster, newReport } from '../support/factories';
import { OwnPostgres } from '../support/own-postgres';
import { multiply, TOUCH } from '../support/watch-bulk';
import { WatchStream } from '../support/watch-stream';

/*
 * Whoever holds a transaction open holds up nobody but himself.
 *
 * For minutes: WATCH_HOLD_SECONDS=300 npx jest --testPathPatterns watch-transactions
 */
const HOLD_SECONDS = Number(process.env.WATCH_HOLD_SECONDS ?? 0);

jest.setTimeout(90_000 + HOLD_SECONDS * 1000);

let app: TestApp;
let elsewhere: TestDatabase;
/** What a test has opened, to be closed however it ends. */
const opened: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  app = await startTestApp();
  elsewhere = await createEmptyDatabase();
});
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});
afterAll(async () => {
  await app.stop();
  await elsewhere.drop();
});

async function create(): Promise<string> {
  const { status, body } = await api(app)
    .post('/clusters')
    .send(newCluster({ labels: {} }));
  expect(status).toBe(201);
  return (body as { id: string }).id;
}

/** Makes a change, and waits for it in a stream. @returns how long after its response it came, in ms */
async function delayOf(stream: WatchStream, change: () => Promise<string>): Promise<number> {
  const id = await change();
  const begin = performance.now();
  const [event] = (await stream.until(({ data }) => data.includes(id))).slice(-1);
  expect(event!.event).toBe('updated');
  return Math.max(0, event!.at - begin);
}

/** Of at least ten changes, and of all that can be made one by one in so many seconds. */
async function median(delay: () => Promise<number>, seconds = 0): Promise<number> {
  const delays: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (delays.length < 10 || performance.now() < end) delays.push(await delay());
  return delays.sort((left, right) => left - right)[delays.length >> 1]!;
}

async function xminAge(): Promise<number> {
  const name = 'hyperfleet_api_watch_xmin_age_seconds';
  const { values } = await app.service.metrics.registry.getSingleMetric(name)!.get();
  return values[0]!.value;
}

const open = (since?: string) =>
  WatchStream.open(app, { path: '/clusters', query: since === undefined ? {} : { since } });

test('changes arrive, though transactions are open here and in another database', async () => {
  const held = await create();
  const flipping = await create();
  const stream = await open();
  await stream.untilSynced();
  const limit = (await median(() => delayOf(stream, create))) + 500;
  await sleep(200);
  expect(await xminAge()).toBe(0);

  const [holder, stranger] = [
    new pg.Client(app.database.directUrl),
    new pg.Client(elsewhere.directUrl),
  ];
  await Promise.all([holder.connect(), stranger.connect()]);
  opened.push(
    () => holder.end(),
    () => stranger.end(),
  );
  await stranger.query('BEGIN; SELECT pg_current_xact_id()');
  await holder.query('BEGIN');
  await holder.query(TOUCH, [[held]]);
  const begin = performance.now();

  expect(await median(() => delayOf(stream, create), HOLD_SECONDS)).toBeLessThan(limit);
  const generations = { current: 0 };
  const flip = async () => {
    const available = generations.current++ % 2 === 0 ? 'True' : 'False';
    const report = newReport('dns', 1, { Available: available });
    const { status } = await api(app).put(`/clusters/${flipping}/statuses`).send(report);
    expect([200, 201]).toContain(status);
    return report.observed_time!;
  };
  expect(await median(() => delayOf(stream, flip))).toBeLessThan(limit);
  const between = stream.lastEventId!;
  expect(stream.events.filter(({ data }) => data.includes(held))).toHaveLength(1);
  const seconds = (performance.now() - begin) / 1000;
  expect(await xminAge()).toBeGreaterThan(seconds / 2);
  expect(await xminAge()).toBeLessThan(seconds + 1);

  // What was sent since is later than what it changed.
  const commit = async () => {
    await holder.query('COMMIT');
    return held;
  };
  expect(await delayOf(stream, commit)).toBeLessThan(limit);
  const resumed = await open(between);
  expect((await resumed.untilSynced()).map(({ data }) => data).join()).toContain(held);
  await stranger.query('ROLLBACK');
  await delayOf(stream, create);
  await sleep(300);
  expect(await xminAge()).toBe(0);
  for (const each of [stream, resumed]) each.close();
});

test('a row that others keep changing is sent again and again, while a transaction is open', async () => {
  const busy = await create();
  const stream = await open();
  await stream.untilSynced();
  const pool = createPool(app.database.directUrl);
  const holder = await pool.connect();
  await holder.query('BEGIN; SELECT pg_current_xact_id()');
  const work = { goesOn: true };
  const changed = (async () => {
    for (let count = 0; ; count++) {
      await pool.query(TOUCH, [[busy]]);
      if (!work.goesOn) return count;
    }
  })();
  await sleep(3000);
  work.goesOn = false;
  expect(await changed).toBeGreaterThan(50);
  await stream.untilSynced();
  const sent = stream.events.filter(({ data }) => data.includes(busy));
  // Once in the first state, then at each tick.
  expect(sent.length).toBeGreaterThan(5);
  await holder.query('ROLLBACK');
  holder.release();
  await pool.end();
  stream.close();
});

test('more open transactions than fit into a cursor cost repeats, and lose nothing', async () => {
  const server = await OwnPostgres.create();
  opened.push(() => server.destroy());
  const settings = { max_prepared_transactions: '500' };
  await server.start(settings);
  const url = await server.createDatabase('fleet');
  const database = { url, directUrl: url, drop: () => Promise.resolve() };
  const busyApp = await startTestApp({ database });
  opened.push(() => busyApp.stop());
  const body = newCluster({ labels: {} });
  const { id: template } = (await api(busyApp).post('/clusters').send(body)).body as { id: string };
  const idOf = (number: number) => `2${String(number).padStart(26, '0')}`;
  const numbers = Array.from({ length: 400 }, (_, index) => index + 1);

  await withClient(url, async (client) => {
    await multiply(client, template, [1, 800]);
    const stream = await WatchStream.open(busyApp, { path: '/clusters' });
    await stream.untilSynced();
    for (const number of numbers) {
      await client.query('BEGIN');
      await client.query(TOUCH, [[idOf(number)]]);
      await client.query(`PREPARE TRANSACTION 'p${number}'`);
      // Committed at once, between those that stay open.
      for (let count = 0; count < number % 3; count++) {
        await client.query(TOUCH, [[idOf(400 + number)]]);
      }
    }
    await stream.until(({ data }) => data.includes(idOf(800)));
    await stream.untilSynced();
    const cursor = stream.lastEventId!;
    stream.close();
    expect(cursor.length).toBeLessThanOrEqual(512);
    expect(cursor.length).toBeGreaterThan(490);
    for (const number of numbers) {
      if (number % 2 === 0) await client.query(`COMMIT PREPARED 'p${number}'`);
    }
    const idsOf = async (resumed: WatchStream) =>
      new Set(
        (await resumed.untilSynced()).map(({ data }) => (JSON.parse(data) as { id: string }).id),
      );
    const resumed = await WatchStream.open(busyApp, {
      path: '/clusters',
      query: { since: cursor },
    });
    const first = await idsOf(resumed);
    expect(numbers.filter((number) => number % 2 === 0 && !first.has(idOf(number)))).toEqual([]);
    // Those that are still open have not been sent.
    expect(numbers.filter((number) => number % 2 === 1 && first.has(idOf(number)))).toEqual([]);
    const second = resumed.lastEventId!;
    resumed.close();
    for (const number of numbers) {
      if (number % 2 === 1) await client.query(`COMMIT PREPARED 'p${number}'`);
    }
    const last = await WatchStream.open(busyApp, { path: '/clusters', query: { since: second } });
    const rest = await idsOf(last);
    expect(numbers.filter((number) => number % 2 === 1 && !rest.has(idOf(number)))).toEqual([]);
    last.close();
  });
});
