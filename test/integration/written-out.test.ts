import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import type { Statement } from '../../src/postgres/statement';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { OwnPostgres } from '../support/own-postgres';
import { randomOf } from '../support/random';

/*
 * A process writes a resource out once per version and sends these bytes from then on. Nobody can tell: whatever has
 * happened, its responses are those of a process that keeps nothing.
 */

jest.setTimeout(120_000);

let database: TestDatabase;
let one: TestApp;
let other: TestApp;
/** Holds hardly more than one page of clusters. */
let small: TestApp;
let without: TestApp;

const holding = (bytes: number) =>
  startTestApp({ database, env: { HYPERFLEET_CACHE_BYTES: String(bytes) } });

beforeAll(async () => {
  database = await createTestDatabase();
  [one, other, small, without] = await Promise.all(
    [50_000_000, 50_000_000, 20_000, 0].map(holding) as [
      Promise<TestApp>,
      Promise<TestApp>,
      Promise<TestApp>,
      Promise<TestApp>,
    ],
  );
});
afterAll(async () => {
  await Promise.all([one, other, small, without].map((app) => app.stop()));
  await database.drop();
});

type Send = (statement: Statement, values: object, signal?: AbortSignal) => Promise<unknown>;

const LISTS = [
  '/clusters',
  '/clusters?pageSize=3&page=2',
  '/clusters?pageSize=500&orderBy=name',
  '/clusters?orderBy=updated_time desc,name',
  "/clusters?search=labels.env='production'",
  "/clusters?search=status.conditions.Ready='True'",
  "/clusters?search=status.conditions.Ready='False' and labels.step='3'",
  '/clusters?search=deleted_time is not null&orderBy=deleted_time',
  '/clusters?fields=name,status.phase,spec.region,labels.env',
  '/clusters?page=99',
  '/nodepools',
  '/nodepools?search=spec.replicas > 2',
  '/resources?pageSize=7&orderBy=kind',
];

async function textOf(app: TestApp, path: string): Promise<string> {
  const { text, status, headers } = await api(app).get(encodeURI(path));
  return `${status} ${headers.etag ?? ''} ${text.replace(/"(timestamp|trace_id|operation_id)":"[^"]*"/g, '')}`;
}

async function expectAlike(ids: readonly string[]): Promise<void> {
  const paths = [
    ...LISTS,
    ...ids.flatMap((id) => [
      `/clusters/${id}`,
      `/clusters/${id}?fields=name,spec`,
      `/clusters/${id}/nodepools?pageSize=2`,
      `/clusters/${id}/nodepools`,
      `/resources/${id}`,
      `/clusters/${id}/statuses`,
      `/clusters/${id}/statuses?search=adapter='dns'&orderBy=created_time`,
      `/resources/${id}/statuses?fields=conditions,data&pageSize=1`,
    ]),
  ];
  for (const path of paths) {
    const expected = await textOf(without, path);
    for (const app of [one, other, small]) {
      expect({ path, text: await textOf(app, path) }).toEqual({ path, text: expected });
    }
  }
}

