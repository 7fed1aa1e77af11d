import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';
import { ADA, type GuardedApp, startGuardedApp, STRANGER } from '../support/guarded-app';
import { WatchStream } from '../support/watch-stream';

/* What a watch must be asked for, and how it is refused. */

const MAX_WATCHES = 3;
const NOBODY = '20000000000000000000000000a';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ env: { HYPERFLEET_MAX_WATCHES: String(MAX_WATCHES) } });
});
afterAll(() => app.stop());

function open(path: string, query: Record<string, string> = {}, headers = {}) {
  return WatchStream.open(app, { path, query, headers });
}

async function metric(name: string): Promise<string | undefined> {
  const text = await app.service.metrics.registry.metrics();
  return text
    .split('\n')
    .find((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
}

describe('a refused watch is a problem, not a stream', () => {
  it.each([
    ['a search that cannot be read', '/clusters', { search: 'name =' }, 400, 'VAL-005'],
    ['a field that is not known', '/clusters', { search: "nobody = '1'" }, 400, 'VAL-005'],
    ['fields that are not known', '/clusters', { fields: 'nobody' }, 400, 'VAL-000'],
    ['a page', '/clusters', { page: '2' }, 400, 'VAL-000'],
    ['characters that no cursor has', '/clusters', { since: 'a b' }, 400, 'VAL-000'],
    ['a cursor of another database', '/clusters', { since: '1.00000001.1~1~0' }, 410, 'GON-001'],
    ['a cursor of another form', '/clusters', { since: 'unreadable' }, 410, 'GON-001'],
    ['a parent that does not exist', `/clusters/${NOBODY}/nodepools`, {}, 404, 'NTF-001'],
    [
      'a parent that does not exist, resumed',
      `/clusters/${NOBODY}/nodepools`,
      { since: '1.00000001.1~1~0' },
      404,
      'NTF-001',
    ],
    ['a kind that is not known', '/resources', { kind: 'Nobody' }, 400, 'VAL-000'],
  ])('%s', async (_what, path, query: Record<string, string>, status, code) => {
    const stream = await open(path, query);
    expect(stream.status).toBe(status);
    expect(stream.headers['content-type']).toContain('application/problem+json');
    expect((await stream.problem()).code).toBe(`HYPERFLEET-${code}`);
  });

  it('does not count against the limit', async () => {
    for (let index = 0; index <= MAX_WATCHES; index++)
      await open('/clusters', { search: 'name =' });
    expect(await metric('hyperfleet_api_watches')).toBe('hyperfleet_api_watches 0');
  });
});

it('refuses more watches than allowed until one ends', async () => {
  const streams = await Promise.all(Array.from({ length: MAX_WATCHES }, () => open('/clusters')));
  for (const stream of streams) await stream.untilSynced();
  expect(await metric('hyperfleet_api_watches')).toBe(`hyperfleet_api_watches ${MAX_WATCHES}`);
  const refused = await open('/clusters');
  expect(refused.status).toBe(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(await refused.problem()).toMatchObject({ code: 'HYPERFLEET-SVC-001' });
  streams[0]!.close();
  let again = await open('/clusters');
  for (let tries = 0; tries < 50 && again.status === 503; tries++) again = await open('/clusters');
  expect(again.status).toBe(200);
  for (const stream of [...streams, again]) stream.close();
});

it('is never compressed, and Accept alone does not select it', async () => {
  const stream = await open('/clusters', {}, { 'Accept-Encoding': 'gzip, br' });
  await stream.untilSynced();
  expect(stream.headers['content-encoding']).toBeUndefined();
  stream.close();
  const { headers } = await api(app).get('/clusters').set('Accept', 'text/event-stream');
  expect(headers['content-type']).toContain('application/json');
});

it('counts events, and leaves the duration of requests alone', async () => {
  const before = await metric('hyperfleet_api_request_duration_seconds_count');
  const stream = await open('/clusters', { search: "labels.counted = 'yes'" });
  await stream.untilSynced();
  const cluster = newCluster({ labels: { counted: 'yes' } });
  const { body } = await api(app).post('/clusters').send(cluster).expect(201);
  await stream.untilSynced();
  stream.close();
  await stream.ended;
  await api(app).get(`/clusters/${body.id}`).expect(200);
  const text = await app.service.metrics.registry.metrics();
  expect(text).toMatch(/hyperfleet_api_watch_events_total\{event="updated"\} [1-9]/);
  expect(text).toMatch(/hyperfleet_api_watch_delay_seconds_count [1-9]/);
  const lists = text
    .split('\n')
    .filter((line) =>
      /duration_seconds_count\{.*path="\/api\/hyperfleet\/v1\/clusters",.*code="200"/.test(line),
    );
  expect({ before, lists }).toMatchObject({ lists: [expect.stringMatching(/ 1$/)] });
});

describe('with authentication', () => {
  let guarded: GuardedApp;
  beforeAll(async () => {
    guarded = await startGuardedApp();
  });
  afterAll(() => guarded.stop());

  const as = (authorization?: string) =>
    WatchStream.open(guarded, {
      path: '/clusters',
      headers: authorization === undefined ? {} : { Authorization: authorization },
    });

  it('needs a token that may list', async () => {
    expect((await as()).status).toBe(401);
    expect((await as(STRANGER)).status).toBe(403);
    const stream = await as(ADA);
    expect(await stream.untilSynced()).toEqual([]);
    stream.close();
  });
});
