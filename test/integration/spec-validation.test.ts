import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Response } from 'supertest';
import { api, MERGE_PATCH } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';

/* Two services on one database; the second is stricter, and its provider says what a spec must look like. */

let app: TestApp;
let strict: TestApp;
const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-schema-'));

const PROVIDER_SCHEMA = {
  openapi: '3.0.3',
  info: { title: 'provider', version: '1' },
  paths: {},
  components: {
    schemas: {
      ClusterSpec: {
        type: 'object',
        required: ['region'],
        properties: {
          region: { type: 'string' },
          size: { type: 'integer', maximum: 10 },
          network: { type: 'object', required: ['cidr'], properties: { cidr: { type: 'string' } } },
        },
      },
    },
  },
};

beforeAll(async () => {
  const file = join(directory, 'provider.json');
  writeFileSync(file, JSON.stringify(PROVIDER_SCHEMA));
  app = await startTestApp();
  strict = await startTestApp({
    env: { OPENAPI_SCHEMA_PATH: file, MAX_BODY_BYTES: '2048' },
    database: app.database,
  });
});

afterAll(async () => {
  await strict.stop();
  await app.stop();
  rmSync(directory, { recursive: true });
});

const good = { region: 'a', size: 3, network: { cidr: '10.0.0.0/8' } };

async function aCluster(spec: Record<string, unknown> = good) {
  const { status, body, headers } = await api(app).post('/clusters').send(newCluster({ spec }));
  expect(status).toBe(201);
  return { body, etag: headers.etag, path: `/clusters/${body.id}` };
}

const replace = (path: string, body: object) => api(strict).patch(path).send(body);
const merge = (path: string, body: object) => api(strict).patch(path).type(MERGE_PATCH).send(body);

function fieldsOf({ status, body }: Response): string[] {
  expect({ status, code: body.code }).toEqual({ status: 400, code: 'HYPERFLEET-VAL-000' });
  return (body.errors as { field: string }[]).map(({ field }) => field).sort();
}

test('what is wrong with the spec of a new resource is told with everything else', async () => {
  const request = { name: 'No-Name', spec: { size: 11 }, labels: { 'a b': 'c' } };
  const fields = ['labels.a b', 'name', 'spec.region', 'spec.size'];
  for (const path of ['/clusters', '/resources']) {
    const body = { kind: 'Cluster', ...request };
    expect(fieldsOf(await api(strict).post(path).send(body))).toEqual(fields);
  }
  const named = newCluster({ spec: { size: 11 } });
  expect(fieldsOf(await api(strict).post('/clusters').send(named))).toEqual(fields.slice(2));
});

test('a spec that is no object has one fault', async () => {
  const body = { ...newCluster(), spec: 'x' };
  expect(fieldsOf(await api(strict).post('/clusters').send(body))).toEqual(['spec']);
});

test('a patch that changes nothing has no effect, also where a stored spec has become invalid', async () => {
  const { path, etag, body } = await aCluster({ size: 11 });
  for (const response of [
    await replace(path, { spec: { size: 11 } }),
    await replace(path, { labels: body.labels }),
    await merge(path, { spec: { size: 11, region: null } }),
    await merge(path, { labels: {} }),
  ]) {
    expect(response).toMatchObject({ status: 200, body, headers: { etag } });
  }
  for (const response of [
    await replace(path, { labels: { other: 'label' } }),
    await merge(path, { labels: { other: 'label' } }),
  ]) {
    expect(fieldsOf(response)).toEqual(['spec.region', 'spec.size']);
  }
});

test('so it is where a stored spec is now too large', async () => {
  const { path, etag } = await aCluster({ region: 'a', text: 'x'.repeat(4000) });
  expect(await merge(path, { labels: {} })).toMatchObject({ status: 200, headers: { etag } });
  expect((await merge(path, { labels: { other: 'label' } })).status).toBe(413);
});

test('the result of a merge patch is what is validated, and every failure is told', async () => {
  const { path, body } = await aCluster();
  const response = await merge(path, { spec: { region: null, size: 11, network: { cidr: null } } });
  expect(fieldsOf(response)).toEqual(['spec.network.cidr', 'spec.region', 'spec.size']);
  expect((await api(app).get(path)).body).toEqual(body);
  const fine = await merge(path, { spec: { size: 10 } });
  expect(fine.body.spec).toEqual({ ...good, size: 10 });
});

test('so is a spec that replaces another', async () => {
  const { path } = await aCluster();
  expect((await replace(path, { spec: { size: 1 } })).status).toBe(400);
  expect((await replace(path, { spec: { region: 'b' } })).status).toBe(200);
});

test('a kind the schema says nothing about takes any object', async () => {
  const { path } = await aCluster();
  const pool = await api(strict).post(`${path}/nodepools`).send(newNodePool());
  const response = await merge(`${path}/nodepools/${pool.body.id}`, { spec: { any: [1] } });
  expect(response.status).toBe(200);
});
