import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'supertest';
import { newCluster, newNodePool, newReport } from '../support/factories';
import {
  ADA,
  ADAPTER,
  type GuardedApp,
  RULES,
  startGuardedApp,
  STRANGER,
} from '../support/guarded-app';

const B = '/api/hyperfleet/v1';
const CLUSTERS = `${B}/clusters`;

let app: GuardedApp;
beforeAll(async () => {
  app = await startGuardedApp();
});
afterAll(() => app.stop());

describe('an adapter', () => {
  let path: string;
  beforeAll(async () => {
    path = `${CLUSTERS}/${await app.made(CLUSTERS, newCluster())}`;
  });

  const forbidden = (operation: string) => ({
    status: 403,
    body: { code: 'HYPERFLEET-AUZ-001', detail: expect.stringContaining(operation) as string },
  });

  it('may read and report', async () => {
    expect((await app.as(ADAPTER).get(path)).status).toBe(200);
    expect((await app.as(ADAPTER).head(CLUSTERS)).status).toBe(200);
    for (const method of ['post', 'put'] as const) {
      await app.as(ADAPTER)[method](`${path}/statuses`).send(newReport('dns')).expect(201);
    }
  });

  it('may do nothing else, and is told what it may not do', async () => {
    const adapter = app.as(ADAPTER);
    const attempts: [string, Test][] = [
      ['postCluster', adapter.post(CLUSTERS).send(newCluster())],
      ['patchClusterById', adapter.patch(path).send({ spec: {} })],
      ['deleteClusterById', adapter.delete(path)],
      ['createNodePool', adapter.post(`${path}/nodepools`).send(newNodePool())],
      ['forceDeleteCluster', adapter.post(`${path}/force-delete`).send({ reason: 'x' })],
      // The decision comes before the body is looked at, and before the resource is.
      ['forceDeleteCluster', adapter.post(`${CLUSTERS}/2x/force-delete`).type('json').send('{')],
    ];
    for (const [operation, attempt] of attempts) {
      expect(await attempt).toMatchObject(forbidden(operation));
    }
  });

  it('gets no farther by writing the path in another way', async () => {
    await app.as(ADA).delete(path);
    const id = path.slice(CLUSTERS.length + 1);
    const ways: [string, number][] = [
      [`${path}/force-delete/`, 403],
      [`${path}/force-delete//`, 404],
      [`${path}/force%2Ddelete`, 404],
      [`${path}/Force-Delete`, 404],
      [`${path}/statuses/../force-delete`, 404],
      [`${path}/statuses/..%2fforce-delete`, 404],
      [`${path}%2fforce-delete`, 405],
      [`/${path}/force-delete`, 404],
      [`${CLUSTERS}/./${id}/force-delete`, 404],
      [`${path}/force-delete;/statuses`, 404],
      [`${path}/force-delete%3f/statuses`, 404],
    ];
    for (const [way, status] of ways) {
      const answer = await app.as(ADAPTER).post(way).send({ reason: 'x' });
      expect({ way, status: answer.status }).toEqual({ way, status });
    }
    await app.as(ADAPTER).get(path).set('X-HTTP-Method-Override', 'DELETE').expect(200);
    await app.as(ADA).get(path).expect(200);
  });
});

it('who has no rule is denied everything but what is public', async () => {
  const answer = await app.as(STRANGER).get(CLUSTERS);
  expect(answer).toMatchObject({ status: 403, body: { code: 'HYPERFLEET-AUZ-001' } });
  expect(answer.headers).not.toHaveProperty('www-authenticate');
  expect((await app.as(STRANGER).get(`${B}/compatibility`)).status).toBe(200);
});

describe('the rules', () => {
  const statusOf = async () => (await app.as(STRANGER).get(CLUSTERS)).status;
  const eventually = async (status: number) => {
    for (let waited = 0; (await statusOf()) !== status && waited < 20_000; waited += 200) {
      await sleep(200);
    }
    expect(await statusOf()).toBe(status);
  };

  it('are followed when their file changes, and kept when it is spoilt', async () => {
    const more = "\n- {claim: email, pattern: '*@example.org', operations: [getClusters]}\n";
    writeFileSync(app.rulesFile, RULES + more);
    await eventually(200);
    writeFileSync(app.rulesFile, '- {claim: email');
    await app.authorizer.reload();
    expect(await statusOf()).toBe(200);
    writeFileSync(app.rulesFile, RULES);
    await eventually(403);
  });
});
