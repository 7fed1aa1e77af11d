import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { bracketed } from '../config/config';
import { EMBEDDED_USER, isAlive, type Instance } from './instance';

/** The advisory lock of the process that owns the server. */
export const OWNER_LOCK = 1;
const PREVIOUS_TIMEOUT_MS = 20_000;
/** How long a server must appear to have an owner, or none, before we act on it. */
const SETTLE_MS = 500;
const POLL_MS = 20;

// A process id is not enough: after a reboot or in a new container it belongs to another program.
export const MARK = 'hyperfleet.data_inode';

export function markOf(instance: Instance): string {
  return String(fs.statSync(instance.data).ino);
}

export async function connect(url: string): Promise<pg.Client> {
  const socket = new net.Socket();
  // The connection must not keep this process alive; the server ends with it.
  socket.unref();
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5000,
    stream: () => socket,
  });
  // Without a listener, the end of the server would end this process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

interface ServerProcess {
  pid: number;
  port: number;
}

export function readServer(instance: Instance): ServerProcess | undefined {
  try {
    const lines = fs.readFileSync(path.join(instance.data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]) };
  } catch {
    return undefined;
  }
}

/**
 * Waits until no earlier server uses the data. It may belong to a running service (an error), to a service that
 * was just killed (it ends by itself), or to one whose watchdog was killed as well (we stop it).
 */
export async function settlePrevious(
  instance: Instance,
  onProgress: (message: string) => void,
): Promise<void> {
  const begin = Date.now();
  let verdict: Ownership = 'unknown';
  let since = begin;
  for (;;) {
    const server = readServer(instance);
    if (server === undefined || !isAlive(server.pid)) return;
    if (!isServerOf(instance, server.pid)) {
      fs.rmSync(path.join(instance.data, 'postmaster.pid'), { force: true });
      return;
    }
    const now = await ownership(urlOf(instance, server.port, 'postgres'));
    if (now !== verdict) {
      verdict = now;
      since = Date.now();
    } else if (now === 'owned' && Date.now() - since > SETTLE_MS) {
      throw new Error(
        `Another process is already running the embedded PostgreSQL of ${instance.directory} ` +
          `(server process ${server.pid}). Stop it first, or set DATABASE_URL.`,
      );
    } else if (now === 'free' && Date.now() - since > SETTLE_MS) {
      onProgress('Stopping the PostgreSQL that a killed service left behind …');
      process.kill(server.pid, 'SIGINT');
      since = Date.now();
    }
    if (Date.now() - begin > PREVIOUS_TIMEOUT_MS) {
      throw new Error(`The previous embedded PostgreSQL (process ${server.pid}) does not stop.`);
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

function isServerOf(instance: Instance, pid: number): boolean {
  try {
    const command =
      process.platform === 'linux'
        ? fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        : execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
    return command.includes(`${MARK}=${markOf(instance)}`);
  } catch {
    return false;
  }
}

const addresses = Object.values(networkInterfaces()).flatMap((each) =>
  (each ?? []).map(({ address }) => address),
);
/** Where the server listens: on IPv4, or on IPv6 where the loopback interface has nothing else. */
export const LOOPBACK =
  addresses.includes('::1') && !addresses.includes('127.0.0.1') ? '::1' : '127.0.0.1';

export function urlOf(instance: Instance, port: number, database: string): string {
  const password = fs.readFileSync(path.join(instance.directory, 'password'), 'utf8').trim();
  return `postgres://${EMBEDDED_USER}:${password}@${bracketed(LOOPBACK)}:${port}/${database}`;
}
