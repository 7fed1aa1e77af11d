import type { Response } from 'supertest';
import { api, MERGE_PATCH } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { violations } from '../support/lifecycle-service';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(async () => {
  expect(await violations(app.service.db, app.service.kinds)).toEqual([]);
  await app.stop();
});

async function aCluster(
  spec: Record<string, unknown> = { region: 'a' },
  labels: Record<string, string> = {},
) {
  const { status, body } = await api(app).post('/clusters').send(newCluster({ spec, labels }));
  expect(status).toBe(201);
  return { body, path: `/clusters/${body.id}` };
}

const replace = (path: string, body: string | object) =>
  api(app).patch(path).type('json').send(body);
const merge = (path: string, body: string | object) =>
  api(app).patch(path).type(MERGE_PATCH).send(body);

async function expectUnmoved(path: string, before: Response, after: Response): Promise<void> {
  expect(after.status).toBe(200);
  expect(after.body).toEqual(before.body);
  const now = await api(app).get(path);
  expect(now.body).toEqual(before.body);
  expect(now.headers.etag).toBe(before.headers.etag);
  expect(after.headers.etag).toBe(before.headers.etag);
}

describe('application/json', () => {
  test('a given property is replaced as a whole, the other one stays', async () => {
    const { path, body } = await aCluster({ region: 'a', size: 3 }, { env: 'test' });
    const patched = await replace(path, { spec: { region: 'b' } });
    expect(patched.status).toBe(200);
    expect(patched.body).toMatchObject({ spec: { region: 'b' }, labels: { env: 'test' } });
    expect(patched.body.spec).toEqual({ region: 'b' });
    expect(patched.body.generation).toBe(2);
    expect(patched.body.created_time).toBe(body.created_time);

    const relabelled = await replace(path, { labels: { team: 'x' } });
    expect(relabelled.body).toMatchObject({ spec: { region: 'b' }, generation: 3 });
    expect(relabelled.body.labels).toEqual({ team: 'x' });
    expect((await api(app).get(path)).body).toEqual(relabelled.body);
  });

  test('null is a value of a spec, not a removal', async () => {
    const { path } = await aCluster({ region: 'a' });
    const { body } = await replace(path, { spec: { region: null, deep: { gone: null } } });
    expect(body.spec).toEqual({ region: null, deep: { gone: null } });
  });
});

describe('application/merge-patch+json', () => {
  test('properties are merged at any depth, null removes, an array replaces an array', async () => {
    const { path } = await aCluster({
      ...{ a: { b: { c: 1, d: 2 } }, list: [1, 2, 3], gone: true },
    });
    const { body } = await merge(path, {
      spec: { a: { b: { d: null, e: { f: null, g: 1 } } }, list: [null], gone: null, no: null },
    });
    expect(body.spec).toEqual({ a: { b: { c: 1, e: { g: 1 } } }, list: [null] });
    expect(body.generation).toBe(2);
  });

  test('what is not an object gives way to an object, and the other way round', async () => {
    const { path } = await aCluster({ a: [1], b: { c: 1 } });
    const { body } = await merge(path, { spec: { a: { x: { y: null } }, b: 7 } });
    expect(body.spec).toEqual({ a: { x: {} }, b: 7 });
  });

  test('labels are merged one by one; null for one removes it, null for all removes all', async () => {
    const { path } = await aCluster({}, { env: 'test', team: 'x' });
    const { body } = await merge(path, { labels: { env: null, tier: '1' } });
    expect(body.labels).toEqual({ team: 'x', tier: '1' });
    const emptied = await merge(path, { labels: null });
    expect(emptied.status).toBe(200);
    expect(emptied.body.labels).toEqual({});
    await expectUnmoved(path, emptied, await merge(path, { labels: null }));
  });

  test('a spec cannot be removed', async () => {
    const { path, body } = await aCluster();
    const response = await merge(path, { spec: null });
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ code: 'HYPERFLEET-VAL-000' });
    expect((await api(app).get(path)).body).toEqual(body);
  });
});

describe('what is no change moves nothing', () => {
  const SPEC = { a: { x: 1, y: [1, { p: 1, q: 2 }] }, b: 'text', zero: 0 };

  test.each([
    ['the same', JSON.stringify({ spec: SPEC })],
    [
      'other key order, at any depth',
      '{"spec":{"zero":0,"b":"text","a":{"y":[1,{"q":2,"p":1}],"x":1}}}',
    ],
    [
      'another spelling of the same numbers',
      '{"spec":{"a":{"x":1.0,"y":[1e0,{"p":1,"q":2}]},"b":"text","zero":-0}}',
    ],
    ['the same labels in another order', '{"labels":{"team":"x","env":"test"}}'],
  ])('%s', async (_, text) => {
    const { path } = await aCluster(SPEC, { env: 'test', team: 'x' });
    const before = await api(app).get(path);
    await expectUnmoved(path, before, await replace(path, text));
    await expectUnmoved(path, before, await merge(path, text));
  });

  test('a merge patch that removes what is not there, or merges nothing', async () => {
    const { path } = await aCluster(SPEC, { env: 'test' });
    const before = await api(app).get(path);
    for (const body of [
      { spec: {} },
      { labels: {} },
      { spec: { none: null, a: { none: null } }, labels: { none: null } },
    ]) {
      await expectUnmoved(path, before, await merge(path, body));
    }
  });

  test.each([
    ['the order of an array', { spec: { ...SPEC, a: { x: 1, y: [{ p: 1, q: 2 }, 1] } } }],
    ['a value deep inside', { spec: { ...SPEC, a: { x: 1, y: [1, { p: 1, q: 3 }] } } }],
    ['a number that becomes a text', { spec: { ...SPEC, zero: '0' } }],
    ['a null where nothing was', { spec: { ...SPEC, c: null } }],
    ['a label value', { labels: { env: 'prod' } }],
    ['no labels any more', { labels: {} }],
  ])('but %s is a change', async (_, body) => {
    const { path } = await aCluster(SPEC, { env: 'test' });
    const before = await api(app).get(path);
    const after = await replace(path, body);
    expect(after.body.generation).toBe(2);
    expect(after.headers.etag).not.toBe(before.headers.etag);
  });
});

