import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { api } from '../support/api';
import { startTestApp } from '../support/app';
import { createTestDatabase } from '../support/database';
import { ENTITIES, kindsFile } from '../support/declared-kinds';
import { newCluster } from '../support/factories';
import { runService } from '../support/service-process';

/* The contract of a deployment: what the command prints is what its service serves. */

const PROVIDER = {
  openapi: '3.0.3',
  info: { title: 'Provider', version: '1' },
  paths: {},
  components: {
    schemas: {
      ClusterSpec: { type: 'object', required: ['zone'], properties: { zone: { type: 'string' } } },
      ChannelSpec: { type: 'object', properties: { url: { type: 'string' } } },
    },
  },
};

jest.setTimeout(60_000);

let directory: string;
let env: Record<string, string>;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'contract-'));
  const provider = join(directory, 'provider.yaml');
  writeFileSync(provider, JSON.stringify(PROVIDER));
  env = {
    HYPERFLEET_KINDS_FILE: kindsFile(),
    OPENAPI_SCHEMA_PATH: provider,
    HYPERFLEET_DEFAULT_PAGE_SIZE: '50',
  };
});
afterAll(() => rmSync(directory, { recursive: true }));

const contract = (...args: string[]) => runService(['contract', ...args], env, directory);

it('is printed without a database as it is served, as JSON and as YAML', async () => {
  const app = await startTestApp({ env });
  try {
    const { body } = await api(app).get('/openapi').expect(200);
    expect(body.components.schemas.ChannelSpec).toEqual(PROVIDER.components.schemas.ChannelSpec);
    expect(Object.keys(body.paths)).toContain('/api/hyperfleet/v1/versions/{version_id}');
    const [json, yaml] = await Promise.all([contract(), contract('--yaml')]);
    expect(json).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(json.stdout)).toEqual(body);
    expect(yaml).toMatchObject({ code: 0, stderr: '' });
    expect(parse(yaml.stdout)).toEqual(body);
  } finally {
    await app.stop();
  }
});

it('names every declared kind that clashes with it', async () => {
  const file = kindsFile([...ENTITIES, { kind: 'Labels', plural: 'labels' }]);
  const ended = await runService(['contract'], { HYPERFLEET_KINDS_FILE: file }, directory);
  expect(ended).toMatchObject({ code: 1, stdout: '' });
  expect(ended.stderr).toMatch(
    /HYPERFLEET_KINDS_FILE: the kind Labels needs the component Labels, which the contract already has/,
  );
});

it('shows a schema that stored specs need not match, only new ones', async () => {
  const database = await createTestDatabase();
  const before = await startTestApp({ database });
  const created = await api(before)
    .post('/clusters')
    .send(newCluster({ spec: { old: true } }));
  expect(created.status).toBe(201);
  await before.stop();
  const app = await startTestApp({ env, database });
  try {
    const { body } = await api(app).get(`/clusters/${created.body.id}`).expect(200);
    expect(body.spec).toEqual({ old: true });
    await api(app)
      .post('/clusters')
      .send(newCluster({ spec: { old: true } }))
      .expect(400);
  } finally {
    await app.stop();
    await database.drop();
  }
});
