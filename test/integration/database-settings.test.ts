import { declareKinds } from '../../src/kinds/declare';
import { reaggregateAll } from '../../src/repositories/reaggregate';
import { api, tally } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { terminateBackends } from '../support/backends';
import {
  createEmptyDatabase,
  createTestDatabase,
  databaseUrl,
  type TestDatabase,
  withClient,
} from '../support/database';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { type Pooler, startPooler } from '../support/pooler';
import { runService } from '../support/service-process';

/* What an administrator has set on the database changes nothing that a client sees. */

jest.setTimeout(60_000);

const FORMATS = {
  DateStyle: "'SQL, DMY'",
  TimeZone: "'Asia/Kolkata'",
  IntervalStyle: "'sql_standard'",
  bytea_output: "'escape'",
  extra_float_digits: '-15',
  array_nulls: 'off',
  standard_conforming_strings: 'off',
};

const nameOf = ({ directUrl }: TestDatabase) => new URL(directUrl).pathname.slice(1);

/** Ends the connections that there are: only new ones have the settings, and a pooler keeps the old. */
async function set(database: TestDatabase, settings: Record<string, string>): Promise<void> {
  await withClient(process.env.TEST_RUN_SERVER_URL!, async (client) => {
    for (const [name, value] of Object.entries(settings)) {
      await client.query(`ALTER DATABASE ${nameOf(database)} SET ${name} = ${value}`);
    }
  });
  await withClient(database.directUrl, (client) => terminateBackends(client, 'all'));
}

let pooler: Pooler | undefined;
const databases: TestDatabase[] = [];
const apps: TestApp[] = [];

beforeAll(async () => {
  pooler = await startPooler(process.env.TEST_RUN_SERVER_URL!);
  if (pooler === undefined) console.warn('SKIPPED: PgBouncer is not installed.');
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await pooler?.stop();
  await Promise.all(databases.map((database) => database.drop()));
});

async function databaseWith(settings: Record<string, string>): Promise<TestDatabase> {
  const database = await createTestDatabase();
  databases.push(database);
  await set(database, settings);
  return database;
}

async function serve(
  database: TestDatabase,
  env: Record<string, string> = {},
  connectTo = database.url,
): Promise<TestApp> {
  const app = await startTestApp({ database: { ...database, url: connectTo }, env });
  apps.push(app);
  return app;
}

const TIME = /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Every value under a name that ends in `_time`, except in reports, which are shown as sent. */
function timesIn(value: unknown): string[] {
  const times: string[] = [];
  JSON.stringify(value, (key, inner: unknown) => {
    if (key.endsWith('_time')) times.push(inner as string);
    return inner;
  });
  return times;
}

async function clientsStory(app: TestApp): Promise<void> {
  const http = api(app);
  const begin = Date.now();
  const created = await http.post('/clusters').send(newCluster());
  expect(created.status).toBe(201);
  const path = `/clusters/${created.body.id as string}`;
  expect((await http.get(path)).body).toEqual(created.body);

  const observed = '2026-01-02T03:04:05.600Z';
  for (const adapter of ['validation', 'dns']) {
    const report = newReport(adapter, 1, {}, observed);
    expect((await http.put(`${path}/statuses`).send(report)).status).toBe(201);
  }
  const statuses = await http.get(`${path}/statuses`).query({ orderBy: 'last_report_time' });
  expect(statuses.body.items.map((item: Record<string, string>) => item.last_report_time)).toEqual([
    observed,
    observed,
  ]);
  const ready = await http.get(path);
  expect(ready.body.status.phase).toBe('Ready');

  const patched = await http.patch(path).send({ labels: { env: 'test' } });
  expect(patched).toMatchObject({ status: 200, body: { generation: 2 } });
  const pool = await http.post(`${path}/nodepools`).send(newNodePool());
  expect(pool.status).toBe(201);
  const deleted = await http.delete(path);
  expect(deleted.status).toBe(202);
  const read = await http.get(path);
  expect(read.body).toEqual(deleted.body);

  for (const body of [statuses.body, ready.body, read.body]) {
    for (const time of timesIn(body)) expect(time).toMatch(TIME);
  }
  expect(Date.parse(read.body.created_time as string)).toBeGreaterThanOrEqual(begin);
  expect(Date.parse(read.body.deleted_time as string)).toBeLessThanOrEqual(Date.now());

  // A returned time finds its resource, and orders the list.
  const search = `created_time = '${read.body.created_time as string}' and id = '${read.body.id as string}'`;
  const found = await http.get('/clusters').query({ search, orderBy: 'updated_time desc' });
  expect(found.body).toMatchObject({ total: 1, items: [read.body] });
}

const isolation = (level: string) => ({ default_transaction_isolation: `'${level}'` });

describe.each<[string, Record<string, string>, Record<string, string>]>([
  ['formats', FORMATS, {}],
  ['formats, without prepared statements', FORMATS, { DATABASE_PREPARED_STATEMENTS: 'false' }],
  ['repeatable read', isolation('repeatable read'), {}],
  ['serializable', { ...FORMATS, ...isolation('serializable') }, {}],
])('%s', (_, settings, env) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await serve(await databaseWith(settings), env);
  });

  it('changes nothing about what is stored and shown', () => clientsStory(app));

  it('changes nothing about the recomputation of all conditions', async () => {
    const created = await api(app).post('/clusters').send(newCluster());
    const kinds = declareKinds([], { Cluster: ['validation', 'dns'] }).kinds;
    const done = await reaggregateAll(app.service.db, kinds, '', 100, {
      onProgress: () => undefined,
      onCollision: () => undefined,
    });
    expect(done.seen).toBeGreaterThan(0);
    const read = await api(app).get(`/clusters/${created.body.id as string}`);
    expect(read.body).toEqual(created.body);
  });
});

