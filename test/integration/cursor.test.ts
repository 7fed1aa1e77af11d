import type { Position } from '../../src/changes/snapshot';
import { readCursor } from '../../src/changes/snapshot';
import { listIds } from '../../src/lists/lists';
import type { Statement } from '../../src/postgres/statement';
import { parseSearch } from '../../src/search/parse';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { withClient } from '../support/database';
import { kindsFile } from '../support/declared-kinds';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { CLUSTER, NODE_POOL } from '../support/kinds';
import { OwnPostgres } from '../support/own-postgres';

/* Lists say which snapshot they show. The server is the test's own, so nobody else begins a transaction. */

jest.setTimeout(60_000);

let server: OwnPostgres;
let url: string;
/** Holds what it has written out, so it reads versions. */
let holding: TestApp;
/** Holds nothing, so it reads rows. */
let reading: TestApp;
let apps: readonly TestApp[];
let cluster: string;

const start = (env: Record<string, string>) =>
  startTestApp({ database: { url, directUrl: url, drop: () => Promise.resolve() }, env });

beforeAll(async () => {
  server = await OwnPostgres.create();
  await server.start({ autovacuum: 'off' });
  url = await server.createDatabase('cursors');
  const kinds = { HYPERFLEET_KINDS_FILE: kindsFile() };
  holding = await start(kinds);
  reading = await start({ ...kinds, HYPERFLEET_CACHE_BYTES: '0' });
  apps = [holding, reading];
  const { body } = await api(holding).post('/clusters').send(newCluster());
  cluster = body.id as string;
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await server.destroy();
});

async function cursorOf(app: TestApp, path: string): Promise<string | undefined> {
  const { status, headers, text } = await api(app).get(encodeURI(path));
  expect({ path, status, text }).toMatchObject({ status: 200 });
  return (headers as Record<string, string>)['hyperfleet-cursor'];
}

const xipOf = (cursor: string | undefined) => readCursor(cursor!)!.snapshot.split(':')[2]!;

const LISTS = [
  ['clusters', () => '/clusters'],
  ['node pools', () => '/nodepools'],
  ['node pools of a cluster', () => `/clusters/${cluster}/nodepools`],
  ['a declared kind', () => '/channels'],
  ['all kinds', () => '/resources'],
  ['a search that collects its matches', () => "/clusters?search=name like '%'&orderBy=name"],
  ['a page from the other end', () => '/clusters?page=30&pageSize=10'],
] as const;

describe.each(LISTS)('the list of %s', (_title, path) => {
  it('has a cursor, which changes after a write and not before', async () => {
    for (const app of apps) {
      const first = await cursorOf(app, path());
      expect(readCursor(first!)).toBeDefined();
      expect(await cursorOf(app, path())).toBe(first);
      await api(app).post('/clusters').send(newCluster());
      expect(await cursorOf(app, path())).not.toBe(first);
    }
  });

  it('names the transactions that are in progress', async () => {
    await withClient(url, async (client) => {
      await client.query('BEGIN');
      const { rows } = await client.query<{ xid: string }>('SELECT pg_current_xact_id() AS xid');
      const { xid } = rows[0]!;
      // One that begins later has ended: until then a snapshot ends before either.
      await api(holding).post('/clusters').send(newCluster());
      for (const app of apps) expect(xipOf(await cursorOf(app, path()))).toBe(xid);
      await client.query('COMMIT');
      for (const app of apps) expect(xipOf(await cursorOf(app, path()))).toBe('');
    });
  });
});

test('the list of reports has none', async () => {
  await api(holding).post(`/clusters/${cluster}/statuses`).send(newReport('validation', 1));
  for (const app of apps)
    expect(await cursorOf(app, `/clusters/${cluster}/statuses`)).toBeUndefined();
});

test('a page that is read again has the cursor of what is shown', async () => {
  const list = `/clusters?search=id='${cluster}'`;
  const { db } = holding.service;
  const read = db.read.bind(db) as (statement: Statement, values: object) => Promise<unknown>;
  const steps: (string | undefined)[] = [];
  const change = async () => {
    const spec = { step: steps.length };
    await api(reading).patch(`/clusters/${cluster}`).send({ spec });
  };
  await change();
  const spy = jest.spyOn(db, 'read').mockImplementation((async (
    statement: Statement,
    values: object,
  ) => {
    steps.push(statement.name);
    if (statement.name === 'find_rows' && steps.length === 2) await change();
    return read(statement, values);
  }) as never);
  const shown = await cursorOf(holding, list);
  spy.mockRestore();
  // Versions and rows, twice.
  expect(steps).toHaveLength(4);
  expect(shown).toBe(await cursorOf(reading, list));
});

describe('the ids of all matches', () => {
  const ids = (kinds = [CLUSTER], search = '', ownerId?: string) => {
    const { signal } = new AbortController();
    return listIds(holding.service.db, { kinds, ownerId }, parseSearch(search), signal);
  };

  it('are those of the list, from the snapshot of its cursor', async () => {
    await api(holding).post(`/clusters/${cluster}/nodepools`).send(newNodePool());
    for (const [kinds, search, ownerId, path] of [
      [[CLUSTER], '', undefined, '/clusters?pageSize=100'],
      [
        [CLUSTER],
        `id != '${cluster}'`,
        undefined,
        `/clusters?search=id != '${cluster}'&pageSize=100`,
      ],
      [[CLUSTER], "name = 'nobody'", undefined, "/clusters?search=name = 'nobody'"],
      [[NODE_POOL], '', cluster, `/clusters/${cluster}/nodepools`],
    ] as const) {
      const { body } = await api(holding).get(encodeURI(path));
      const items = body.items as { id: string }[];
      const found = await ids([...kinds], search, ownerId);
      expect(found.ids.sort()).toEqual(items.map(({ id }) => id).sort());
      expect(found.position).toEqual(readCursor((await cursorOf(holding, path))!));
    }
  });

  it('need a parent that exists', async () => {
    await expect(ids([NODE_POOL], '', cluster.replace(/.$/, '0'))).rejects.toMatchObject({
      code: 'NTF-001',
    });
  });
});

test('a standby, whose snapshots do not tell, gives no cursor', async () => {
  await server.stop();
  server.install('standby.signal', '');
  await server.start({ autovacuum: 'off', hot_standby: 'on' });
  for (const app of apps) {
    for (const [, path] of LISTS) expect(await cursorOf(app, path())).toBeUndefined();
  }
  const { signal } = new AbortController();
  const found: { position: Position | undefined } = await listIds(
    holding.service.db,
    { kinds: [CLUSTER] },
    undefined,
    signal,
  );
  expect(found.position).toBeUndefined();
});
