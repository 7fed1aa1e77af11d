import { isDeepStrictEqual } from 'node:util';
import { statement } from '../../src/postgres/statement';
import { reaggregateAll } from '../../src/repositories/reaggregate';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { ENTITIES, kindsFile } from '../support/declared-kinds';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { kindsWith } from '../support/kinds';
import { randomOf } from '../support/random';

/*
 * Whoever reads what has changed finds it by the transaction that changed it. So whatever is written, what shows in a
 * resource moves `resource_status.changed_xid`, what a user has written moves `resources.changed_xid` too, and what is
 * removed leaves a row. That they name the very transaction that wrote the row is one of the `violations`, which other
 * tests look for.
 */

jest.setTimeout(120_000);

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({ env: { HYPERFLEET_KINDS_FILE: kindsFile(ENTITIES) } });
});
afterAll(() => app.stop());

interface Identity {
  id: string;
  kind: string;
  owner_id: string | null;
}

interface State extends Identity {
  version: number;
  by_user: number;
  by_anyone: number;
  /** As it is served, the status aside. */
  desired: unknown;
  status: unknown;
}

const STORED = statement<Omit<State, 'desired' | 'status'>>(
  { operation: 'select', table: 'resources' },
  `SELECT id, r.kind, owner_id, version,
     r.changed_xid::text::bigint AS by_user, s.changed_xid::text::bigint AS by_anyone
   FROM resources r JOIN resource_status s ON s.resource_id = r.id`,
);

const REMOVED = statement<Identity & { changed_xid: number }>(
  { operation: 'select', table: 'removed_resources' },
  'SELECT id, kind, owner_id, changed_xid::text::bigint FROM removed_resources',
);

async function read() {
  const [stored, removed, { body }] = await Promise.all([
    app.service.db.query(STORED, {}),
    app.service.db.query(REMOVED, {}),
    api(app).get('/resources?pageSize=500'),
  ]);
  const items = body.items as { id: string; status: unknown }[];
  const states = stored.map((row): State => {
    const { status, ...desired } = items.find(({ id }) => id === row.id)!;
    return { ...row, desired, status };
  });
  const xids = [...stored.map((it) => it.by_anyone), ...removed.map((it) => it.changed_xid)];
  return { states, removed, last: Math.max(0, ...xids) };
}

/** Which writes have been seen to do what. */
const seen = new Set<string>();

/** Does something, and holds what has become of each resource against what is stored about the change. */
async function check(name: string, work: () => Promise<unknown>): Promise<void> {
  const before = await read();
  await work();
  const after = await read();
  for (const now of after.states) {
    const old = before.states.find(({ id }) => id === now.id);
    const written = !isDeepStrictEqual(now.desired, old?.desired);
    const shows = written || !isDeepStrictEqual(now.status, old?.status);
    expect({ name, ...now, written: now.by_user > before.last }).toEqual({ name, ...now, written });
    const moved = now.by_anyone > before.last;
    expect({ name, ...now, moved }).toEqual({ name, ...now, moved: now.version !== old?.version });
    expect({ name, ...now, moved: moved || !shows }).toEqual({ name, ...now, moved: true });
    if (moved) seen.add(`${name} ${old ? (shows ? 'changes' : 'touches') : 'creates'} ${now.kind}`);
  }
  const gone = before.states.filter(({ id }) => !after.states.some((now) => now.id === id));
  const recorded = after.removed.filter(({ changed_xid }) => changed_xid > before.last);
  const identities = (rows: readonly Identity[]) =>
    rows.map(({ id, kind, owner_id }) => `${kind} ${id} ${owner_id ?? ''}`).sort();
  expect(identities(recorded)).toEqual(identities(gone));
  for (const { kind } of gone) seen.add(`${name} removes ${kind}`);
}

async function create(path: string, body: object): Promise<string> {
  const response = await api(app).post(path).send(body);
  expect(response.status).toBe(201);
  return response.body.id as string;
}

