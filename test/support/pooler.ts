import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { waitForDatabase } from './database';
import { freePort } from './own-postgres';

/** It refuses to run as root. */
const NOBODY = 65534;
const READY_TIMEOUT_MS = 5000;

export interface Pooler {
  /** Whichever database of the server is named here, the pooler connects to it. */
  url: string;
  stop(): Promise<void>;
}

/** PgBouncer in transaction mode, with its defaults, in front of a server; undefined where it is not installed. */
export async function startPooler(serverUrl: string): Promise<Pooler | undefined> {
  const program = [
    '/usr/sbin/pgbouncer',
    '/usr/local/bin/pgbouncer',
    '/opt/homebrew/bin/pgbouncer',
  ].find((file) => fs.existsSync(file));
  if (program === undefined) return undefined;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hyperfleet-pooler-'));
  const file = path.join(directory, 'pgbouncer.ini');
  const port = await freePort();
  fs.writeFileSync(file, configuration(new URL(serverUrl), port));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) for (const name of [directory, file]) fs.chownSync(name, NOBODY, NOBODY);
  const child = spawn(program, [file], {
    ...(asRoot && { uid: NOBODY, gid: NOBODY }),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (complaint = (complaint + text).slice(-3000)));
  let stopping = false;
  child.once('exit', (code, signal) => {
    if (!stopping) console.warn(`PgBouncer ended (${code ?? signal ?? ''}): ${complaint}`);
  });
  // A test run that is killed must not leave it behind.
  process.on('exit', () => child.kill('SIGKILL'));
  const url = `postgres://pooled@127.0.0.1:${port}${new URL(serverUrl).pathname}`;
  const stop = async () => {
    stopping = true;
    await ended(child);
    fs.rmSync(directory, { recursive: true, force: true });
  };
  try {
    await waitForDatabase(url, READY_TIMEOUT_MS, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw new Error(`PgBouncer did not start: ${complaint}`, { cause: error });
  }
  return { url, stop };
}

function configuration(server: URL, port: number): string {
  const target = {
    host: server.hostname,
    port: server.port || '5432',
    user: decodeURIComponent(server.username),
    ...(server.password !== '' && { password: decodeURIComponent(server.password) }),
  };
  const words = Object.entries(target).map(([name, value]) => `${name}=${value}`);
  return [
    '[databases]',
    `* = ${words.join(' ')}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'max_client_conn = 1000',
    'default_pool_size = 20',
    // Each test file has a database, and the connections of those that are done must go.
    'server_idle_timeout = 3',
    '',
  ].join('\n');
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}
