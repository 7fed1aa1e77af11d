import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { newCluster, newNodePool, newReport } from '../support/factories';
import {
  ADA,
  ADAPTER,
  type GuardedApp,
  RULES,
  startGuardedApp,
  STRANGER,
} from '../support/guarded-app';
import type { Sending } from '../support/send';

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
    expect((await app.as(ADAPTER, { path })).status).toBe(200);
    expect((await app.as(ADAPTER, { method: 'HEAD', path: CLUSTERS })).status).toBe(200);
    for (const method of ['POST', 'PUT']) {
      const report = { method, path: `${path}/statuses`, body: newReport('dns') };
      expect((await app.as(ADAPTER, report)).status).toBe(201);
    }
  });

  it('may do nothing else, and is told what it may not do', async () => {
    const attempts: [string, Sending][] = [
      ['postCluster', { method: 'POST', path: CLUSTERS, body: newCluster() }],
      ['patchClusterById', { method: 'PATCH', path, body: { spec: {} } }],
      ['deleteClusterById', { method: 'DELETE', path }],
      ['createNodePool', { method: 'POST', path: `${path}/nodepools`, body: newNodePool() }],
      [
        'forceDeleteCluster',
        { method: 'POST', path: `${path}/force-delete`, body: { reason: 'x' } },
      ],
    ];
    for (const [operation, sending] of attempts) {
      expect(await app.as(ADAPTER, sending)).toMatchObject(forbidden(operation));
    }
    // The decision comes before the body is looked at, and before the resource is.
    const blind = { method: 'POST', path: `${CLUSTERS}/2x/force-delete`, body: '{' };
    expect(await app.as(ADAPTER, blind)).toMatchObject(forbidden('forceDeleteCluster'));
  });

  it('gets no farther by writing the path in another way', async () => {
    await app.as(ADA, { method: 'DELETE', path });
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
      const answer = await app.as(ADAPTER, { method: 'POST', path: way, body: { reason: 'x' } });
      expect({ way, status: answer.status }).toEqual({ way, status });
    }
    const overridden = { path, headers: { 'X-HTTP-Method-Override': 'DELETE' } };
    expect((await app.as(ADAPTER, overridden)).status).toBe(200);
    expect((await app.as(ADA, { path })).status).toBe(200);
  });
});

it('who has no rule is denied everything but what is public', async () => {
  const answer = await app.as(STRANGER, { path: CLUSTERS });
  expect(answer).toMatchObject({ status: 403, body: { code: 'HYPERFLEET-AUZ-001' } });
  expect(answer.headers).not.toHaveProperty('www-authenticate');
  expect((await app.as(STRANGER, { path: `${B}/compatibility` })).status).toBe(200);
});

describe('the rules', () => {
  const statusOf = async () => (await app.as(STRANGER, { path: CLUSTERS })).status;
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
