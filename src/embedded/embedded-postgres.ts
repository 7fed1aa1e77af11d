import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { dataArgument, isAlive, openInstance, runProgram, type Instance } from './instance';
import {
  connect,
  LOOPBACK,
  MARK,
  markOf,
  OWNER_LOCK,
  readServer,
  settlePrevious,
  urlOf,
} from './server-process';

const DATABASE = 'hyperfleet';
const START_ATTEMPTS = 3;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const POLL_MS = 20;

export interface EmbeddedOptions {
  directory: string;
  onProgress: (message: string) => void;
  /** For tests: nothing is flushed to disk. */
  fast?: boolean;
}

export interface EmbeddedDatabase {
  url: string;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL that keeps its data in `directory`. It ends with `stop()` or with this process, however
 * that ends. Only one process at a time can use the directory.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const { fast = false, onProgress } = options;
  const home = path.resolve(options.directory);
  const instance = await openInstance(home, fast, onProgress);
  for (let attempt = 1; ; attempt++) {
    await settlePrevious(instance, onProgress);
    const started = await tryStart(instance, fast, onProgress);
    if ('url' in started) return started;
    const temporary = /postmaster\.pid" already exists|Address already in use/.test(started.log);
    if (!temporary || attempt === START_ATTEMPTS) {
      throw new Error(`The embedded PostgreSQL did not start:\n${started.log.trim()}`);
    }
  }
}

async function tryStart(
  instance: Instance,
  fast: boolean,
  onProgress: (message: string) => void,
): Promise<EmbeddedDatabase | { log: string }> {
  const port = await freePort();
  const logFile = path.join(instance.directory, 'server.log');
  const log = fs.openSync(logFile, 'a+', 0o600);
  const logStart = fs.fstatSync(log).size;
  if (instance.account !== undefined)
    fs.fchownSync(log, instance.account.uid, instance.account.gid);
  const server = runProgram(instance, 'postgres', serverArguments(instance, port, fast), log);
  fs.closeSync(log);
  try {
    const owner = await waitUntilReady(server, urlOf(instance, port, 'postgres'));
    if (owner === undefined) return { log: fs.readFileSync(logFile, 'utf8').slice(logStart) };
    // The lock lasts exactly as long as the connection, and the connection as long as the process.
    await owner.query('SELECT pg_advisory_lock($1)', [OWNER_LOCK]);
    await createDatabase(owner);
    return supervise(instance, server, owner, urlOf(instance, port, DATABASE), onProgress);
  } catch (error) {
    await stopServer(instance, server);
    throw error;
  }
}

function serverArguments(instance: Instance, port: number, fast: boolean): string[] {
  const settings = {
    listen_addresses: LOOPBACK,
    port,
    unix_socket_directories: '',
    max_connections: 200,
    log_min_messages: 'log',
    log_checkpoints: 'off',
    [MARK]: markOf(instance),
    ...(fast ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', dataArgument(instance), ...args];
}

/** @returns the connection that will mark the server as owned; undefined when the server has ended */
async function waitUntilReady(server: ChildProcess, url: string): Promise<pg.Client | undefined> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let failure: Error | undefined;
  server.once('error', (error) => (failure = error));
  for (;;) {
    if (failure !== undefined) throw failure;
    if (server.exitCode !== null || server.signalCode !== null) return undefined;
    try {
      return await connect(url);
    } catch (error) {
      if (!isNotYetListening(error) || Date.now() > deadline) throw error;
    }
    await sleep(POLL_MS);
  }
}

function isNotYetListening(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === '57P03';
}

async function createDatabase(owner: pg.Client): Promise<void> {
  const { rowCount } = await owner.query('SELECT 1 FROM pg_database WHERE datname = $1', [
    DATABASE,
  ]);
  if (rowCount === 0) await owner.query(`CREATE DATABASE ${DATABASE}`);
}

function supervise(
  instance: Instance,
  server: ChildProcess,
  owner: pg.Client,
  url: string,
  onProgress: (message: string) => void,
): EmbeddedDatabase {
  let stopping: Promise<void> | undefined;
  server.once('exit', () => {
    if (stopping === undefined) {
      onProgress(
        `The embedded PostgreSQL ended unexpectedly; see ${instance.directory}/server.log`,
      );
    }
  });
  server.unref();
  (server.stdin as net.Socket).unref();
  const stop = async () => {
    server.ref();
    await owner.end().catch(() => undefined);
    await stopServer(instance, server);
  };
  return { url, stop: () => (stopping ??= stop()) };
}

async function stopServer(instance: Instance, server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise((resolve) => server.once('exit', resolve));
  const pid = readServer(instance)?.pid;
  server.stdin?.end();
  const timer = setTimeout(() => {
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGQUIT');
  }, STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen(0, LOOPBACK, resolve);
  });
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
