import { execFileSync, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  dataArgument,
  EMBEDDED_USER,
  isAlive,
  openCluster,
  runProgram,
  type Cluster,
} from './data-directory';

const DATABASE = 'hyperfleet';
const OWNER_LOCK = 1;
const START_ATTEMPTS = 3;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const PREVIOUS_TIMEOUT_MS = 20_000;
/** How long the answer "it has an owner" or "it has none" must hold before it is believed. */
const SETTLE_MS = 500;
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
 * Starts a PostgreSQL of our own whose data lives in `directory` and stays there. It ends with `stop()`
 * or with this process, however that dies; only one process at a time can have it.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const { fast = false, onProgress } = options;
  const home = path.resolve(options.directory);
  const cluster = await openCluster(home, fast, onProgress);
  for (let attempt = 1; ; attempt++) {
    await settlePrevious(cluster, onProgress);
    const started = await tryStart(cluster, fast, onProgress);
    if ('url' in started) return started;
    const temporary = /postmaster\.pid" already exists|Address already in use/.test(started.log);
    if (!temporary || attempt === START_ATTEMPTS) {
      throw new Error(`The embedded PostgreSQL did not start:\n${started.log.trim()}`);
    }
  }
}

async function tryStart(
  cluster: Cluster,
  fast: boolean,
  onProgress: (message: string) => void,
): Promise<EmbeddedDatabase | { log: string }> {
  const port = await freePort();
  const logFile = path.join(cluster.directory, 'server.log');
  const log = fs.openSync(logFile, 'a+', 0o600);
  const logStart = fs.fstatSync(log).size;
  if (cluster.account !== undefined) fs.fchownSync(log, cluster.account.uid, cluster.account.gid);
  const server = runProgram(cluster, 'postgres', serverArguments(cluster, port, fast), log);
  fs.closeSync(log);
  try {
    const owner = await waitUntilReady(server, urlOf(cluster, port, 'postgres'));
    if (owner === undefined) return { log: fs.readFileSync(logFile, 'utf8').slice(logStart) };
    // The lock lasts exactly as long as the connection, and the connection as long as the process.
    await owner.query('SELECT pg_advisory_lock($1)', [OWNER_LOCK]);
    await createDatabase(owner);
    return supervise(cluster, server, owner, urlOf(cluster, port, DATABASE), onProgress);
  } catch (error) {
    await stopServer(cluster, server);
    throw error;
  }
}

function serverArguments(cluster: Cluster, port: number, fast: boolean): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    log_min_messages: 'log',
    log_checkpoints: 'off',
    [MARK]: markOf(cluster),
    ...(fast ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return ['-D', dataArgument(cluster), ...args];
}

// A process id alone says little: after a reboot or in a new container it belongs to somebody else.
const MARK = 'hyperfleet.data_inode';

function markOf(cluster: Cluster): string {
  return String(fs.statSync(cluster.data).ino);
}

/** The connection that stands for the owner of the server, or undefined when the server ended instead. */
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

async function connect(url: string): Promise<pg.Client> {
  const socket = new net.Socket();
  // A process that has nothing else to do may end; the server then follows.
  socket.unref();
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    stream: () => socket,
  });
  // Without a listener the end of the server would be the end of this process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
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
  cluster: Cluster,
  server: ChildProcess,
  owner: pg.Client,
  url: string,
  onProgress: (message: string) => void,
): EmbeddedDatabase {
  let stopping: Promise<void> | undefined;
  server.once('exit', () => {
    if (stopping === undefined) {
      onProgress(`The embedded PostgreSQL ended unexpectedly, see ${cluster.directory}/server.log`);
    }
  });
  server.unref();
  (server.stdin as net.Socket).unref();
  const stop = async () => {
    server.ref();
    await owner.end().catch(() => undefined);
    await stopServer(cluster, server);
  };
  return { url, stop: () => (stopping ??= stop()) };
}

async function stopServer(cluster: Cluster, server: ChildProcess): Promise<void> {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = new Promise((resolve) => server.once('exit', resolve));
  const pid = readServer(cluster)?.pid;
  server.stdin?.end();
  const timer = setTimeout(() => {
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGQUIT');
  }, STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}

interface ServerProcess {
  pid: number;
  port: number;
}

function readServer(cluster: Cluster): ServerProcess | undefined {
  try {
    const lines = fs.readFileSync(path.join(cluster.data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]) };
  } catch {
    return undefined;
  }
}

/**
 * Somebody may be using the data: a living service (we give up), the server of a service that was killed
 * a moment ago (it ends by itself), or one whose watchdog was killed as well (we end it).
 */
async function settlePrevious(
  cluster: Cluster,
  onProgress: (message: string) => void,
): Promise<void> {
  const begin = Date.now();
  let verdict: Ownership = 'unknown';
  let since = begin;
  for (;;) {
    const server = readServer(cluster);
    if (server === undefined || !isAlive(server.pid)) return;
    if (!isServerOf(cluster, server.pid)) {
      fs.rmSync(path.join(cluster.data, 'postmaster.pid'), { force: true });
      return;
    }
    const now = await ownership(urlOf(cluster, server.port, 'postgres'));
    if (now !== verdict) {
      verdict = now;
      since = Date.now();
    } else if (now === 'owned' && Date.now() - since > SETTLE_MS) {
      throw new Error(
        `Another process is already running the embedded PostgreSQL of ${cluster.directory} ` +
          `(server process ${server.pid}). Stop it first, or set DATABASE_URL.`,
      );
    } else if (now === 'free' && Date.now() - since > SETTLE_MS) {
      onProgress('Stopping the PostgreSQL that a killed service left behind …');
      process.kill(server.pid, 'SIGINT');
      since = Date.now();
    }
    if (Date.now() - begin > PREVIOUS_TIMEOUT_MS) {
      throw new Error(`The previous embedded PostgreSQL (process ${server.pid}) does not end.`);
    }
    await sleep(POLL_MS);
  }
}

type Ownership = 'owned' | 'free' | 'unknown';

async function ownership(url: string): Promise<Ownership> {
  try {
    const client = await connect(url);
    try {
      const { rows } = await client.query<{ free: boolean }>(
        'SELECT pg_try_advisory_lock($1) AS free',
        [OWNER_LOCK],
      );
      return rows[0]?.free === true ? 'free' : 'owned';
    } finally {
      await client.end();
    }
  } catch {
    return 'unknown';
  }
}

function isServerOf(cluster: Cluster, pid: number): boolean {
  try {
    const command =
      process.platform === 'linux'
        ? fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        : execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes(`${MARK}=${markOf(cluster)}`);
  } catch {
    return false;
  }
}

function urlOf(cluster: Cluster, port: number, database: string): string {
  const password = fs.readFileSync(path.join(cluster.directory, 'password'), 'utf8').trim();
  return `postgres://${EMBEDDED_USER}:${password}@127.0.0.1:${port}/${database}`;
}

async function freePort(): Promise<number> {
  const probe = net.createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as net.AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
