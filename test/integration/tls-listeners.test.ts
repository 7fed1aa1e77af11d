import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions } from 'node:tls';
import { promisify } from 'node:util';
import { createClient, ok } from '../../src/client';
import { fetchWithCa } from '../../src/client/fetch-with-ca';
import { Authority } from '../support/certificates';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster, uniqueName } from '../support/factories';
import {
  FREE_PORTS,
  runService,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* The listeners with TLS: who gets through, who does not, and which files are refused at the start. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const CURL = '/usr/bin/curl';

jest.setTimeout(60_000);

let directory: string;
let authority: Authority;
let pair: { certFile: string; keyFile: string };
let database: TestDatabase;
let service: ServiceProcess;
let urls: { api: string; health: string; metrics: string; openapi: string };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-https-'));
  authority = new Authority(directory, 'authority');
  pair = authority.issue('service', 'DNS:localhost,IP:127.0.0.1');
  database = await createTestDatabase();
  service = startService(
    ['serve'],
    {
      ...{ ...FREE_PORTS, DATABASE_URL: database.url, REQUEST_TIMEOUT_MS: '1500' },
      ...{ TLS_CERT_FILE: pair.certFile, TLS_KEY_FILE: pair.keyFile },
      ...{ HEALTH_TLS_CERT_FILE: pair.certFile, HEALTH_TLS_KEY_FILE: pair.keyFile },
      ...{ METRICS_TLS_CERT_FILE: pair.certFile, METRICS_TLS_KEY_FILE: pair.keyFile },
      // Whatever Node itself would allow.
      NODE_OPTIONS: '--tls-min-v1.0 --tls-cipher-list=ALL:@SECLEVEL=0',
    },
    directory,
  );
  urls = await service.ready();
});
afterAll(async () => {
  await stopServices();
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

const get = (url: string) => fetchWithCa(authority.ca)(new Request(url));
const portOf = (url: string) => Number(new URL(url).port);

/** The version that was agreed on, or the code of the error. */
async function handshake(options: ConnectionOptions): Promise<string> {
  const target = { host: '127.0.0.1', port: portOf(urls.api), ca: authority.ca };
  const socket = connect({ ...target, ...options });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol() ?? 'none';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'none';
  } finally {
    socket.destroy();
  }
}

it('speak HTTPS, and say so', async () => {
  for (const url of [urls.api, urls.health, urls.metrics, urls.openapi]) {
    expect(url).toMatch(/^https:/);
  }
  for (const url of [urls.health, urls.metrics, urls.openapi]) {
    expect((await get(url)).status).toBe(200);
  }
  expect((await get(new URL('/livez', urls.health).href)).status).toBe(200);
});

it('speak TLS 1.2 and 1.3, and nothing older', async () => {
  const old: ConnectionOptions = { minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' };
  expect(await handshake({})).toBe('TLSv1.3');
  expect(await handshake({ maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
  expect(await handshake({ ...old, maxVersion: 'TLSv1.1' })).toMatch(/PROTOCOL_VERSION/);
  expect(await handshake({ ca: [] })).toMatch(/^(UNABLE|SELF_SIGNED|DEPTH_ZERO)/);
});

describe('a client that knows the authority', () => {
  it('reads, writes and is refused as over HTTP', async () => {
    const client = createClient({
      baseUrl: new URL(urls.api).origin,
      fetch: fetchWithCa(authority.ca),
    });
    const body = newCluster({ name: uniqueName('tls') });
    const { data } = await ok(client.POST(CLUSTERS, { body }));
    const params = { path: { cluster_id: data.id! } };
    const cluster = `${CLUSTERS}/{cluster_id}` as const;
    expect((await ok(client.GET(cluster, { params }))).data.name).toBe(body.name);
    const refused = await client.POST(CLUSTERS, { body });
    expect(refused.response.status).toBe(409);
    expect(refused.error).toMatchObject({ code: 'HYPERFLEET-CNF-001' });
  });

  it('is told what is wrong with a request that is not HTTP', async () => {
    const socket = connect({ host: '127.0.0.1', port: portOf(urls.api), ca: authority.ca });
    socket.end('GET / HTTP/1.1\r\nHost : x\r\n\r\n');
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 400 [^]*problem\+json/);
  });

  it('is the fetch of Node with NODE_EXTRA_CA_CERTS', async () => {
    const script = `fetch('${urls.openapi}').then(({ status }) => console.log(status))`;
    const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: authority.file };
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env });
    expect(stdout).toBe('200\n');
  });

  (existsSync(CURL) ? it : it.skip)('is curl with --cacert', async () => {
    const args = ['-sS', '--cacert', authority.file, urls.health];
    const { stdout } = await promisify(execFile)(CURL, args);
    expect(JSON.parse(stdout)).toEqual({ status: 'ok' });
  });

  it('is `watch` with --ca-file, and without it is told why it is not', async () => {
    const url = ['--url', new URL(urls.api).origin];
    const args = ['watch', 'clusters', '--json', ...url];
    const trusting = startService([...args, '--ca-file', authority.file], {}, directory);
    while (!trusting.log.some(({ type }) => type === 'synced')) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (!trusting.running) throw new Error((await trusting.ended).stderr);
    }
    await trusting.end('SIGINT');
    const other = startService(args, {}, directory);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect((await other.end('SIGINT')).stderr).toMatch(/Reconnecting.*certificate/);
  });

  it('needs a file with a certificate', async () => {
    const url = ['--url', 'https://localhost:1'];
    const [none, wrong, plain] = await Promise.all([
      runService(['watch', 'clusters', ...url, '--ca-file', 'nowhere.crt'], {}, directory),
      runService(['watch', 'clusters', ...url, '--ca-file', pair.keyFile], {}, directory),
      runService(['watch', 'clusters', '--ca-file', authority.file], {}, directory),
    ]);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/--ca-file.*nowhere/) });
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/no certificate/) });
    expect(plain).toMatchObject({ code: 2, stderr: expect.stringMatching(/begins with https/) });
  });
});

