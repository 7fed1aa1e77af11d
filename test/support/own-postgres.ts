import { type ChildProcess, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {
  type Instance,
  EMBEDDED_USER,
  openInstance,
  runProgram,
} from '../../src/embedded/instance';
import { migrateUp } from '../../src/postgres/migrations';
import { knexOf, waitForDatabase, withClient } from './database';

const READY_TIMEOUT_MS = 20_000;

/** A PostgreSQL server of a test's own, on one port for all its life: it may be stopped, broken and started again. */
export class OwnPostgres {
  private server: ChildProcess | undefined;

  private constructor(
    private readonly home: string,
    readonly instance: Instance,
    readonly port: number,
    private readonly password: string,
  ) {}

  /** @param original a server that is stopped, whose files are copied */
  static async create(original?: OwnPostgres): Promise<OwnPostgres> {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperfleet-own-'));
    if (original !== undefined) execFileSync('cp', ['-a', `${original.home}/.`, home]);
    fs.chmodSync(home, 0o755);
    const instance = await openInstance(home, true, () => undefined);
    const password = fs.readFileSync(path.join(instance.directory, 'password'), 'utf8').trim();
    return new OwnPostgres(home, instance, await freePort(), password);
  }

  url(database = 'postgres', host = '127.0.0.1'): string {
    return `postgres://${EMBEDDED_USER}:${this.password}@${host}:${this.port}/${database}`;
  }

  /** @param probe how to find out that it is up */
  async start(settings: Record<string, string> = {}, probe = this.url()): Promise<void> {
    const all = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      max_connections: '100',
      fsync: 'off',
      ...settings,
    };
    const args = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const log = fs.openSync(this.logFile, 'a', 0o600);
    this.server = runProgram(this.instance, 'postgres', ['-D', this.instance.data, ...args], log);
    fs.closeSync(log);
    await waitForDatabase(probe, READY_TIMEOUT_MS).catch((error: unknown) => {
      throw new Error(fs.readFileSync(this.logFile, 'utf8'), { cause: error });
    });
  }

  /** `fast` ends all connections first, `immediate` is a crash. */
  async stop(how: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server?.exitCode !== null) return;
    const exited = new Promise((resolve) => server.once('exit', resolve));
    const [pid] = fs
      .readFileSync(path.join(this.instance.data, 'postmaster.pid'), 'utf8')
      .split('\n');
    process.kill(Number(pid), how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await exited;
  }

  /** A database with the current schema. */
  async createDatabase(name: string): Promise<string> {
    await withClient(this.url(), (client) => client.query(`CREATE DATABASE ${name}`));
    const knex = knexOf(this.url(name));
    await migrateUp(knex).finally(() => knex.destroy());
    return this.url(name);
  }

  /** Puts a file where the server may read it, and nobody else. */
  install(name: string, text: string): string {
    const file = path.join(this.instance.data, name);
    fs.writeFileSync(file, text, { mode: 0o600 });
    const { account } = this.instance;
    if (account !== undefined) fs.chownSync(file, account.uid, account.gid);
    return file;
  }

  async destroy(): Promise<void> {
    await this.stop('immediate');
    fs.rmSync(this.home, { recursive: true, force: true, maxRetries: 10 });
  }

  private get logFile(): string {
    return path.join(this.instance.directory, 'server.log');
  }
}

export async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
