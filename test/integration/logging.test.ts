import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest, { type Test } from 'supertest';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { freePort } from '../support/own-postgres';
import { sendBytes } from '../support/raw-http';
import {
  FREE_PORTS,
  type LogLine,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* What an operator reads on standard output. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const SECRET = 'hunter2-very-secret';

jest.setTimeout(60_000);

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-logging-'));
  database = await createTestDatabase();
});
afterEach(stopServices);
afterAll(async () => {
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}) {
  const all = { ...FREE_PORTS, DATABASE_URL: database.url, ...env };
  const service = startService(['serve'], all, directory);
  const { api } = await service.ready();
  const url = new URL(api).origin;
  let serial = 0;
  /** The response and the line that the log has about it. */
  const ask = async (request: Test) => {
    const id = `test-${++serial}`;
    const response = await request.set('X-Request-Id', id);
    return { response, line: await lineOf(service, id) };
  };
  return { service, url, api: supertest(url), ask };
}

async function lineOf(service: ServiceProcess, id: string): Promise<LogLine | undefined> {
  for (let tries = 0; tries < 20; tries++) {
    const found = service.log.find(
      ({ message, request_id }) => message === 'request' && request_id === id,
    );
    if (found !== undefined) return found;
    await sleep(20);
  }
  return undefined;
}

it('writes one line per request that says what, who, how it ended, how long it took, and on what', async () => {
  const { service, api, ask } = await start();
  const { response, line } = await ask(api.post(CLUSTERS).send(newCluster()));
  const id = response.body.id as string;
  expect(line).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    level: 'info',
    message: 'request',
    method: 'POST',
    route: CLUSTERS,
    path: CLUSTERS,
    status: 201,
    duration_ms: expect.any(Number),
    bytes: expect.any(Number),
    request_id: 'test-1',
    trace_id: 'test-1',
    actor: 'system@hyperfleet.local',
    resource_id: id,
  });
  const read = await ask(api.get(`${CLUSTERS}/${id}`));
  expect(read.line).toMatchObject({ route: `${CLUSTERS}/{cluster_id}`, resource_id: id });
  const missing = await ask(api.get('/nowhere/at/all'));
  expect(missing.line).toMatchObject({ route: 'unknown', path: '/nowhere/at/all', status: 404 });
  expect(service.log.filter(({ message }) => message === 'request')).toHaveLength(3);
});

it('counts all bytes of a response, of whatever kind it is', async () => {
  const { service, url, api } = await start();
  for (let count = 0; count < 3; count++) await api.post(CLUSTERS).send(newCluster());
  const path = (await api.get(CLUSTERS)).body.items[0].href as string;
  await api.delete(path);
  const reason = '{"reason":"gone"}';
  const requests: [status: number, request: string][] = [
    [200, `GET ${CLUSTERS} HTTP/1.1\r\nAccept-Encoding: gzip`],
    [200, `GET ${CLUSTERS} HTTP/1.1`],
    [200, `GET ${path} HTTP/1.1`],
    [200, `HEAD ${path} HTTP/1.1`],
    [
      204,
      `POST ${path}/force-delete HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 17`,
    ],
    [404, `GET ${path} HTTP/1.1`],
  ];
  for (const [index, [status, request]] of requests.entries()) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const headers = `Host: x\r\nConnection: close\r\nX-Request-Id: bytes-${index}`;
    socket.write(`${request}\r\n${headers}\r\n\r\n${status === 204 ? reason : ''}`);
    const { length } = await buffer(socket);
    const line = await lineOf(service, `bytes-${index}`);
    expect({ request, line }).toMatchObject({ request, line: { status, bytes: length } });
  }
});

it('warns of nothing while all goes well, whatever clients ask for', async () => {
  const { service, api, ask } = await start();
  const cluster = await ask(api.post(CLUSTERS).send(newCluster()));
  const path = cluster.response.body.href as string;
  const statuses = [
    await ask(api.post(`${path}/nodepools`).send(newNodePool())),
    await ask(api.put(`${path}/statuses`).send(newReport('validation'))),
    await ask(api.put(`${path}/statuses`).send(newReport('validation', 9))),
    await ask(api.post(`${path}/statuses`).send({ adapter: 'x' })),
    await ask(api.patch(path).send({ labels: { a: 'b' } })),
    await ask(api.patch(path).type('json').send('{"labels":')),
    await ask(api.get(`${CLUSTERS}?search=nonsense((`)),
    await ask(api.get(`${CLUSTERS}/none`)),
    await ask(api.delete(path)),
    await ask(api.patch(path).send({ labels: { a: 'c' } })),
    await ask(api.trace(path)),
  ].map(({ response }) => response.status);
  expect(statuses).toEqual([201, 201, 409, 400, 200, 400, 400, 404, 202, 409, 405]);
  await service.end('SIGTERM');
  expect(service.log.filter(({ level }) => level !== 'info')).toEqual([]);
});

