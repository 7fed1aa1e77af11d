import { setTimeout as sleep } from 'node:timers/promises';
import { terminateBackends } from '../../test/support/backends';
import { type OwnPostgres } from '../../test/support/own-postgres';
import { FREE_PORTS, type ServiceProcess, startService } from '../../test/support/service-process';
import { withClient } from '../../test/support/database';
import { Client, Tally } from './client';
import { verify } from './verify';
import { adapterVariables } from '../../test/support/kinds';
import { SOME_REQUIRED } from '../../test/support/lifecycle-races';
import { WriteLoad } from './write-load';

const KILL_EVERY_MS = 200;
const WRITES_BETWEEN_KILLS = 50;
const CLUSTERS = '/api/hyperfleet/v1/clusters';

/** What a scenario found; it passes if nothing is `wrong`. */
export interface Finding {
  figures: Record<string, string | number>;
  wrong: string[];
  /** What this computer lacks for the scenario, which has not run. */
  skipped?: string;
}

export interface Setting {
  databaseUrl: string;
  /** Where services run. */
  directory: string;
  seconds: number;
  workers: number;
}

/** A process of the built service. */
export class Running {
  private constructor(
    readonly process: ServiceProcess,
    readonly url: string,
    readonly healthUrl: string,
  ) {}

  static async start(
    { databaseUrl, directory }: Pick<Setting, 'databaseUrl' | 'directory'>,
    env: Record<string, string> = {},
  ): Promise<Running> {
    const process = startService(
      ['serve'],
      {
        ...FREE_PORTS,
        DATABASE_URL: databaseUrl,
        LOG_POLLS: 'false',
        ...adapterVariables(SOME_REQUIRED),
        ...env,
      },
      directory,
    );
    const { api, health } = await process.ready();
    return new Running(process, new URL(api).origin, new URL(health).origin);
  }

  /** Errors in the log. A fault of the database is logged as a warning; an error is a bug in the service. */
  get errors(): string[] {
    return this.process.log
      .filter(({ level }) => level === 'error')
      .map((line) => `logged: ${JSON.stringify(line)}`);
  }
}

/** Every backend of the service dies every 200 ms, whatever it is doing. */
export async function killBackends(setting: Setting): Promise<Finding> {
  const service = await Running.start(setting);
  const load = new WriteLoad(() => service.url, setting.workers);
  let killed = 0;
  await withClient(setting.databaseUrl, async (client) => {
    const end = Date.now() + setting.seconds * 1000;
    while (Date.now() < end) {
      await sleep(KILL_EVERY_MS);
      killed += await terminateBackends(client, 'all');
    }
  });
  await load.stop();
  await service.process.end('SIGTERM');
  const wrong = [...service.errors, ...(await verify(setting.databaseUrl, load))];
  return { figures: { 'backends killed': killed, load: String(load.tally) }, wrong };
}

/** PostgreSQL is stopped and started again and again, alternately cleanly and by a crash. */
export async function restartDatabase(setting: Setting, postgres: OwnPostgres): Promise<Finding> {
  const service = await Running.start(setting, { DATABASE_POOL_TIMEOUT_MS: '1000' });
  const load = new WriteLoad(() => service.url, setting.workers);
  const wrong: string[] = [];
  const end = Date.now() + setting.seconds * 1000;
  let restarts = 0;
  let slowest = 0;
  for (; Date.now() < end; restarts++) {
    await sleep(1000);
    await postgres.stop(restarts % 2 === 0 ? 'fast' : 'immediate');
    await sleep(500);
    if ((await readiness(service)) !== 503) wrong.push('ready without a database');
    await postgres.start();
    const begin = Date.now();
    while ((await readiness(service)) !== 200 && Date.now() - begin < 10_000) await sleep(20);
    slowest = Math.max(slowest, Date.now() - begin);
  }
  if (slowest > 5000) wrong.push(`only ready ${slowest} ms after the database`);
  const before = load.tally.of('201');
  await sleep(500);
  await load.stop();
  if (load.tally.of('201') === before) wrong.push('nothing written after the last restart');
  await service.process.end('SIGTERM');
  wrong.push(...service.errors, ...(await verify(setting.databaseUrl, load)));
  return {
    figures: { restarts, 'slowest recovery, ms': slowest, load: String(load.tally) },
    wrong,
  };
}