test('generation, updated_* and conditions move together', async () => {
  const { path, body: created } = await aCluster();
  for (const adapter of ['validation', 'dns']) {
    await api(app).post(`${path}/statuses`).send(newReport(adapter));
  }
  const ready = await api(app).get(path);
  expect(ready.body.status).toMatchObject({ phase: 'Ready', observed_generation: 1 });
  const { body } = await replace(path, { spec: { region: 'b' } });
  const condition = (type: string) =>
    body.status.conditions.find((one: { type: string }) => one.type === type);
  expect(body).toMatchObject({ generation: 2, updated_by: 'system@hyperfleet.local' });
  expect(body.updated_time >= created.updated_time).toBe(true);
  expect(condition('Ready')).toMatchObject({ status: 'False', observed_generation: 2 });
  expect(condition('Available')).toMatchObject({ status: 'True', observed_generation: 1 });
  expect(body.status.phase).toBe('NotReady');
});

describe('refused, and nothing is changed', () => {
  test.each([
    ['{}', 'application/json', 400],
    ['{}', 'application/merge-patch+json', 400],
    ['{"name":"other"}', 'application/json', 400],
    ['{"spec":{"x":1},"name":"other"}', 'application/merge-patch+json', 400],
    ['{"labels":{"-bad":"x"}}', 'application/merge-patch+json', 400],
    ['{"labels":{"ok":"not ok!"}}', 'application/json', 400],
    ['{"labels":{"ok":null}}', 'application/json', 400],
    ['{"labels":null}', 'application/json', 400],
    ['{"spec":[]}', 'application/merge-patch+json', 400],
    ['[]', 'application/merge-patch+json', 400],
    ['{"spec":{}}', 'application/json-patch+json', 415],
  ])('%s as %s', async (text, type, status) => {
    const { path, body } = await aCluster();
    const response = await api(app).patch(path).type(type).send(text);
    expect(response.status).toBe(status);
    expect(response.type).toBe('application/problem+json');
    expect((await api(app).get(path)).body).toEqual(body);
  });

  test.each([
    { 'Content-Type': 'application/json-patch+json' },
    { 'Content-Type': 'application/json; charset=latin1' },
    { 'Content-Encoding': 'gzip' },
  ])('a body with %j, with the types that are supported', async (headers) => {
    const { path } = await aCluster();
    const response = await api(app).patch(path).type('json').set(headers).send('{"spec":{}}');
    expect(response.status).toBe(415);
    expect(response.headers['accept-patch']).toBe('application/json, application/merge-patch+json');
  });

  test('a merge patch that would lead to more than 64 labels', async () => {
    const some = (prefix: string, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, 'x']));
    const { path } = await aCluster({}, some('a', 40));
    const response = await merge(path, { labels: some('b', 25) });
    expect(response.status).toBe(400);
    expect(response.body.errors).toEqual([
      expect.objectContaining({ field: 'labels', constraint: 'maxProperties' }),
    ]);
    expect((await merge(path, { labels: { ...some('b', 25), a0: null } })).status).toBe(200);
  });

  test('merge patches that add up to more than one request could hold', async () => {
    const { path } = await aCluster({ a: 'x'.repeat(200_000) });
    const response = await merge(path, { spec: { b: 'x'.repeat(100_000) } });
    expect(response.status).toBe(413);
    expect(response.body.code).toBe('HYPERFLEET-LRG-001');
    expect((await merge(path, { spec: { a: 'x', b: 'x'.repeat(100_000) } })).status).toBe(200);
  });

  test('a resource that is being deleted', async () => {
    const { path } = await aCluster();
    const { body } = await api(app).delete(path);
    const response = await replace(path, { spec: { region: 'b' } });
    expect(response.body).toMatchObject({ status: 409, code: 'HYPERFLEET-CNF-003' });
    expect((await api(app).get(path)).body).toEqual(body);
  });

  test('a resource that does not exist, or a node pool of another cluster', async () => {
    const [one, other] = [await aCluster(), await aCluster()];
    const pool = await api(app).post(`${one.path}/nodepools`).send(newNodePool());
    for (const path of ['/clusters/none', `${other.path}/nodepools/${pool.body.id}`]) {
      const response = await replace(path, { labels: { a: 'b' } });
      expect(response.body).toMatchObject({ status: 404, code: 'HYPERFLEET-NTF-001' });
    }
    const right = await replace(`${one.path}/nodepools/${pool.body.id}`, { labels: { a: 'b' } });
    expect(right.body).toMatchObject({ kind: 'NodePool', generation: 2, labels: { a: 'b' } });
  });
});

test('merge patches of different properties at the same time all count', async () => {
  const { path } = await aCluster({});
  const patches = Array.from({ length: 20 }, (_, index) =>
    merge(path, { spec: { [`property${index}`]: index } }),
  );
  for (const { status } of await Promise.all(patches)) expect(status).toBe(200);
  const { body } = await api(app).get(path);
  expect(Object.keys(body.spec)).toHaveLength(20);
  expect(body.generation).toBe(21);
});
