import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { bracketed } from '../config/config';
import { EMBEDDED_USER, isAlive, type Instance } from './instance';

/** The advisory lock of the process that owns the server. */
const OWNER_LOCK = 1;
/** Where the owner is asked whether it is alive; the payload names the channel for its answer. */
const OWNER_CHANNEL = 'hyperfleet_owner';
const ANSWER_TIMEOUT_MS = 5000;
const PREVIOUS_TIMEOUT_MS = 60_000;
/** How long a server must have no owner before we stop it: its owner may be just about to take the lock. */
const SETTLE_MS = 2000;
const POLL_MS = 20;

// A process id is not enough: after a reboot or in a new container it belongs to another program.
export const MARK = 'hyperfleet.data_inode';

export function markOf(instance: Instance): string {
  return String(fs.statSync(instance.data).ino);
}

export async function connect(url: string, config: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client({ ...config, connectionString: url });
  // Without a listener, the end of the server would end this process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

interface ServerProcess {
  pid: number;
  port: number;
  /** Whether it accepts connections. */
  ready: boolean;
}

/** @returns undefined when there is no server, or one that has yet to write its process id */
export function readServer(instance: Instance): ServerProcess | undefined {
  try {
    const lines = fs.readFileSync(path.join(instance.data, 'postmaster.pid'), 'utf8').split('\n');
    const pid = Number(lines[0]);
    return pid > 0
      ? { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' }
      : undefined;
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
  let freeSince: number | undefined;
  for (;;) {
    const server = readServer(instance);
    if (server === undefined || !isAlive(server.pid)) return;
    if (!isServerOf(instance, server.pid)) {
      fs.rmSync(path.join(instance.data, 'postmaster.pid'), { force: true });
      return;
    }
    const database = `the embedded PostgreSQL of ${instance.directory} (server process ${server.pid})`;
    const remedy = 'Stop it first, or set DATABASE_URL.';
    const now = await ownership(urlOf(instance, server.port, 'postgres'));
    if (now === 'owned') {
      throw new Error(`Another process is already running ${database}. ${remedy}`);
    }
    freeSince = now === 'free' ? (freeSince ?? Date.now()) : undefined;
    if (freeSince !== undefined && Date.now() - freeSince > SETTLE_MS) {
      onProgress('Stopping the PostgreSQL that a killed service left behind …');
      interrupt(server.pid);
      freeSince = undefined;
    }
    if (Date.now() - begin > PREVIOUS_TIMEOUT_MS) {
      throw new Error(`Another process uses ${database}, and neither answers nor ends. ${remedy}`);
    }
    await sleep(POLL_MS);
  }
}

function interrupt(pid: number): void {
  try {
    process.kill(pid, 'SIGINT');
  } catch (error) {
    // It may have ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Makes this process the owner: for exactly as long as the connection lasts, and the connection as the process. */
export async function own(client: pg.Client): Promise<void> {
  client.on('notification', ({ payload }) => {
    client.query("SELECT pg_notify($1, '')", [payload]).catch(() => undefined);
  });
  await client.query(`LISTEN ${OWNER_CHANNEL}`);
  await client.query('SELECT pg_advisory_lock($1)', [OWNER_LOCK]);
}

type Ownership = 'owned' | 'free' | 'unknown';

/** A server may notice late that its owner was killed, so only an owner that answers counts. */
async function ownership(url: string): Promise<Ownership> {
  try {
    const client = await connect(url, {
      connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
      query_timeout: ANSWER_TIMEOUT_MS,
    });
    try {
      const { rows } = await client.query<{ free: boolean }>(
        'SELECT pg_try_advisory_lock($1) AS free',
        [OWNER_LOCK],
      );
      if (rows[0]?.free === true) return 'free';
      return (await ownerAnswers(client)) ? 'owned' : 'unknown';
    } finally {
      await client.end();
    }
  } catch {
    return 'unknown';
  }
}

async function ownerAnswers(client: pg.Client): Promise<boolean> {
  const question = randomUUID();
  const answered = new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), ANSWER_TIMEOUT_MS);
    const settle = (answer: boolean) => {
      clearTimeout(timer);
      resolve(answer);
    };
    client.once('notification', () => settle(true)).once('end', () => settle(false));
  });
  await client.query(`LISTEN "${question}"`);
  await client.query('SELECT pg_notify($1, $2)', [OWNER_CHANNEL, question]);
  return answered;
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
