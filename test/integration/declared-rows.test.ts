import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reaggregateAll } from '../../src/repositories/reaggregate';
import { silentLogger } from '../../src/telemetry/log';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { kindsFile } from '../support/declared-kinds';
import { newReport } from '../support/factories';

/*
 * What becomes of stored resources when the declarations of their kinds change: they stay, and what is declared
 * protects what is not.
 */

const CHANNEL = { kind: 'Channel', plural: 'channels' };
const VERSION = { kind: 'Version', plural: 'versions', parent_kind: 'Channel' };
const ADDON = {
  ...{ kind: 'Addon', plural: 'addons' },
  references: [{ ref_type: 'channel', target_kind: 'Channel' }],
};
const ALL = [CHANNEL, VERSION, ADDON];

let database: TestDatabase;
/** Every service of this file uses the same database. */
const apps: TestApp[] = [];

async function start(entities: object[], env = {}): Promise<TestApp> {
  const variables = { HYPERFLEET_KINDS_FILE: kindsFile(entities), ...env };
  const app = await startTestApp({ env: variables, database });
  apps.push(app);
  return app;
}

let full: TestApp;
let channel: string;
let version: string;

const post = async (path: string, body: object = {}) => {
  const name = `n-${randomUUID()}`;
  const response = await api(full)
    .post(path)
    .send({ name, spec: {}, ...body });
  expect(response.status).toBe(201);
  return response.body.id as string;
};

beforeAll(async () => {
  database = await createTestDatabase();
  full = await start(ALL);
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.stop()));
  await database.drop();
});
beforeEach(async () => {
  channel = await post('/channels');
  version = await post(`/channels/${channel}/versions`);
});

describe('a kind that is no longer declared', () => {
  test('is not served, and is back as it was when it is declared again', async () => {
    const before = await api(full).get(`/versions/${version}`);
    const warn = jest.spyOn(silentLogger, 'warn');
    const without = await start([CHANNEL]);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('not declared'), {
      kind: 'Version',
      resources: expect.any(Number),
    });
    expect((await api(without).get('/versions')).body.code).toBe('HYPERFLEET-NTF-000');
    expect((await api(without).get(`/resources/${version}`)).body.code).toBe('HYPERFLEET-NTF-001');
    const { body } = await api(without).get(`/resources?search=id='${version}'`);
    expect(body.total).toBe(0);
    const again = await start(ALL);
    expect((await api(again).get(`/versions/${version}`)).body).toEqual(before.body);
  });

  test('protects its parent, which can be deleted only with a declaration', async () => {
    const without = await start([CHANNEL]);
    const { status, body } = await api(without).delete(`/channels/${channel}`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'HYPERFLEET-CNF-003' });
    expect(body.detail).toContain(`Version 'n-`);
    expect(body.detail).toContain(version);
    expect((await api(full).delete(`/channels/${channel}`)).status).toBe(202);
    expect((await api(full).get(`/versions/${version}`)).status).toBe(404);
  });

  test('protects a parent that is marked already from being removed by force', async () => {
    const waiting = await start([CHANNEL, { ...VERSION, required_adapters: ['dns'] }]);
    expect((await api(waiting).delete(`/channels/${channel}`)).status).toBe(202);
    const without = await start([CHANNEL]);
    const force = (app: TestApp) =>
      api(app).post(`/channels/${channel}/force-delete`).send({ reason: 'test' });
    const refused = await force(without);
    expect(refused.body.code).toBe('HYPERFLEET-CNF-003');
    expect(refused.body.detail).toContain(version);
    expect((await force(waiting)).status).toBe(204);
  });

  test('protects what it refers to', async () => {
    const addon = await post('/addons', { references: { channel: [{ id: channel }] } });
    const without = await start([CHANNEL, VERSION]);
    const { status, body } = await api(without).delete(`/channels/${channel}`);
    expect({ status, code: body.code }).toEqual({ status: 409, code: 'HYPERFLEET-CNF-004' });
    expect(body.detail).toContain(`Addon 'n-`);
    expect(body.detail).toContain(addon);
  });

  test('is left alone when conditions are computed anew', async () => {
    const before = await api(full).get(`/versions/${version}`);
    const without = await start([CHANNEL]);
    const observer = { onProgress: () => undefined, onCollision: () => undefined };
    const { db, kinds } = without.service;
    const progress = await reaggregateAll(db, kinds, '', 100, observer);
    expect(progress.total).toBe(progress.seen);
    expect((await api(full).get(`/versions/${version}`)).body).toEqual(before.body);
  });
});