test.each([1, 2, 3])(
  'after any history of writes, every list and GET is that of a process that keeps nothing (seed %i)',
  async (seed) => {
    const random = randomOf(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
    const ids: string[] = [];
    const create = async (app: TestApp) => {
      // Keys in an order that PostgreSQL does not keep.
      const spec = { zone: 'b', region: 'eu', a: { y: 1, x: [1.0, -0, 'é', '\\', '\u2028'] } };
      const { body } = await api(app).post('/clusters').send(newCluster({ spec }));
      ids.push(body.id as string);
    };
    await create(one);
    for (let step = 0; step < 40; step++) {
      const app = pick([one, other, small]);
      const id = pick(ids);
      const path = `/clusters/${id}`;
      const generation = 1 + Math.floor(random() * 3);
      const report = newReport(pick(['validation', 'dns', 'extra']), generation);
      await pick([
        () => create(app),
        () =>
          api(app)
            .patch(path)
            .send({ labels: { step: `${step % 5}`, env: 'production' } }),
        () =>
          api(app)
            .patch(path)
            .send({ spec: { step, b: 1, a: 2 } }),
        () => api(app).post(`${path}/statuses`).send(report),
        () => api(app).put(`${path}/statuses`).send(report),
        () =>
          api(app)
            .post(`${path}/nodepools`)
            .send(newNodePool({ spec: { replicas: step } })),
        () => api(app).delete(path),
        () => api(app).post(`${path}/force-delete`).send({ reason: 'test' }),
        // What a process holds depends on what it has been asked for.
        () => textOf(app, pick(LISTS)),
        () => textOf(app, path),
      ])();
      if (step % 8 === 7) await expectAlike([pick(ids), pick(ids)]);
    }
    await expectAlike(ids.slice(0, 5));
  },
);

describe('a page whose resources change while it is read', () => {
  /** Calls `work` right before each statement that reads rows by their ids. */
  function beforeRows(app: TestApp, work: () => Promise<unknown>): jest.SpyInstance[] {
    const { db } = app.service;
    return (['read', 'query'] as const).map((name) => {
      const send = db[name].bind(db) as Send;
      const instead: Send = async (statement, values, signal) => {
        if (statement.name === 'find_rows') await work();
        return send(statement, values, signal);
      };
      return jest.spyOn(db, name).mockImplementation(instead as never);
    });
  }

  test.each([
    ['once', 1],
    ['twice', 2],
    ['every time', 99],
  ])('%s is one snapshot', async (_often, times) => {
    const label = randomUUID();
    const { body } = await api(one)
      .post('/clusters')
      .send(newCluster({ labels: { label } }));
    const list = `/clusters?search=labels.label='${label}'`;
    let count = 0;
    const spies = beforeRows(other, async () => {
      if (++count > times) return;
      // From now on it matches no longer.
      await api(one)
        .patch(`/clusters/${body.id as string}`)
        .send({ labels: { label: `gone-${count}` } });
      await api(one)
        .post('/clusters')
        .send(newCluster({ labels: { label } }));
    });
    const page = (await api(other).get(list)).body;
    for (const spy of spies) spy.mockRestore();
    expect(page.total).toBe(1);
    expect(page.items).toHaveLength(1);
    expect(page.items[0].labels).toEqual({ label });
    expect(count).toBeGreaterThanOrEqual(1);
    expect(await textOf(other, list)).toBe(await textOf(without, list));
  });

  test('shows none that is gone', async () => {
    const label = randomUUID();
    const { body } = await api(one)
      .post('/clusters')
      .send(newCluster({ labels: { label } }));
    const path = `/clusters/${body.id as string}`;
    await api(one).delete(path);
    const spies = beforeRows(other, () =>
      api(one).post(`${path}/force-delete`).send({ reason: 'x' }),
    );
    const page = (await api(other).get(`/clusters?search=labels.label='${label}'`)).body;
    for (const spy of spies) spy.mockRestore();
    expect(page).toMatchObject({ total: 0, items: [] });
  });
});

test('a database that is restored under a running process is read anew', async () => {
  const server = await OwnPostgres.create();
  await server.start();
  const url = await server.createDatabase('restored');
  const app = await startTestApp({
    database: { url, directUrl: url, drop: () => Promise.resolve() },
  });
  try {
    const { body } = await api(app).post('/clusters').send(newCluster());
    const path = `/clusters/${body.id as string}`;
    await server.stop();
    const { data } = server.instance;
    fs.cpSync(data, `${data}.copy`, { recursive: true, preserveTimestamps: true });
    await server.start();
    await until(() =>
      api(app)
        .patch(path)
        .send({ spec: { after: 'lost' } }),
    );
    expect((await api(app).get(path)).body.spec).toEqual({ after: 'lost' });

    await server.stop();
    fs.rmSync(data, { recursive: true });
    fs.renameSync(`${data}.copy`, data);
    if (process.getuid?.() === 0) chown(data, server);
    await server.start();
    await until(() =>
      api(app)
        .patch(path)
        .send({ spec: { after: 'restore' } }),
    );
    const [read, list] = [await api(app).get(path), await api(app).get('/clusters')];
    expect(read.body).toMatchObject({ generation: 2, spec: { after: 'restore' } });
    expect(list.body.items).toEqual([read.body]);
  } finally {
    await app.stop();
    await server.destroy();
  }
});

/** A copy belongs to whoever made it. */
function chown(directory: string, { instance: { account } }: OwnPostgres): void {
  if (account === undefined) return;
  fs.chownSync(directory, account.uid, account.gid);
  for (const name of fs.readdirSync(directory, { recursive: true }) as string[]) {
    fs.lchownSync(`${directory}/${name}`, account.uid, account.gid);
  }
}

async function until(request: () => Promise<{ status: number }>): Promise<void> {
  for (let attempt = 0; attempt < 50; attempt++) {
    if ((await request()).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the service did not find its database again');
}