async function readiness({ healthUrl }: Running): Promise<number | undefined> {
  const client = new Client(() => healthUrl, new Tally());
  const reply = await client.send('GET', '/readyz');
  client.close();
  return reply?.status;
}

/** The service is killed and started again, over and over. */
export async function killService(setting: Setting): Promise<Finding> {
  let service = await Running.start(setting);
  const load = new WriteLoad(() => service.url, setting.workers);
  const end = Date.now() + setting.seconds * 1000;
  let kills = 0;
  const wrong: string[] = [];
  for (; Date.now() < end; kills++) {
    const enough = load.tally.of('201') + WRITES_BETWEEN_KILLS * (0.5 + Math.random());
    while (load.tally.of('201') < enough) await sleep(5);
    await service.process.end('SIGKILL');
    wrong.push(...service.errors);
    service = await Running.start(setting);
  }
  await load.stop();
  await service.process.end('SIGTERM');
  wrong.push(...service.errors, ...(await verify(setting.databaseUrl, load)));
  return { figures: { kills, load: String(load.tally) }, wrong };
}

/** Two services are replaced in turns, as in a rolling update: no client may see a failure. */
export async function terminate(setting: Setting): Promise<Finding> {
  const services = [await Running.start(setting), await Running.start(setting)];
  let turn = 0;
  // As a load balancer would, does not send new connections to the one that is stopping.
  const load = new WriteLoad(() => services[turn++ % services.length]!.url, setting.workers);
  const wrong: string[] = [];
  const end = Date.now() + setting.seconds * 1000;
  let replaced = 0;
  for (; Date.now() < end; replaced++) {
    await sleep(500);
    const fresh = await Running.start(setting);
    const old = services.shift()!;
    services.push(fresh);
    const { code, signal } = await old.process.end('SIGTERM');
    if (code !== 0) wrong.push(`ended with ${code ?? signal ?? ''} on SIGTERM`);
    wrong.push(...old.errors);
  }
  await load.stop();
  await Promise.all(services.map(({ process }) => process.end('SIGTERM')));
  for (const outcome of load.tally.byOutcome.keys()) {
    if (!outcome.startsWith('2')) wrong.push(`${outcome}: ${load.tally.of(outcome)} requests`);
  }
  wrong.push(...(await verify(setting.databaseUrl, load)));
  return { figures: { replaced, load: String(load.tally) }, wrong };
}

/** Searches that wait for a lock take all pooled connections: others must fail soon, and work afterwards. */
export async function exhaustPool(setting: Setting): Promise<Finding> {
  const limits = { pool: 1000, statement: 2000 };
  const service = await Running.start(setting, {
    DATABASE_POOL_MAX: '4',
    DATABASE_POOL_TIMEOUT_MS: String(limits.pool),
    DATABASE_STATEMENT_TIMEOUT_MS: String(limits.statement),
  });
  const tally = new Tally();
  const clients = Array.from(
    { length: setting.workers * 4 },
    () => new Client(() => service.url, tally),
  );
  const wrong: string[] = [];
  const search = `${CLUSTERS}?search=${encodeURIComponent("labels.a = 'b'")}`;
  await withClient(setting.databaseUrl, async (holder) => {
    await holder.query('BEGIN; LOCK TABLE resource_status IN ACCESS EXCLUSIVE MODE');
    const end = Date.now() + setting.seconds * 1000;
    await Promise.all(
      clients.map(async (client) => {
        while (Date.now() < end) await client.send('GET', search);
      }),
    );
    await holder.query('ROLLBACK');
  });
  if (tally.of('503') !== tally.total) wrong.push(`expected only 503: ${String(tally)}`);
  const limit = limits.pool + limits.statement + 1500;
  if (tally.slowestMs > limit) wrong.push(`a response took ${Math.round(tally.slowestMs)} ms`);
  const exhausted = String(tally);
  const after = new Tally();
  const last = new Client(() => service.url, after);
  await last.send('GET', CLUSTERS);
  if (after.of('200') !== 1) wrong.push(`afterwards: ${String(after)}`);
  for (const client of [...clients, last]) client.close();
  await service.process.end('SIGTERM');
  wrong.push(...service.errors);
  return { figures: { exhausted }, wrong };
}