describe('a reference type that is no longer declared', () => {
  test('is not shown, and protects its target all the same', async () => {
    const addon = await post('/addons', { references: { channel: [{ id: channel }] } });
    const without = await start([CHANNEL, VERSION, { ...ADDON, references: [] }]);
    const shown = await api(without).get(`/addons/${addon}`);
    expect(shown.body).not.toHaveProperty('references');
    const patched = await api(without)
      .patch(`/addons/${addon}`)
      .send({ labels: { a: 'b' } });
    expect(patched.status).toBe(200);
    expect((await api(without).delete(`/channels/${channel}`)).status).toBe(409);
    const again = await api(full).get(`/addons/${addon}`);
    expect(again.body.references.channel).toMatchObject([{ id: channel }]);
  });
});

describe('a start is refused', () => {
  test('when stored resources have another parent, or none', async () => {
    const nested = { ...CHANNEL, parent_kind: 'Cluster' };
    await expect(start([nested])).rejects.toThrow(
      'Channel is declared with Cluster, but stored resources have no parent',
    );
    await expect(start([CHANNEL, { ...VERSION, parent_kind: undefined }])).rejects.toThrow(
      'Version is declared with no parent, but stored resources have Channel',
    );
  });

  test('when stored references are to another kind', async () => {
    await post('/addons', { references: { channel: [{ id: channel }] } });
    const other = { ...ADDON, references: [{ ref_type: 'channel', target_kind: 'Cluster' }] };
    await expect(start([CHANNEL, VERSION, other])).rejects.toThrow(
      'Addon is declared with the reference channel to Cluster, but stored ones are to Channel',
    );
  });

  test.each([
    ['is missing', undefined, /HYPERFLEET_KINDS_FILE='.*' cannot be read \(ENOENT\)/],
    ['is not YAML', '{', /is not YAML/],
    ['has no entities', 'kinds: []', /has no property entities/],
    ['is a list', '[]', /has no property entities/],
    ['declares what is not a list', 'entities: {}', /entities must be a list/],
    [
      'has several faults',
      'entities: [{kind: channel, plural: channels}, {kind: Error, plural: failures}]',
      /entities\.0\.kind must match[^]*the kind Error needs the component Error/,
    ],
  ])('when the file %s', async (_what, text, message) => {
    const file = join(tmpdir(), `kinds-${randomUUID()}.yaml`);
    if (text !== undefined) writeFileSync(file, text);
    await expect(start([], { HYPERFLEET_KINDS_FILE: file })).rejects.toThrow(message);
  });
});

test('properties beside entities are ignored', async () => {
  const file = join(tmpdir(), `kinds-${randomUUID()}.json`);
  writeFileSync(file, JSON.stringify({ server: { port: 1 }, entities: [CHANNEL] }));
  const app = await start([], { HYPERFLEET_KINDS_FILE: file });
  expect((await api(app).get(`/channels/${channel}`)).status).toBe(200);
});

test('a kind without required adapters is never Ready, says why, and is removed at once', async () => {
  const { body } = await api(full).get(`/channels/${channel}`);
  expect(body.status.conditions[1]).toMatchObject({
    ...{ type: 'Ready', status: 'False', reason: 'NoRequiredAdapters' },
  });
  await api(full).post(`/channels/${channel}/statuses`).send(newReport('extra'));
  const after = await api(full).get(`/channels/${channel}`);
  expect(after.body.status.conditions[1].reason).toBe('NoRequiredAdapters');
  expect((await api(full).delete(`/versions/${version}`)).status).toBe(202);
  expect((await api(full).delete(`/channels/${channel}`)).status).toBe(202);
  expect((await api(full).get(`/channels/${channel}`)).status).toBe(404);
});
