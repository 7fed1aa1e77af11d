import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LEASH } from '../test/support/service-process';

export interface Server {
  pid: number;
  port: number;
  /** From being started to being ready, in ms. */
  startMs: number;
  stop(): Promise<void>;
}

const PROGRAM = join(__dirname, '..', 'dist', 'src', 'main.js');
/** Young objects get what `npm start` and the image give them, old ones what V8 takes in the container of the chart. */
const NODE_ARGUMENTS = ['--max-semi-space-size=16', '--max-old-space-size=256'];
const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 2;

/** The product as built, in a process of its own with everything on; its request log goes to a file. */
export async function startProduct(options: {
  databaseUrl: string;
  logFile: string;
  /** Another build than the one in `dist`. */
  program?: string;
  nodeArguments?: readonly string[];
  env?: Record<string, string>;
}): Promise<Server> {
  const { program = PROGRAM } = options;
  if (!existsSync(program)) throw new Error(`${program} is missing: run 'npm run build' first.`);
  const began = performance.now();
  const log = openSync(options.logFile, 'w');
  const child = spawn(
    process.execPath,
    ['--require', LEASH, ...NODE_ARGUMENTS, ...(options.nodeArguments ?? []), program, 'serve'],
    {
      stdio: ['pipe', log, 'inherit'],
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        DATABASE_URL: options.databaseUrl,
        AUTH_ENABLED: 'false',
        LOG_FORMAT: 'json',
        LOG_LEVEL: 'info',
        ...{ API_PORT: '0', HEALTH_PORT: '0', METRICS_PORT: '0' },
        ...options.env,
      },
    },
  );
  closeSync(log);
  for (;;) {
    const text = readFileSync(options.logFile, 'utf8');
    const port = /"api":"http:\/\/[^:]+:(\d+)/.exec(text)?.[1];
    if (port !== undefined) {
      return { ...started(child), port: Number(port), startMs: performance.now() - began };
    }
    if (child.exitCode !== null || performance.now() - began > READY_TIMEOUT_MS) {
      child.kill('SIGKILL');
      throw new Error(`The product did not start:\n${text}`);
    }
    await sleep(POLL_MS);
  }
}

/** The bare server that ratios refer to. */
export async function startBaseline(databaseUrl: string): Promise<Server> {
  const began = performance.now();
  const child = fork(join(__dirname, 'baseline.js'), [], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: databaseUrl },
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { ...started(child), port, startMs: performance.now() - began };
}

function started(child: ChildProcess): Pick<Server, 'pid' | 'stop'> {
  const exited = once(child, 'exit');
  return {
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
