import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createApp } from '../../src/app';
import { respondToClientErrors } from '../../src/http/client-errors';
import { silentLogger } from '../../src/telemetry/log';
import { newCluster } from '../support/factories';
import { ADA, type GuardedApp, startGuardedApp } from '../support/guarded-app';

/* `Expect: 100-continue`: the client sends its body only when it is asked to. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

let app: GuardedApp;
let server: Server;

beforeAll(async () => {
  app = await startGuardedApp();
  server = createServer(createApp(app.service));
  respondToClientErrors(server, silentLogger);
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await app.stop();
});

function open(): Socket {
  return connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
}

function head(line: string, headers: Record<string, string | number> = {}): string {
  const all = {
    ...{ Host: 'x', Authorization: ADA, 'Content-Type': 'application/json' },
    ...{ 'Content-Length': 2, Expect: '100-continue', ...headers },
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** All that the server sends before it closes the connection. */
async function responseTo(request: string): Promise<string> {
  const socket = open();
  let received = '';
  socket.on('data', (text: string) => (received += text));
  socket.write(request);
  await once(socket, 'close');
  return received;
}

test.each([
  ['413', head(`POST ${CLUSTERS}`, { 'Content-Length': 10_000_000 })],
  ['415', head(`POST ${CLUSTERS}`, { 'Content-Type': 'text/plain' })],
  ['415', head(`PATCH ${CLUSTERS}/2x`, { 'Content-Encoding': 'gzip' })],
  ['404', head(`POST ${CLUSTERS}/2x/statuses`, { 'Content-Length': 10_000_000 })],
  ['401', head(`POST ${CLUSTERS}/2x/statuses`, { Authorization: 'Bearer x' })],
  ['404', head('POST /nowhere')],
  ['405', head(`PUT ${CLUSTERS}`)],
  ['401', head(`POST ${CLUSTERS}`, { Authorization: 'Bearer x' })],
  ['400', head(`POST ${CLUSTERS}`, { 'Content-Length': 0 })],
  ['400', head(`POST ${CLUSTERS}?x=%zz`)],
])('%s comes without a 100, and ends the connection', async (status, request) => {
  const received = await responseTo(request);
  expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(received).toMatch(/^Connection: close\r$/m);
  expect(received.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
});

test('a body that is too large ends the connection whatever its target', async () => {
  const found = await app.made(CLUSTERS, newCluster());
  for (const [id, status] of [
    [found, 413],
    ['2x', 404],
  ] as const) {
    const request = head(`POST ${CLUSTERS}/${id}/statuses`, { 'Content-Length': 10_000_000 });
    const received = await responseTo(request.replace(/^Expect: .*\r\n/m, ''));
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(received).toMatch(/^Connection: close\r$/m);
  }
});

test('a body that is wanted is asked for, once, and the connection stays open', async () => {
  const body = JSON.stringify(newCluster());
  const socket = open();
  const next = async () => ((await once(socket, 'data')) as [string])[0];

  socket.write(head(`POST ${CLUSTERS}`, { 'Content-Length': Buffer.byteLength(body) }));
  expect(await next()).toBe(CONTINUE);
  socket.write(body);
  expect(await next()).toMatch(/^HTTP\/1\.1 201 /);
  socket.write(`GET ${CLUSTERS}?pageSize=1 HTTP/1.1\r\nHost: x\r\nAuthorization: ${ADA}\r\n\r\n`);
  expect(await next()).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});

test('a client of HTTP/1.0 is not sent a 100, which it does not know', async () => {
  const request = head(`POST ${CLUSTERS}`).replace('HTTP/1.1', 'HTTP/1.0');
  expect(await responseTo(`${request}{}`)).toMatch(/^HTTP\/1\.1 400 /);
});
