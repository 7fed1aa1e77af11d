import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { FleetLoad } from '../test/support/fleet-load';
import { adapterVariables } from '../test/support/kinds';
import { Process, SOME_REQUIRED } from '../test/support/lifecycle-races';
import { inspect } from '../test/support/lifecycle-service';
import { type Replica, RoundRobin } from '../test/support/round-robin';

/*
 * Runs the image as a cluster would: with a read-only file system, no capabilities and an unprivileged user. It
 * migrates an empty database, serves from three containers, and stops one of them under load.
 */

const { positionals } = parseArgs({ allowPositionals: true });
const [image = '', databaseUrl = ''] = positionals;
const tool = process.env.CONTAINER_TOOL ?? 'podman';
const started: string[] = [];

const RESTRICTED = [
  ...['--read-only', '--user', '65532:65532', '--cap-drop', 'ALL'],
  ...['--security-opt', 'no-new-privileges', '--network', 'host'],
];
const ENVIRONMENT = {
  DATABASE_URL: databaseUrl,
  AUTH_ENABLED: 'false',
  API_HOST: '127.0.0.1',
  ...{ API_PORT: '0', HEALTH_PORT: '0', METRICS_PORT: '0' },
  ...adapterVariables(SOME_REQUIRED),
  LOG_POLLS: 'false',
};
const variables = Object.entries(ENVIRONMENT).flatMap(([name, value]) => [
  '-e',
  `${name}=${value}`,
]);

async function containers(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(tool, args, { maxBuffer: 1 << 26 });
  return stdout.trim();
}

const run = (options: string[], command: string) =>
  containers('run', ...options, ...RESTRICTED, ...variables, image, command);

interface Pod extends Replica {
  name: string;
  startMs: number;
}

async function startPod(number: number): Promise<Pod> {
  const name = `hyperfleet-check-${process.pid}-${number}`;
  started.push(name);
  await run(['-d', '--name', name], 'serve');
  for (let tries = 0; tries < 300; tries++) {
    const log = await containers('logs', name);
    const ready = log.split('\n').find((line) => line.includes('"message":"ready"'));
    if (ready !== undefined) {
      const line = JSON.parse(ready) as { api: string; health: string; start_ms: number };
      const readyz = line.health.replace(/0\.0\.0\.0|\[::\]/, '127.0.0.1');
      return { name, url: new URL(line.api).origin, readyz, startMs: line.start_ms };
    }
    await sleep(100);
  }
  throw new Error(`${name} did not become ready:\n${await containers('logs', name)}`);
}

/** Says why the database cannot be used before anything is started. */
async function requireEmptyDatabase(): Promise<void> {
  if (image === '' || databaseUrl === '') {
    throw new Error(
      'DATABASE_URL must be set to an empty database on this machine: DATABASE_URL=postgres://… make image-check',
    );
  }
  const client = new Client({ connectionString: databaseUrl });
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')",
    );
    if (rows.length > 0) {
      const names = rows.map(({ name }) => name).join(', ');
      throw new Error(`The database is not empty (${names}). Create a new one for the check.`);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw code === undefined ? error : new Error(`The database cannot be used: ${message || code}`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function check(): Promise<void> {
  await requireEmptyDatabase();
  await run(['--rm'], 'migrate');
  const pods = await Promise.all([1, 2, 3].map(startPod));
  console.log(`ready after ${pods.map(({ startMs }) => startMs).join(', ')} ms`);
  const proxy = await RoundRobin.start(pods);
  const load = new FleetLoad(proxy);
  const work = load.run();
  const more = (requests: number) => Promise.race([work, load.after(requests)]);

  await more(500);
  const [stopped] = pods as [Pod];
  const began = performance.now();
  await containers('stop', '--time', '30', stopped.name);
  const stopMs = Math.round(performance.now() - began);
  await more(200);
  load.stop();
  await work;

  const exit = await containers('inspect', '--format', '{{.State.ExitCode}}', stopped.name);
  const broken = pods.map((pod) => proxy.share(pod).broken);
  const answered = pods.map((pod) => proxy.share(pod).answered);
  await proxy.close();
  const { db } = new Process(databaseUrl);
  const { rows, violations } = await inspect(db, SOME_REQUIRED);
  await db.close();
  console.log(
    `${load.answered} requests (${answered.join(' + ')}), ${broken.join(' + ')} aborted; ` +
      `stopped in ${stopMs} ms with exit code ${exit}; ${rows.length} resources, ` +
      `${load.alive.length} expected, ${violations.length} inconsistent`,
  );
  const right =
    exit === '0' && broken.every((count) => count === 0) && rows.length === load.alive.length;
  if (!right || violations.length > 0) throw new Error('The image check failed.');
}

check()
  .finally(() => Promise.all(started.map((name) => containers('rm', '-f', name))))
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
