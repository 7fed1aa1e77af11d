/**
 * Runs the service for development: bundles the sources, starts them, and repeats both whenever a file changes. The
 * embedded database keeps running, so that a restart is fast.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { hasExternalDatabase, loadConfig } from '../src/config/config';
import { startEmbedded } from '../src/embedded/embedded-postgres';
import { packageRoot } from '../src/config/package-root';

const BUNDLE = join(packageRoot, 'dist', 'dev', 'main.js');
/** Editors write a file in several steps. */
const SETTLE_MS = 50;

let service: ChildProcess | undefined;
let restarting: Promise<void> = Promise.resolve();
let stopping = false;

const say = (text: string) => console.log(`[dev] ${text}`);

async function stop(): Promise<void> {
  if (service?.exitCode === null && service.signalCode === null) {
    const ended = once(service, 'exit');
    service.kill('SIGTERM');
    await ended;
  }
}

async function restart(env: NodeJS.ProcessEnv): Promise<void> {
  await stop();
  if (stopping) return;
  const args = ['--enable-source-maps', BUNDLE, 'serve', ...process.argv.slice(2)];
  service = spawn(process.execPath, args, { stdio: 'inherit', env, cwd: packageRoot });
  service.once('exit', (code) => {
    if (code) say('The service has stopped. It restarts when a file changes.');
  });
}

async function main(): Promise<void> {
  const embedded = hasExternalDatabase(loadConfig())
    ? undefined
    : await startEmbedded({ directory: join(packageRoot, '.data'), onProgress: say });
  const env = {
    LOG_FORMAT: 'text',
    // There are no clients whose requests must be finished.
    SHUTDOWN_TIMEOUT_MS: '1',
    ...(embedded && { DATABASE_URL: embedded.url, MIGRATE_ON_START: 'true' }),
    ...process.env,
  };
  const again = () => {
    restarting = restarting.then(() => restart(env));
  };

  const bundle = await esbuild.context({
    entryPoints: [join(packageRoot, 'src', 'main.ts')],
    outfile: BUNDLE,
    ...{ bundle: true, packages: 'external', platform: 'node', target: 'node20', sourcemap: true },
    logLevel: 'warning',
  });
  const build = () => {
    // esbuild has printed the errors; the previous service keeps running.
    bundle.rebuild().then(again, () => undefined);
  };
  build();

  onChange('src', build);
  onChange('migrations', again);
  onChange('openapi', () => {
    say('The contract has changed.');
    const generator = join(packageRoot, 'scripts', 'generate.js');
    promisify(execFile)(process.execPath, [generator]).then(again, (error: unknown) => {
      say((error as { stderr: string }).stderr.trim());
    });
  });

  const end = () => {
    if (stopping) return;
    stopping = true;
    void restarting
      .then(stop)
      .then(() => Promise.all([bundle.dispose(), embedded?.stop()]))
      .then(() => process.exit(0));
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
}

function onChange(directory: string, act: () => void): void {
  let timer: NodeJS.Timeout | undefined;
  watch(join(packageRoot, directory), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(act, SETTLE_MS);
  });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