it('changes nothing through PgBouncer', async () => {
  if (pooler === undefined) return;
  const database = await databaseWith({ ...FORMATS, ...isolation('serializable') });
  const url = databaseUrl(pooler.url, nameOf(database));
  const app = await serve(database, { DATABASE_PREPARED_STATEMENTS: 'false' }, url);
  await clientsStory(app);
  await contend(app, app);
});

/** Changes of the same rows at the same time, by two processes. */
async function contend(app: TestApp, other: TestApp): Promise<void> {
  const both = [api(app), api(other)];
  const name = newCluster().name;
  const creates = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      both[index % 2]!.post('/clusters').send(newCluster({ name })),
    ),
  );
  expect(tally(creates)).toEqual({ 201: 1, 409: 19 });
  const path = `/clusters/${creates.find(({ status }) => status === 201)!.body.id as string}`;

  const changes = await Promise.all(
    Array.from({ length: 40 }, (_, index) => {
      const http = both[index % 2]!;
      return index % 4 < 2
        ? http.patch(path).send({ labels: { index: String(index) } })
        : http.put(`${path}/statuses`).send(newReport(`adapter-${index}`));
    }),
  );
  expect(tally(changes)).toEqual({ 200: 20, 201: 20 });
  expect((await both[0]!.get(path)).body.generation).toBe(21);

  // They change the counters of their kind.
  const others = await Promise.all(
    Array.from({ length: 20 }, (_, index) => both[index % 2]!.post('/clusters').send(newCluster())),
  );
  expect(tally(others)).toEqual({ 201: 20 });
  const deletes = await Promise.all(
    others.map(({ body }, index) => both[index % 2]!.delete(`/clusters/${body.id as string}`)),
  );
  expect(tally(deletes)).toEqual({ 202: 20 });
}

it.each(['repeatable read', 'serializable'])(
  'refuses no concurrent change because the default isolation is %s',
  async (level) => {
    const database = await databaseWith(isolation(level));
    await contend(await serve(database), await serve(database));
  },
);

it('migrates as usual, into the schema that search_path names, by several at once', async () => {
  const database = await createEmptyDatabase();
  databases.push(database);
  await withClient(database.directUrl, (client) => client.query('CREATE SCHEMA fleet'));
  await set(database, { ...FORMATS, ...isolation('serializable'), search_path: 'fleet' });
  const env = { DATABASE_URL: database.url };
  const migrations = await Promise.all([1, 2, 3].map(() => runService(['migrate'], env, '/tmp')));
  expect(migrations.map(({ code, stderr }) => [code, stderr])).toEqual(
    [1, 2, 3].map(() => [0, '']),
  );
  await clientsStory(await serve(database));
  await withClient(database.directUrl, async (client) => {
    const { rows } = await client.query(
      "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename IN ('resources', 'knex_migrations')",
    );
    expect(rows).toEqual([{ schemaname: 'fleet' }]);
  });
});

it.each(['statement_timeout', 'lock_timeout', 'transaction_timeout'])(
  'responds with 503 to what %s cuts off, and works afterwards',
  async (setting) => {
    const database = await databaseWith({});
    const isKnown = await withClient(database.directUrl, async (client) => {
      const { rowCount } = await client.query('SELECT 1 FROM pg_settings WHERE name = $1', [
        setting,
      ]);
      return rowCount === 1;
    });
    if (!isKnown) return;
    await set(database, { [setting]: "'300ms'" });
    const app = await serve(database, { DATABASE_STATEMENT_TIMEOUT_MS: '3000' });
    const http = api(app);
    const created = await http.post('/clusters').send(newCluster());
    const path = `/clusters/${created.body.id as string}`;
    await withClient(database.directUrl, async (holder) => {
      await holder.query('SET statement_timeout = 0');
      if (setting === 'transaction_timeout') await holder.query('SET transaction_timeout = 0');
      await holder.query('BEGIN; SELECT 1 FROM resources FOR UPDATE');
      const { status, body } = await http.delete(path);
      expect({ status, code: body.code }).toEqual({ status: 503, code: 'HYPERFLEET-SVC-001' });
      await holder.query('ROLLBACK');
    });
    expect((await http.delete(path)).status).toBe(202);
  },
);

it('reads, and refuses writes with 503, while the database is read-only', async () => {
  const database = await databaseWith({});
  const before = await serve(database);
  const created = await api(before).post('/clusters').send(newCluster());
  const path = `/clusters/${created.body.id as string}`;
  const deleted = await api(before).post('/clusters').send(newCluster());
  await api(before).delete(`/clusters/${deleted.body.id as string}`);
  await set(database, { default_transaction_read_only: 'on' });

  const app = await serve(database);
  const http = api(app);
  const reads = await Promise.all([
    http.get(path),
    http.get('/clusters').query({ search: "labels.env = 'production'" }),
    http.get(`${path}/statuses`),
    http.get(path).set('If-None-Match', created.headers.etag!),
  ]);
  expect(reads.map(({ status }) => status)).toEqual([200, 200, 200, 304]);
  const writes = await Promise.all([
    http.post('/clusters').send(newCluster()),
    http.post(`${path}/nodepools`).send(newNodePool()),
    http.patch(path).send({ labels: {} }),
    http.delete(path),
    http.post(`/clusters/${deleted.body.id as string}/force-delete`).send({ reason: 'test' }),
    http.put(`${path}/statuses`).send(newReport('dns')),
  ]);
  for (const { status, body } of writes) {
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'HYPERFLEET-SVC-001' });
  }
  await set(database, { default_transaction_read_only: 'off' });
  expect((await api(await serve(database)).get(path)).body).toEqual(created.body);
});