it('are not moved by handshakes that fail', async () => {
  const before = service.log.length;
  const closed = (port: number, bytes?: string) =>
    new Promise<number>((resolve) => {
      const began = Date.now();
      const socket = connectPlain(port, '127.0.0.1', () => {
        if (bytes !== undefined) socket.write(bytes);
      });
      socket.on('error', () => undefined).resume();
      socket.on('close', () => resolve(Date.now() - began));
    });
  const hello = Buffer.from('160301020001', 'hex').toString('latin1');
  for (const url of [urls.api, urls.health, urls.metrics]) {
    const port = portOf(url);
    await closed(port, 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
    await closed(port, '\0'.repeat(100));
    const hangsUp = connectPlain(port, '127.0.0.1', () => hangsUp.end(hello));
    await once(hangsUp, 'close');
  }
  // The time to send a request includes the handshake.
  expect(await closed(portOf(urls.api))).toBeLessThan(5000);
  expect((await get(urls.health)).status).toBe(200);
  expect(service.log.slice(before).filter(({ level }) => level !== 'info')).toEqual([]);
  expect(service.running).toBe(true);
});

describe('files that cannot be used stop the start', () => {
  const file = (name: string, text = 'nonsense') => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const refused = async (env: Record<string, string>) => {
    const unreachable = { DATABASE_URL: 'postgres://x@127.0.0.1:1/x', LOG_LEVEL: 'debug' };
    const ended = await runService(['serve'], { ...FREE_PORTS, ...unreachable, ...env }, directory);
    expect(ended.code).toBe(1);
    expect(ended.stdout + ended.stderr).not.toMatch(/PRIVATE KEY|nonsense/);
    return ended.stderr;
  };

  it('by a message that names them', async () => {
    const other = authority.issue('other', 'DNS:other');
    const { certFile, keyFile } = pair;
    const messages = await Promise.all([
      refused({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: '/nowhere/tls.key' }),
      refused({ HEALTH_TLS_CERT_FILE: file('bad.crt'), HEALTH_TLS_KEY_FILE: keyFile }),
      refused({ METRICS_TLS_CERT_FILE: certFile, METRICS_TLS_KEY_FILE: file('bad.key') }),
      refused({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: other.keyFile }),
    ]);
    expect(messages[0]).toMatch(/certificate of the API .*ENOENT.*\/nowhere\/tls\.key/);
    expect(messages[1]).toMatch(/of the health listener .*bad\.crt contains no certificate/);
    expect(messages[2]).toMatch(/of the metrics listener .*bad\.key contains no private key/);
    expect(messages[3]).toMatch(/key in .*other\.key does not belong to .*service\.crt/);
  });

  it('when one is missing beside the other', async () => {
    const stderr = await refused({
      TLS_CERT_FILE: pair.certFile,
      HEALTH_TLS_KEY_FILE: pair.keyFile,
    });
    expect(stderr).toMatch(/^ {2}TLS_CERT_FILE and TLS_KEY_FILE must be set together$/m);
    expect(stderr).toMatch(/^ {2}HEALTH_TLS_CERT_FILE and HEALTH_TLS_KEY_FILE must be set/m);
  });
});
