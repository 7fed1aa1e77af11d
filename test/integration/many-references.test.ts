import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { api, MERGE_PATCH } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { kindsFile } from '../support/declared-kinds';

/* More bad references than the validator could describe without blocking other requests. */

let app: TestApp;
let directory: string;
let versions: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'references-'));
  app = await startTestApp({ env: { HYPERFLEET_KINDS_FILE: kindsFile(directory) } });
  const { body } = await api(app).post('/channels').send({ name: 'stable', spec: {} });
  versions = `/channels/${body.id}/versions`;
});
afterAll(async () => {
  await app.stop();
  rmSync(directory, { recursive: true });
});

const lists = (types: number, length: number) =>
  Object.fromEntries(
    Array.from({ length: types }, (_, index) => [`type_${index}`, Array<number>(length).fill(0)]),
  );

it.each([
  ['in one list', lists(1, 80_000)],
  ['in many lists', lists(64, 1000)],
])('are one fault %s', async (_where, references) => {
  const fault = {
    field: 'references',
    message: 'references must NOT have more than 1000 items in all its lists',
    constraint: 'maxItems',
  };
  const create = { name: 'v1', spec: {}, references };
  const { body } = await api(app).post(versions).send(create).expect(400);
  expect(body.errors).toEqual([fault]);
  const { id } = (await api(app).post(versions).send({ name: 'v2', spec: {} })).body;
  const patch = api(app).patch(`/versions/${id}`).type(MERGE_PATCH).send({ references });
  expect((await patch.expect(400)).body.errors).toEqual([fault]);
});
