import { writeFileSync } from 'node:fs';
import { newCluster } from '../support/factories';
import { ADA, type GuardedApp, startGuardedApp, STRANGER } from '../support/guarded-app';

/* Who may use `/resources`: its own operations count, whatever the kind of the resource. */

const B = '/api/hyperfleet/v1';
const NOBODY = '201kf0hj0808sjpk9ga01xy0xj2';

let guarded: GuardedApp;
let id: string;
beforeAll(async () => {
  guarded = await startGuardedApp();
  id = await guarded.made(`${B}/clusters`, newCluster());
});
afterAll(() => guarded.stop());

/** The statuses that Eve gets with these operations. */
async function allowed(...operations: string[]): Promise<Record<string, number>> {
  const rule = { claim: 'email', pattern: 'eve@example.org', operations };
  writeFileSync(guarded.rulesFile, JSON.stringify([rule]));
  await guarded.authorizer.reload();
  const paths = ['clusters', `clusters/${id}`, `clusters/${id}/statuses`];
  const all = [...paths, ...paths.map((path) => path.replace('clusters', 'resources'))];
  const statuses: Record<string, number> = {};
  for (const path of all) {
    const { status } = await guarded.as(STRANGER).get(`${B}/${path}`);
    statuses[path.replace(id, 'id')] = status;
  }
  return statuses;
}

const NONE = {
  ...{ clusters: 403, 'clusters/id': 403, 'clusters/id/statuses': 403 },
  ...{ resources: 403, 'resources/id': 403, 'resources/id/statuses': 403 },
};

it('is that of the own operations, which rules for a kind do not open', async () => {
  expect(await allowed('getCluster*')).toEqual({
    ...NONE,
    ...{ clusters: 200, 'clusters/id': 200, 'clusters/id/statuses': 200 },
  });
  expect(await allowed('getClusterById', 'getClusterStatuses')).toEqual({
    ...NONE,
    ...{ 'clusters/id': 200, 'clusters/id/statuses': 200 },
  });
});

it('opens only what is named', async () => {
  expect(await allowed('getResourceById')).toEqual({ ...NONE, 'resources/id': 200 });
  expect(await allowed('getResources')).toEqual({ ...NONE, resources: 200 });
  expect(await allowed('getResourceStatuses')).toEqual({ ...NONE, 'resources/id/statuses': 200 });
});

it('comes before anybody learns whether the resource exists', async () => {
  await allowed('getClusterById');
  for (const given of [id, NOBODY]) {
    const response = await guarded.as(STRANGER).delete(`${B}/resources/${given}`);
    expect(response.status).toBe(403);
    expect(response.body.detail).toContain('deleteResourceById');
  }
  const created = await guarded
    .as(STRANGER)
    .post(`${B}/resources`)
    .send({ ...newCluster(), kind: 'Cluster' });
  expect(created).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('postResource') as string },
  });
});

it('lets those who may do anything create here', async () => {
  writeFileSync(
    guarded.rulesFile,
    JSON.stringify([{ claim: 'groups', pattern: 'fleet-admins', operations: ['*Resource'] }]),
  );
  await guarded.authorizer.reload();
  const body = { ...newCluster(), kind: 'Cluster' };
  const created = await guarded.as(ADA).post(`${B}/resources`).send(body);
  expect(created).toMatchObject({ status: 201, body: { created_by: 'ada@example.org' } });
  expect((await guarded.as(ADA).post(`${B}/clusters`).send(newCluster())).status).toBe(403);
});
