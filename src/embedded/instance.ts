import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { canReach, locateBinaries, publicCopy, serverAccount, type Account } from './binaries';

export const EMBEDDED_USER = 'hyperfleet';

/** The files of one embedded PostgreSQL and the way to run its programs on them. */
export interface Instance {
  /** Contains `data`, `password` and `server.log`. */
  directory: string;
  data: string;
  programs: string;
  /** Whether the user of the server can access `data` by its path. */
  reachable: boolean;
  account: Account | undefined;
}

// Stops the program when the pipe on its standard input closes, however this process ended. Ignores signals
// to the process group: the service handles them, and needs the database until its requests are done.
const WATCHDOG = `
  trap '' HUP INT TERM
  exec 3<&0 </dev/null
  "$@" 3<&- &
  program=$!
  { read -r line; kill -INT "$program"; } <&3 3<&- &
  reader=$!
  exec 3<&-
  wait "$program"
  status=$?
  kill -9 "$reader" 2>/dev/null
  exit "$status"`;

/** Runs a PostgreSQL program in its own session, at most for as long as this process lives. */
export function runProgram(
  instance: Instance,
  program: 'initdb' | 'postgres',
  args: string[],
  log: number | 'pipe',
): ChildProcess {
  const file = path.join(instance.programs, 'bin', program);
  return spawn('/bin/sh', ['-c', WATCHDOG, 'sh', file, ...args], {
    ...instance.account,
    cwd: instance.data,
    detached: true,
    // Variables such as PGOPTIONS or LC_ALL must not change what the server does.
    env: { PATH: process.env.PATH, TZ: 'UTC', LC_ALL: 'C' },
    stdio: ['pipe', 'ignore', log],
  });
}

/** Programs are started in their data directory, so that they need no access to its path. */
export function dataArgument({ reachable, data }: Instance): string {
  return reachable ? data : '/proc/self/cwd';
}

/** Opens the instance in `home`, and creates it if there is none. */
export async function openInstance(
  home: string,
  fast: boolean,
  onProgress: (message: string) => void,
): Promise<Instance> {
  const binaries = locateBinaries();
  const directory = path.join(home, 'postgres');
  const data = path.join(directory, 'data');
  const account = serverAccount(data);
  makePrivate(home, account);

  const instance = { directory, data, programs: binaries.root, reachable: true, account };
  if (account !== undefined && !canReach(account, binaries.root, home)) {
    onProgress('Running as root, but other users cannot access this directory.');
    instance.programs = publicCopy(binaries);
    onProgress(`PostgreSQL runs from ${instance.programs}; its data stays in ${home}.`);
    instance.reachable = false;
  }
  if (!fs.existsSync(path.join(data, 'PG_VERSION'))) {
    onProgress(`Creating a PostgreSQL database in ${home} (first start only) …`);
    await createInstance(home, instance, fast);
  }
  return instance;
}

function makePrivate(directory: string, account: Account | undefined): void {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (account !== undefined) fs.chownSync(directory, account.uid, account.gid);
    fs.chmodSync(directory, 0o700);
  } catch (error) {
    throw new Error(
      `${directory} cannot be used for the embedded PostgreSQL: it must belong to you. ` +
        'Remove it, or set DATABASE_URL.',
      { cause: error },
    );
  }
}

/** Creates it elsewhere and moves it into place in one step, in case this or another start is interrupted. */
async function createInstance(home: string, instance: Instance, fast: boolean): Promise<void> {
  removeUnfinished(home);
  const unfinished = path.join(home, `unfinished-${process.pid}`);
  const data = path.join(unfinished, 'data');
  const password = path.join(unfinished, 'password');
  makePrivate(unfinished, instance.account);
  makePrivate(data, instance.account);
  fs.writeFileSync(password, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (instance.account !== undefined) {
    fs.chownSync(password, instance.account.uid, instance.account.gid);
  }
  try {
    await initialise({ ...instance, data }, fast);
    fs.renameSync(unfinished, instance.directory);
  } catch (error) {
    // Another process was faster; its instance is as good as ours.
    if (!fs.existsSync(path.join(instance.data, 'PG_VERSION'))) throw error;
  } finally {
    fs.rmSync(unfinished, { recursive: true, force: true });
  }
}

function removeUnfinished(home: string): void {
  for (const name of fs.readdirSync(home)) {
    const pid = /^unfinished-(\d+)$/.exec(name)?.[1];
    if (pid === undefined) continue;
    // In a container every start has the same process id: a directory with our own is from an earlier one.
    if (Number(pid) !== process.pid && isAlive(Number(pid))) continue;
    fs.rmSync(path.join(home, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

async function initialise(instance: Instance, fast: boolean): Promise<void> {
  const initdb = runProgram(
    instance,
    'initdb',
    [
      `--pgdata=${dataArgument(instance)}`,
      `--username=${EMBEDDED_USER}`,
      '--pwfile=../password',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The built-in locale sorts in the same order on every machine, whatever its C library.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(fast ? ['--no-sync'] : []),
    ],
    'pipe',
  );
  let complaint = '';
  initdb.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const [code] = (await once(initdb, 'close')) as [number | null];
  if (code !== 0) {
    throw new Error(
      `The embedded PostgreSQL could not create its database (set DATABASE_URL to use another): ${complaint.trim()}`,
    );
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
