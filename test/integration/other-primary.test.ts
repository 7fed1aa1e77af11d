import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';
import { OwnPostgres } from '../support/own-postgres';

/* After a failover, a name or balancer may lead to a standby for a while: its connections must not be kept. */

jest.setTimeout(60_000);

let primary: OwnPostgres;
let standby: OwnPostgres;
let app: TestApp;
/** Where new connections lead; those there are stay where they are. */
let target: OwnPostgres;
const address = net.createServer((client) => {
  const server = net.connect(target.port, '127.0.0.1');
  for (const [from, to] of [
    [client, server],
    [server, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
  }
});

beforeAll(async () => {
  primary = await OwnPostgres.create();
  await primary.start();
  const url = new URL(await primary.createDatabase('other'));
  await primary.stop();
  standby = await OwnPostgres.create(primary);
  standby.install('standby.signal', '');
  await Promise.all([primary.start(), standby.start({ hot_standby: 'on' })]);
  target = standby;
  await once(address.listen(0, '127.0.0.1'), 'listening');
  url.port = String((address.address() as net.AddressInfo).port);
  const database = { url: url.href, directUrl: url.href, drop: () => Promise.resolve() };
  app = await startTestApp({ database });
});
afterAll(async () => {
  await app.stop();
  address.close();
  await Promise.all([primary.destroy(), standby.destroy()]);
});

test('connections to a standby are replaced when the address leads to the primary', async () => {
  const create = () => api(app).post('/clusters').send(newCluster());
  // Several at once, so that several connections are opened; and lists, which use others than short reads.
  const [first] = await Promise.all([create(), create(), api(app).get('/clusters')]);
  expect(first.status).toBe(503);
  expect(first.headers['retry-after']).toBeDefined();

  target = primary;
  await sleep(2500);
  const { status, body } = await create();
  expect(status).toBe(201);
  for (let round = 0; round < 4; round++) {
    expect((await api(app).get(`/clusters/${body.id as string}`)).status).toBe(200);
    expect((await api(app).get('/clusters?orderBy=name')).body.total).toBeGreaterThan(0);
  }
});
