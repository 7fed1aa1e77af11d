import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbedded, type EmbeddedDatabase } from '../../src/embedded/embedded-postgres';
import { isAlive } from '../../src/embedded/instance';
import { withClient } from './database';
import type { Message } from './embedded-process';

interface Service {
  process: ChildProcess;
  told: Message;
}

const SERVICE = path.join(__dirname, 'embedded-process.ts');

const services = new Set<ChildProcess>();
const databases = new Set<EmbeddedDatabase>();

/** A directory for embedded databases that every user may enter. */
export function makeBase(): string {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperfleet-embedded-'));
  fs.chmodSync(base, 0o755);
  return base;
}

export async function start(directory: string, progress: string[] = []): Promise<EmbeddedDatabase> {
  const onProgress = (message: string) => progress.push(message);
  const database = await startEmbedded({ directory, onProgress, fast: true });
  databases.add(database);
  return database;
}

/** The same in a process of its own, which can be killed. */
export async function startService(
  directory: string,
  account?: { uid: number; gid: number },
): Promise<Service> {
  const service = fork(SERVICE, [directory], {
    ...account,
    execArgv: ['--import', 'tsx'],
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  services.add(service);
  const [told] = (await once(service, 'message')) as [Message];
  return { process: service, told };
}

/** Ends whatever a test has started, also one that failed. */
export async function stopAll(): Promise<void> {
  for (const database of databases) await database.stop();
  databases.clear();
  for (const service of services) service.kill('SIGKILL');
  services.clear();
}

export function pidFile(directory: string): string {
  return path.join(directory, 'postgres/data/postmaster.pid');
}

export function serverPid(directory: string): number {
  return Number(fs.readFileSync(pidFile(directory), 'utf8').split('\n')[0]);
}

export async function gone(pid: number): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (isAlive(pid) && stateOf(pid)[0] !== 'Z') {
    if (Date.now() > deadline) throw new Error(`Process ${pid} is still there.`);
    await sleep(20);
  }
}

export async function write(url: string, value: number): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('CREATE TABLE IF NOT EXISTS kept (value integer)');
    await client.query('INSERT INTO kept VALUES ($1)', [value]);
  });
}

export function kept(url: string): Promise<number[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ value: number }>('SELECT value FROM kept ORDER BY value');
    return rows.map(({ value }) => value);
  });
}

/** The server's process for the connection of the owner. */
export function ownersBackend(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted`,
    );
    return rows[0]!.pid;
  });
}

/** Signals the processes that share the group of the server: its watchdog. */
export function signalGroupExcept(server: number, signal: NodeJS.Signals): void {
  const group = groupOf(server);
  for (const entry of fs.readdirSync('/proc')) {
    const pid = Number(entry);
    if (pid > 0 && pid !== server && groupOf(pid) === group) process.kill(pid, signal);
  }
}

function groupOf(pid: number): string | undefined {
  return stateOf(pid)[2];
}

/** State, parent and process group, where the system tells. */
function stateOf(pid: number): string[] {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