it('leaves successful lists out with LOG_POLLS=false, and nothing else', async () => {
  const { api, ask } = await start({ LOG_POLLS: 'false' });
  const { line, response } = await ask(api.post(CLUSTERS).send(newCluster()));
  expect(line).toMatchObject({ status: 201 });
  const path = response.body.href as string;
  expect((await ask(api.get(path))).line).toMatchObject({ status: 200 });
  expect((await ask(api.get(`${CLUSTERS}?page=0`))).line).toMatchObject({ status: 400 });
  for (const list of [CLUSTERS, `${path}/statuses`, `${path}/nodepools`]) {
    expect(await ask(api.get(list))).toMatchObject({ response: { status: 200 }, line: undefined });
  }
});

it('masks secrets', async () => {
  const { service, api, ask } = await start({ PGPASSWORD: SECRET });
  const headers = { Authorization: `Bearer ${SECRET}`, Cookie: `session=${SECRET}` };
  await ask(api.post(CLUSTERS).set(headers).send(newCluster()));
  await ask(api.get(`${CLUSTERS}/none?token=${SECRET}`).set(headers));
  const { stdout, stderr } = await service.end('SIGTERM');
  expect(stdout).toMatch(/"PGPASSWORD":"\*\*\*"/);
  expect(stdout + stderr).not.toContain(SECRET);
});

it('keeps a line a line in the text form, whatever control characters come', async () => {
  // Only the JSON form tells where the service listens.
  const port = String(await freePort());
  const env = { ...FREE_PORTS, DATABASE_URL: database.url, LOG_FORMAT: 'text', API_PORT: port };
  const service = startService(['serve'], env, directory);
  const url = `http://127.0.0.1:${port}`;
  while (
    !(await supertest(url)
      .get(CLUSTERS)
      .catch(() => undefined))
  )
    await sleep(50);
  const cluster = await supertest(url).post(CLUSTERS).send(newCluster());
  const path = cluster.body.href as string;
  await supertest(url).delete(path);
  const forged = 'gone\n2026-01-01T00:00:00Z ERROR forged \u001b[31mred\u001b[0m status=200 \u2028';
  const removed = await supertest(url).post(`${path}/force-delete`).send({ reason: forged });
  expect(removed.status).toBe(204);
  const { stdout } = await service.end('SIGTERM');
  const lines = stdout.split('\n').filter(Boolean);
  for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|WARN) /);
  const line = lines.find((text) => text.includes('force-deleted'))!;
  expect(line).toContain('reason="gone\\n2026');
  for (const character of ['\u001b', '\u2028']) expect(stdout).not.toContain(character);
  expect(stdout).toMatch(
    / INFO request method=DELETE .* status=202 .* actor=system@hyperfleet\.local /,
  );
});

describe('clients that do not finish their request', () => {
  const timeout = 1000;

  it.each([
    ['their headers', `GET ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nX-Slow: `],
    [
      'their body',
      `POST ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"kind"`,
    ],
  ])('get 408 as a problem within about REQUEST_TIMEOUT_MS for %s', async (_what, head) => {
    const { service, url } = await start({ REQUEST_TIMEOUT_MS: String(timeout) });
    const begin = Date.now();
    const [response] = await sendBytes(url, head);
    const ms = Date.now() - begin;
    expect(response).toMatchObject({
      status: 408,
      type: 'application/problem+json',
      headers: { connection: 'close' },
      body: { code: 'HYPERFLEET-TMO-001', status: 408 },
    });
    expect(ms).toBeGreaterThan(timeout - 100);
    expect(ms).toBeLessThan(timeout + 2500);
    await sleep(100);
    const lines = service.log.filter(({ status }) => status === 408);
    expect(lines).toEqual([
      expect.objectContaining({ level: 'info', trace_id: response!.body.trace_id }),
    ]);
  });
});
