import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { findChanges } from '../../src/changes/changes';
import type { Database } from '../../src/postgres/database';
import { fill, type Statement } from '../../src/postgres/statement';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { createPool, withClient } from '../support/database';
import { newCluster, newNodePool } from '../support/factories';
import { multiply, TOUCH } from '../support/watch-bulk';
import { WatchStream } from '../support/watch-stream';

/* Much at once, and readers that cannot keep up. */

jest.setTimeout(120_000);

let app: TestApp;
let template: string;
beforeAll(async () => {
  app = await startTestApp();
  template = await create('first');
});
afterAll(() => app.stop());

async function create(name: string, properties = {}): Promise<string> {
  const body = newCluster({ name, labels: {}, ...properties });
  const { status, body: created } = await api(app).post('/clusters').send(body);
  expect(status).toBe(201);
  return (created as { id: string }).id;
}

/** One after the other: all at once would be too much for a small pool. @returns their ids */
async function createLarge(name: string, count: number, bytes: number): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 0; number < count; number++) {
    ids.push(await create(`${name}-${number}`, { spec: { padding: 'x'.repeat(bytes) } }));
  }
  return ids;
}

const idOf = (number: number) => `2${String(number).padStart(26, '0')}`;
const open = (query: Record<string, string> = {}, path = '/clusters') =>
  WatchStream.open(app, { path, query });
const idsOf = (events: { data: string }[]) =>
  new Set(events.map(({ data }) => (JSON.parse(data) as { id: string }).id));
const inDatabase = (work: Parameters<typeof withClient<void>>[1]) =>
  withClient(app.database.directUrl, work);

test('a tick with thousands of changes reaches every stream, and so does the next', async () => {
  const streams = [await open(), await open({ search: "name like 'copy-%7'" })];
  for (const stream of streams) await stream.untilSynced();
  await inDatabase((client) => multiply(client, template, [1, 3000]));
  const [everything, sevens] = [
    idsOf(await streams[0]!.untilSynced()),
    idsOf((await streams[1]!.untilSynced()).filter(({ event }) => event === 'updated')),
  ];
  expect([everything.size, sevens.size]).toEqual([3000, 300]);
  await inDatabase(async (client) => {
    await client.query(TOUCH, [[idOf(7)]]);
  });
  for (const stream of streams) {
    const events = await stream.until(({ event }) => event === 'updated');
    expect(idsOf(events.slice(-1))).toEqual(new Set([idOf(7)]));
    stream.close();
  }
});

test('a reader that is too slow is disconnected, and holds up nobody', async () => {
  const large = await createLarge('large', 40, 100_000);
  const search = "name like 'large-%'";
  const [slow, other] = [await open({ search }), await open({ search })];
  for (const stream of [slow, other]) await stream.untilSynced();
  slow.pause();
  const openWatches = async () => {
    const gauge = app.service.metrics.registry.getSingleMetric('hyperfleet_api_watches')!;
    return (await gauge.get()).values[0]!.value;
  };
  const before = await openWatches();
  for (let round = 0; (await openWatches()) === before && round < 20; round++) {
    await inDatabase(async (client) => {
      await client.query(TOUCH, [large]);
    });
    const begin = performance.now();
    expect(idsOf(await other.untilSynced())).toEqual(new Set(large));
    expect(performance.now() - begin).toBeLessThan(5000);
  }
  expect(await openWatches()).toBe(before - 1);
  slow.resume();
  await slow.ended;
  expect(slow).toMatchObject({ complete: true, isBetweenEvents: true });
  const resumed = await open({ search, since: slow.lastEventId! });
  expect(resumed.status).toBe(200);
  expect(idsOf(await resumed.untilSynced())).toEqual(new Set(large));
  for (const stream of [resumed, other]) stream.close();
});