let names = 0;
const newWif = () => create('/wifconfigs', { name: `wif-${++names}`, spec: {} });
const refer = (...ids: string[]) => ({ references: { wif_config: ids.map((id) => ({ id })) } });
const patch = (path: string, body: object) => api(app).patch(path).send(body);
const report = (path: string, body: object) => api(app).post(`${path}/statuses`).send(body);

const ADAPTERS = ['validation', 'dns', 'pullsecret', 'hypershift'];

test('a family that goes one after the other', async () => {
  const parent = `/clusters/${await create('/clusters', newCluster())}`;
  const child = `/nodepools/${await create(`${parent}/nodepools`, newNodePool())}`;
  await check('family: delete', () => api(app).delete(parent));
  const done = (path: string, adapter: string) => () =>
    report(path, newReport(adapter, 2, { Finalized: 'True' }));
  for (const adapter of ['validation', 'hypershift']) await check('family', done(child, adapter));
  for (const adapter of ADAPTERS) await check('family', done(parent, adapter));
  expect([...seen]).toEqual(
    expect.arrayContaining([
      ...['family: delete changes Cluster', 'family: delete changes NodePool'],
      ...['family removes NodePool', 'family touches Cluster', 'family removes Cluster'],
    ]),
  );
});

test.each([1, 2, 3])('any history of writes (seed %i)', async (seed) => {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const clusters = [await create('/clusters', newCluster())];
  const wifs = [await newWif()];
  for (let step = 0; step < 60; step++) {
    const path = `/clusters/${pick(clusters)}`;
    const { items = [] } = (await api(app).get(`${path}/nodepools`)).body as {
      items?: { id: string }[];
    };
    const about = pick([path, ...items.map(({ id }) => `/nodepools/${id}`)]);
    const { body } = await api(app).get(about);
    const sent = newReport(pick([...ADAPTERS, 'extra']), (body.generation as number) || 1, {
      Available: pick(['True', 'False']),
      Finalized: pick(['True', 'True', 'False']),
    });
    const required = kindsWith(pick([[], ['validation']]), pick([[], ['validation', 'dns']]));
    const kinds = new Map([...app.service.kinds, ...required]);
    const writes: Record<string, () => Promise<unknown>> = {
      create: async () => clusters.push(await create('/clusters', newCluster())),
      'create that refers': async () =>
        clusters.push(await create('/clusters', { ...newCluster(), ...refer(pick(wifs)) })),
      'create below': () => api(app).post(`${path}/nodepools`).send(newNodePool()),
      labels: () => patch(about, { labels: { step: `${step}` } }),
      spec: () => patch(about, { spec: { step } }),
      'same spec': () => patch(about, { spec: body.spec as object }),
      refer: () => patch(path, refer(...pick([[], [pick(wifs)]]))),
      'refer and change': () => patch(path, { ...refer(pick(wifs)), spec: { step } }),
      report: () => report(about, sent),
      reports: () => Promise.all(clusters.map((id) => report(`/clusters/${id}`, sent))),
      delete: () => api(app).delete(about),
      'force-delete': () => api(app).post(`${about}/force-delete`).send({ reason: 'test' }),
      reaggregate: () =>
        reaggregateAll(app.service.db, kinds, '', 10, {
          onProgress: () => undefined,
          onCollision: () => undefined,
        }),
    };
    const name = pick(Object.keys(writes));
    await check(name, writes[name]!);
  }
});

test('these histories had every kind of write in them', () => {
  expect([...seen].sort()).toEqual(
    expect.arrayContaining([
      ...['create creates Cluster', 'create that refers creates Cluster'],
      ...['create below creates NodePool', 'labels changes Cluster', 'spec changes Cluster'],
      ...['refer changes Cluster', 'refer and change changes Cluster'],
      ...['report changes Cluster', 'report changes NodePool', 'reports changes Cluster'],
      ...['delete changes Cluster', 'force-delete removes Cluster'],
      ...['reaggregate changes Cluster', 'reaggregate removes Cluster'],
    ]),
  );
});
