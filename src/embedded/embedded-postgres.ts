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
  own,
  readServer,
  settlePrevious,
  urlOf,
} from './server-process';

const DATABASE = 'hyperfleet';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const RETRY_MS = 200;
const POLL_MS = 20;
/** Another server is starting or ending in the same directory, or another program took the port. */
const TEMPORARY =
  /lock file "postmaster\.pid"|pre-existing shared memory block|Address already in use/;

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
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    await settlePrevious(instance, onProgress);
    const started = await tryStart(instance, fast, onProgress);
    if ('url' in started) return started;
    if (!TEMPORARY.test(started.log) || Date.now() > deadline) {
      throw new Error(`The embedded PostgreSQL did not start:\n${started.log.trim()}`);
    }
    await sleep(RETRY_MS);
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
    if (!(await isReady(instance, server, port))) {
      return { log: fs.readFileSync(logFile, 'utf8').slice(logStart) };
    }
    const socket = new net.Socket();
    const owner = await connect(urlOf(instance, port, 'postgres'), {
      connectionTimeoutMillis: START_TIMEOUT_MS,
      stream: () => socket,
    });
    await own(owner);
    await createDatabase(owner);
    // From now on the connection does not keep this process alive; the server ends with it.
    socket.unref();
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

/** @returns false when the server has ended */
async function isReady(instance: Instance, server: ChildProcess, port: number): Promise<boolean> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let failure: Error | undefined;
  server.once('error', (error) => (failure = error));
  for (;;) {
    if (failure !== undefined) throw failure;
    if (server.exitCode !== null || server.signalCode !== null) return false;
    // Asked of its own file: on its port another server may listen.
    const running = readServer(instance);
    if (running?.port === port && running.ready) return true;
    if (Date.now() > deadline) {
      throw new Error(
        `The embedded PostgreSQL is not ready after a minute; see ${instance.directory}/server.log`,
      );
    }
    await sleep(POLL_MS);
  }
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
