import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pruneRemovals } from '../../src/changes/retention';
import { api } from '../support/api';
import { startTestApp } from '../support/app';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster } from '../support/factories';
import { ADA, bearer, type GuardedApp, RULES, startGuardedApp } from '../support/guarded-app';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';
import { WatchStream } from '../support/watch-stream';

/* How a watch ends, and what a client has from it then. */

jest.setTimeout(60_000);

/** It ended between two events, and the end was said. */
async function endsCleanly(stream: WatchStream): Promise<void> {
  await stream.ended;
  stream.assertSound();
  expect(stream.complete).toBe(true);
  expect(stream.isBetweenEvents).toBe(true);
}

describe('with authentication', () => {
  let app: GuardedApp;
  beforeAll(async () => {
    app = await startGuardedApp();
  });
  afterAll(() => app.stop());

  const watch = async (authorization: string) => {
    const headers = { Authorization: authorization };
    const stream = await WatchStream.open(app, { path: '/clusters', headers });
    expect(stream.status).toBe(200);
    await stream.untilSynced();
    return stream;
  };

  it('ends when the token expires', async () => {
    const exp = Math.ceil(Date.now() / 1000) + 2;
    const stream = await watch(bearer({ email: 'a@example.org', groups: ['fleet-admins'], exp }));
    const other = await watch(ADA);
    await endsCleanly(stream);
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(exp - 0.1);
    expect(other.closed).toBe(false);
    other.close();
  });

  it('ends when other rules come into force, and who still may comes back', async () => {
    const stream = await watch(ADA);
    writeFileSync(app.rulesFile, RULES.replace('fleet-admins', 'nobody'));
    await app.authorizer.reload();
    await endsCleanly(stream);
    const headers = { Authorization: ADA };
    const refused = await WatchStream.open(app, { path: '/clusters', headers });
    expect(refused.status).toBe(403);
    writeFileSync(app.rulesFile, RULES);
    await app.authorizer.reload();
    (await watch(ADA)).close();
  });
});

describe('when the service stops', () => {
  let database: TestDatabase;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hyperfleet-watch-'));
    database = await createTestDatabase();
  });
  afterEach(stopServices);
  afterAll(async () => {
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  const start = async () => {
    const service = startService(
      ['serve'],
      { ...FREE_PORTS, DATABASE_URL: database.url },
      directory,
    );
    const { api: base } = await service.ready();
    return { service, url: new URL(base).origin };
  };

  it('ends at once, and resumes on the next one', async () => {
    const first = await start();
    const stream = await WatchStream.open(first, { path: '/clusters' });
    await stream.untilSynced();
    const began = performance.now();
    first.service.signal('SIGTERM');
    await endsCleanly(stream);
    expect(performance.now() - began).toBeLessThan(2000);
    expect(await first.service.ended).toMatchObject({ code: 0 });

    const second = await start();
    const { body } = await api(second).post('/clusters').send(newCluster()).expect(201);
    const headers = { 'Last-Event-ID': stream.lastEventId! };
    const resumed = await WatchStream.open(second, { path: '/clusters', headers });
    const [event] = await resumed.untilSynced();
    expect(JSON.parse(event!.data)).toMatchObject({ id: body.id });
    resumed.close();
  });

  it('opens no other while it finishes what is in progress', async () => {
    const app = await startTestApp({ database });
    app.service.watches.close();
    const refused = await WatchStream.open(app, { path: '/clusters' });
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBeDefined();
    await app.stop();
  });
});

it('cannot be resumed from before a removal that is forgotten', async () => {
  const app = await startTestApp();
  try {
    const create = async () => {
      const { body } = await api(app).post('/clusters').send(newCluster()).expect(201);
      return `/clusters/${body.id}`;
    };
    const remove = async (path: string) => {
      await api(app).delete(path).expect(202);
      await api(app).post(`${path}/force-delete`).send({ reason: 'test' }).expect(204);
    };
    const gone = await create();
    const stream = await WatchStream.open(app, { path: '/clusters' });
    await stream.untilSynced();
    const before = stream.lastEventId!;
    await remove(gone);
    await stream.until(({ event }) => event === 'removed');
    await stream.untilSynced();
    const after = stream.lastEventId!;
    stream.close();
    await sleep(10);
    const statusSince = async (since: string) => {
      const resumed = await WatchStream.open(app, { path: '/clusters', query: { since } });
      resumed.close();
      return resumed.status;
    };
    // Transactions in other databases of the server hold the removal back, too.
    const deadline = Date.now() + 30_000;
    do await pruneRemovals(app.service.db, 0);
    while ((await statusSince(before)) !== 410 && Date.now() < deadline);
    expect(await statusSince(before)).toBe(410);
    expect(await statusSince(after)).toBe(200);
  } finally {
    await app.stop();
  }
});
