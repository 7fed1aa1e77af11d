import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, Server as HttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import supertest from 'supertest';
import { listen, urlOf } from '../../src/http/listeners';
import { begin } from '../support/api';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster } from '../support/factories';
import { ADA, KNOWN_KEY } from '../support/guarded-app';
import { KeyServer } from '../support/key-provider';
import { FREE_PORTS, PROGRAM, startService, stopServices } from '../support/service-process';

/* Addresses of both families: for listeners, the database and the key provider. */

jest.setTimeout(60_000);

const loopbacks = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
const withIpv6 = loopbacks.some(({ address }) => address === '::1') ? describe : describe.skip;

const on = (host: string) => ({ API_HOST: host, HEALTH_HOST: host, METRICS_HOST: host });
const statusOf = async (url: string, token?: string) => {
  const request = supertest(url).get('');
  return (await begin(token === undefined ? request : request.set('Authorization', token))).status;
};

withIpv6('with IPv6', () => {
  let database: TestDatabase;
  let directory: string;
  const relays: Server[] = [];
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hyperfleet-ipv6-'));
    database = await createTestDatabase();
  });
  afterEach(stopServices);
  afterAll(async () => {
    for (const relay of relays) relay.close();
    await database.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Makes a server of the tests reachable on the loopback address of IPv6 only. */
  async function relayTo(url: string): Promise<number> {
    const { hostname, port } = new URL(url);
    const relay = createServer((from) => {
      const to = connect(Number(port), hostname);
      from.pipe(to).pipe(from);
      for (const socket of [from, to]) socket.on('error', () => socket.destroy());
    });
    relays.push(relay);
    await new Promise<void>((resolve) => relay.listen(0, '::1', resolve));
    return (relay.address() as AddressInfo).port;
  }

  it('serves both families on `::`, and logs addresses that are URLs', async () => {
    const env = { ...FREE_PORTS, ...on('::'), AUTH_ENABLED: 'false', DATABASE_URL: database.url };
    const service = startService(['serve'], env, directory);
    const { api, health, metrics, try: command } = await service.ready();
    expect(command).toBe(`curl ${api}clusters`);
    for (const url of [`${api}clusters`, health, metrics]) {
      expect(url).toMatch(/^http:\/\/\[::\]:\d+\//);
      for (const host of ['127.0.0.1', '[::1]']) {
        expect([host, await statusOf(url.replace('[::]', host))]).toEqual([host, 200]);
      }
    }
    expect(await service.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  });

  it('needs nothing but ::1: to serve, for its database and for the keys', async () => {
    const provider = new KeyServer();
    provider.keys = [KNOWN_KEY.jwk];
    await provider.start();
    const keys = new URL(provider.url);
    keys.port = String(await relayTo(provider.url));
    keys.hostname = '[::1]';
    const port = await relayTo(database.url);
    const { username, password, pathname } = new URL(database.url);
    const host = {
      PGHOST: '::1',
      PGPORT: String(port),
      PGUSER: decodeURIComponent(username),
      PGPASSWORD: decodeURIComponent(password),
      PGDATABASE: pathname.slice(1),
    };
    const url = Object.assign(new URL(database.url), { host: `[::1]:${port}` });
    for (const where of [host, { DATABASE_URL: url.href }]) {
      const service = startService(
        ['serve'],
        {
          ...FREE_PORTS,
          ...on('::1'),
          AUTH_ENABLED: 'true',
          AUTH_JWKS_URL: keys.href,
          AUTH_ISSUER: '*',
          AUTH_AUDIENCE: '*',
          ...where,
        },
        directory,
      );
      const { api, health, metrics } = await service.ready();
      expect(api).toMatch(/^http:\/\/\[::1\]:\d+\//);
      const line = service.log.find(({ message }) => message === 'database')!;
      expect(line.database).toMatch(`@[::1]:${port} `);
      expect(line.database).toContain('sslmode disable');
      const created = await begin(
        supertest(`${api}clusters`).post('').set('Authorization', ADA).send(newCluster()),
      );
      expect(created.status).toBe(201);
      expect(await statusOf(`${api}clusters/${created.body.id as string}`, ADA)).toBe(200);
      expect([await statusOf(health), await statusOf(metrics)]).toEqual([200, 200]);
      expect(await service.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
    }
    await provider.stop();
  });
});

const WITHOUT_IPV4 = 'ip link set lo up && ip addr del 127.0.0.1/8 dev lo';
const isolated = spawnSync('unshare', ['-n', 'sh', '-ec', WITHOUT_IPV4]).status === 0;

/** Runs inside the other network: starts the service, asks it, and ends it. */
const ASK = `
const { spawn } = require('node:child_process');
const service = spawn(process.execPath, [process.env.PROGRAM, 'serve'], { stdio: ['ignore', 'pipe', 'inherit'] });
let output = '';
let asked = false;
service.stdout.setEncoding('utf8').on('data', async (text) => {
  output += text;
  const ready = output.split('\\n').slice(0, -1).map(JSON.parse).find(({ message }) => message === 'ready');
  if (ready === undefined || asked) return;
  asked = true;
  for (const url of [ready.api + 'clusters', ready.health, ready.metrics]) {
    console.log((await fetch(url)).status);
  }
  service.kill('SIGTERM');
});
service.on('exit', (code) => console.log('exit ' + code));
`;

(isolated ? it : it.skip)(
  'runs with its embedded database where there is no IPv4 at all',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-no-ipv4-'));
    const command = `${WITHOUT_IPV4}; exec "$NODE" -e "$ASK"`;
    const { stdout } = await promisify(execFile)('unshare', ['-n', 'sh', '-ec', command], {
      cwd: directory,
      env: {
        ...{ PATH: process.env.PATH, NODE: process.execPath, ASK, PROGRAM, LOG_FORMAT: 'json' },
        ...{ ...FREE_PORTS, ...on('::1') },
      },
      timeout: 50_000,
    });
    expect(stdout).toBe('200\n200\n200\nexit 0\n');
    rmSync(directory, { recursive: true, force: true });
  },
);

describe('without IPv6', () => {
  /** As on a kernel that was started with `ipv6.disable=1`. */
  const serverWithout = (code: string) =>
    new (class extends HttpServer {
      override listen(...args: unknown[]): this {
        if (args[1] === '0.0.0.0') return super.listen(...(args as [number, string, () => void]));
        const error = Object.assign(new Error(`listen ${code}`), { code });
        process.nextTick(() => this.emit('error', error));
        return this;
      }
    })();

  it.each(['EAFNOSUPPORT', 'EADDRNOTAVAIL'])('`::` means 0.0.0.0 after %s', async (code) => {
    const listening = await listen(serverWithout(code), 0, '::');
    expect(urlOf(listening)).toBe(`http://0.0.0.0:${listening.port}`);
    listening.server.close();
  });

  it('refuses any other address, and any other failure of `::`', async () => {
    await expect(listen(serverWithout('EADDRNOTAVAIL'), 0, '::1')).rejects.toThrow('EADDRNOTAVAIL');
    const first = await listen(createHttpServer(), 0, '0.0.0.0');
    await expect(listen(createHttpServer(), first.port, '::')).rejects.toThrow('EADDRINUSE');
    first.server.close();
  });
});

it('is what the image listens on', () => {
  const containerfile = readFileSync(join(__dirname, '..', '..', 'Containerfile'), 'utf8');
  for (const name of ['API_HOST', 'HEALTH_HOST', 'METRICS_HOST']) {
    expect(containerfile).toMatch(new RegExp(`^ +${name}=::( \\\\)?$`, 'm'));
  }
});
