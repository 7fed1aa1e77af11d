import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { Authority } from '../support/certificates';
import { createTestDatabase, type TestDatabase } from '../support/database';
import {
  FREE_PORTS,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* A certificate that is replaced as Kubernetes replaces a mounted secret, while clients go on asking. */

jest.setTimeout(60_000);

let directory: string;
let authority: Authority;
let database: TestDatabase;
let service: ServiceProcess;
let url: string;

/** Puts files of issued names where the service finds them; the files of each version are a directory of its own. */
let version = 0;
function mount(certificate: string, key = certificate): void {
  const name = `..version-${++version}`;
  mkdirSync(join(directory, name));
  cpSync(join(directory, `${certificate}.crt`), join(directory, name, 'tls.crt'));
  cpSync(join(directory, `${key}.key`), join(directory, name, 'tls.key'));
  symlinkSync(name, join(directory, '..new'));
  renameSync(join(directory, '..new'), join(directory, '..data'));
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-renewal-'));
  authority = new Authority(directory, 'authority');
  for (const name of ['first', 'second', 'third']) authority.issue(name, 'IP:127.0.0.1');
  mount('first');
  for (const name of ['tls.crt', 'tls.key']) {
    symlinkSync(join('..data', name), join(directory, name));
  }
  database = await createTestDatabase();
  const [TLS_CERT_FILE, TLS_KEY_FILE] = ['tls.crt', 'tls.key'].map((name) => join(directory, name));
  const tls = { TLS_CERT_FILE: TLS_CERT_FILE!, TLS_KEY_FILE: TLS_KEY_FILE! };
  const env = { ...FREE_PORTS, DATABASE_URL: database.url, LOG_POLLS: 'false', ...tls };
  service = startService(['serve'], env, directory);
  url = `${new URL((await service.ready()).api).origin}/api/hyperfleet/v1/clusters`;
});
afterAll(async () => {
  await stopServices();
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

/** Whose certificate answered, and whether this was on a connection that was there before. */
function ask(agent: Agent): Promise<{ by: string; reused: boolean; last: boolean }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent, ca: authority.ca }, (response) => {
      const by = String((response.socket as TLSSocket).getPeerCertificate().subject.CN);
      response.on('error', reject).resume();
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`status ${response.statusCode ?? 0}`));
        const last = response.headers.connection === 'close';
        resolve({ by, reused: request.reusedSocket, last });
      });
    });
    request.on('error', reject);
  });
}

/** A new connection without a remembered session, which would keep the certificate of the first. */
const askAnew = () => ask(new Agent({ keepAlive: false, maxCachedSessions: 0 }));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(50);
}
const logged = (message: string) => service.log.filter((line) => line.message.includes(message));

/** Clients that ask one request after the other, until they are told that a connection is not to be used again. */
class Load {
  readonly failures: unknown[] = [];
  private readonly running: Promise<void>[] = [];
  private stopped = false;
  kept = 0;
  opened = 0;

  constructor(clients: number) {
    for (let client = 0; client < clients; client++) {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      this.running.push(
        this.run(() => ask(agent), 20),
        this.run(askAnew, 60),
      );
    }
  }

  private async run(once: () => ReturnType<typeof ask>, pause: number): Promise<void> {
    while (!this.stopped) {
      try {
        const { reused, last } = await once();
        if (reused) this.kept++;
        else this.opened++;
        if (last && service.log.at(-1)?.message === 'stopping') return;
      } catch (error) {
        this.failures.push(error);
        return;
      }
      await sleep(pause * (0.5 + Math.random()));
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  async toldToGo(): Promise<void> {
    await Promise.all(this.running);
  }
}

it('is taken up without a failed request or a lost connection', async () => {
  const load = new Load(10);
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  expect(await ask(kept)).toMatchObject({ by: 'first', reused: false });
  mount('second');
  await until(async () => (await askAnew()).by === 'second');
  // Who is connected stays so, with the certificate that was shown.
  expect(await ask(kept)).toMatchObject({ by: 'first', reused: true });
  kept.destroy();
  await until(() => load.kept > 200 && load.opened > 200);
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(logged('The certificate of the API was read again')).toHaveLength(1);
});

it('stays when the next one does not fit its key, which is logged once', async () => {
  mount('third', 'first');
  await until(() => logged('the old content stays in force').length > 0);
  // Two polls more.
  await sleep(4500);
  const [line, ...more] = logged('the old content stays in force');
  expect(more).toEqual([]);
  expect(line).toMatchObject({
    level: 'error',
    message: expect.stringContaining('The certificate of the API cannot be used'),
    error: expect.stringMatching(/tls\.key does not belong to .*tls\.crt/),
  });
  expect((await askAnew()).by).toBe('second');
  mount('third');
  await until(async () => (await askAnew()).by === 'third');
});

it('ends no request that is under way when the service stops', async () => {
  const load = new Load(5);
  await sleep(300);
  const ended = await service.end('SIGTERM');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  await load.toldToGo();
  expect(load.failures).toEqual([]);
});