test('a reader of the first state may take its time', async () => {
  // More than the sockets hold.
  const all = await createLarge('patient', 60, 200_000);
  const stream = await open({ search: "name like 'patient-%'" });
  stream.pause();
  // Longer than the silence after which a comment is due.
  await sleep(18_000);
  stream.resume();
  expect(idsOf((await stream.untilSynced()).filter(({ event }) => event === 'updated'))).toEqual(
    new Set(all),
  );
  stream.close();
});

describe('with 100,000 resources', () => {
  const search = "name = 'first'";

  test('more than 50,000 changes at once are not sent: listing is cheaper', async () => {
    const before = await open({ search });
    await before.untilSynced();
    before.close();
    const since = before.lastEventId!;
    await inDatabase((client) => multiply(client, template, [10_001, 59_900]));
    const resumed = await open({ since, search });
    expect(resumed.status).toBe(200);
    resumed.close();

    const stream = await open({ search });
    await stream.untilSynced();
    await inDatabase((client) => multiply(client, template, [60_000, 110_000]));
    await stream.ended;
    expect(stream).toMatchObject({ complete: true, isBetweenEvents: true });
    expect(stream.events.at(-1)!.event).toBe('synced');
    for (const cursor of [since, stream.lastEventId!]) {
      const refused = await open({ since: cursor, search });
      expect(refused.status).toBe(410);
      expect(await refused.problem()).toMatchObject({ code: 'HYPERFLEET-GON-001' });
    }
  });

  test('a search for many values of a spec is answered by the index', async () => {
    await inDatabase(async (client) => {
      await client.query('VACUUM (ANALYZE) resources');
    });
    const values = Array.from({ length: 480 }, (_, n) => `'value ${n}'`);
    const begin = performance.now();
    const { status, body } = await api(app)
      .get('/clusters')
      .query({ search: `spec.region in (${values.join()})` });
    expect(status).toBe(200);
    expect(body).toMatchObject({ total: 0 });
    // Row by row it takes twice as long.
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  test.each(['force_generic_plan', 'force_custom_plan'])(
    'changes are found by index, %s',
    async (mode) => {
      const pools = '/clusters/' + template + '/nodepools';
      for (let count = 0; count < 5; count++) {
        expect((await api(app).post(pools).send(newNodePool())).status).toBe(201);
      }
      let found: [Statement, object] | undefined;
      const asked = (statement: Statement, values: object) => {
        found = [statement, values];
        return Promise.reject(new Error('only asked'));
      };
      const db = { read: asked, query: asked } as unknown as Database;
      const kinds = ['Cluster', 'NodePool', 'Channel'];
      const pool = createPool(app.database.directUrl);
      const client = await pool.connect();
      await client.query('ANALYZE');
      const { rows } = await client.query<{ snapshot: string }>(
        'SELECT pg_current_snapshot()::text AS snapshot',
      );
      const position = { identity: '', snapshot: rows[0]!.snapshot };
      await expect(findChanges(db, kinds, position, 1000)).rejects.toThrow('only asked');
      const [statement, values] = found!;
      const literals = fill(statement, values).map((value) =>
        Array.isArray(value) ? `ARRAY['${value.join("','")}']` : `'${String(value)}'`,
      );
      await client.query(`SET plan_cache_mode = ${mode}`);
      await client.query(`PREPARE find AS ${statement.text}`);
      const { rows: lines } = await client.query<Record<'QUERY PLAN', string>>(
        `EXPLAIN (ANALYZE, TIMING OFF) EXECUTE find (${literals.join(', ')})`,
      );
      const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
      client.release();
      await pool.end();
      expect(plan).not.toContain('Seq Scan on resource_status');
      const scans = plan.match(/Scan using resource_status_changed_xid_idx/g);
      expect({ plan, scans: scans?.length }).toEqual({ plan, scans: 2 });
      expect(plan).toMatch(/Index Cond: .*kind = ANY .* AND \(changed_xid >= /);
    },
  );
});
