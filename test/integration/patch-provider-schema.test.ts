import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { api, MERGE_PATCH } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';

/* A PATCH of a resource whose provider says what a spec must look like. */

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

const GOOD = { region: 'a', size: 3, network: { cidr: '10.0.0.0/8' } };

let app: TestApp;

beforeAll(async () => {
  const file = join(directory, 'provider.json');
  writeFileSync(file, JSON.stringify(PROVIDER_SCHEMA));
  app = await startTestApp({ env: { OPENAPI_SCHEMA_PATH: file } });
});

afterAll(async () => {
  await app.stop();
  rmSync(directory, { recursive: true });
});

async function aCluster() {
  const { body } = await api(app)
    .post('/clusters')
    .send(newCluster({ spec: GOOD }))
    .expect(201);
  return { body, path: `/clusters/${body.id}` };
}

const replace = (path: string, body: object) => api(app).patch(path).send(body);
const merge = (path: string, body: object) => api(app).patch(path).type(MERGE_PATCH).send(body);

test('the result of a merge patch is what is validated, and every failure is told', async () => {
  const { path, body } = await aCluster();
  const broken = { region: null, size: 11, network: { cidr: null } };
  const response = await merge(path, { spec: broken });
  expect(response.body).toMatchObject({ status: 400, code: 'HYPERFLEET-VAL-000' });
  const fields = response.body.errors.map(({ field }: { field: string }) => field).sort();
  expect(fields).toEqual(['spec.network.cidr', 'spec.region', 'spec.size']);
  expect((await api(app).get(path)).body).toEqual(body);
  const fine = await merge(path, { spec: { size: 10 } });
  expect(fine.body.spec).toEqual({ ...GOOD, size: 10 });
});

test('so is a spec that replaces another', async () => {
  const { path } = await aCluster();
  expect((await replace(path, { spec: { size: 1 } })).status).toBe(400);
  expect((await replace(path, { spec: { region: 'b' } })).status).toBe(200);
});

test('a kind the schema says nothing about takes any object', async () => {
  const { path } = await aCluster();
  const pool = await api(app).post(`${path}/nodepools`).send(newNodePool()).expect(201);
  const response = await merge(`${path}/nodepools/${pool.body.id}`, { spec: { any: [1] } });
  expect(response.status).toBe(200);
});
