import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LEASH } from '../test/support/service-process';

export interface Server {
  pid: number;
  port: number;
  /** Of `/metrics`; the baseline has none. */
  metricsPort?: number | undefined;
  /** From being started to being ready, in ms. */
  startMs: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  databaseUrl: string;
  /** A checkout with its build in `dist/`; this one unless said. */
  root?: string;
  /** The database is new: the build brings its own schema. */
  migrate?: boolean;
  nodeArguments?: readonly string[];
}

const ROOT = join(__dirname, '..');
/** Young objects get what `npm start` and the image give them, old ones what V8 takes in the container of the chart. */
const NODE_ARGUMENTS = ['--max-semi-space-size=16', '--max-old-space-size=256'];
const READY_TIMEOUT_MS = 20_000;
const POLL_MS = 2;

const running = new Set<Server>();

/** A build of the service in a process of its own, with everything on; its log goes to a file. */
export async function startService(options: StartOptions): Promise<Server> {
  const { databaseUrl, root = ROOT, migrate = false, nodeArguments = [] } = options;
  const program = join(root, 'dist', 'src', 'main.js');
  if (!existsSync(program)) throw new Error(`${program} is missing: run 'npm run build' there.`);
  const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-bench-log-'));
  const logFile = join(directory, 'log');
  const log = openSync(logFile, 'w');
  const began = performance.now();
  const child = spawn(
    process.execPath,
    ['--require', LEASH, ...NODE_ARGUMENTS, ...nodeArguments, program, 'serve'],
    {
      stdio: ['pipe', log, 'inherit'],
      env: {
        PATH: process.env.PATH,
        NODE_ENV: 'production',
        DATABASE_URL: databaseUrl,
        MIGRATE_ON_START: String(migrate),
        AUTH_ENABLED: 'false',
        LOG_FORMAT: 'json',
        LOG_LEVEL: 'info',
        API_PORT: '0',
        HEALTH_PORT: '0',
        METRICS_PORT: '0',
      },
    },
  );
  closeSync(log);
  child.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (;;) {
    const text = readFileSync(logFile, 'utf8');
    const [api, metrics] = ['api', 'metrics'].map((name) => portOf(text, name));
    if (api !== undefined) {
      const server = track(child, api, performance.now() - began);
      server.metricsPort = metrics;
      return server;
    }
    if (child.exitCode !== null || performance.now() - began > READY_TIMEOUT_MS) {
      child.kill('SIGKILL');
      throw new Error(`The service did not start:\n${text}`);
    }
    await sleep(POLL_MS);
  }
}

/** From the line of the log that says where the service listens. */
function portOf(log: string, listener: string): number | undefined {
  const port = new RegExp(`"${listener}":"http://[^:]+:(\\d+)`).exec(log)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** The bare server that ratios refer to. */
export async function startBaseline(databaseUrl: string): Promise<Server> {
  const began = performance.now();
  const child = fork(join(__dirname, 'baseline.js'), [], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', DATABASE_URL: databaseUrl },
  });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return track(child, port, performance.now() - began);
}

function track(child: ChildProcess, port: number, startMs: number): Server {
  const exited = once(child, 'exit');
  const server: Server = {
    pid: child.pid!,
    port,
    startMs,
    async stop() {
      running.delete(server);
      child.kill('SIGTERM');
      await exited;
    },
  };
  running.add(server);
  return server;
}

export async function stopServers(): Promise<void> {
  await Promise.all(Array.from(running, (server) => server.stop()));
}
