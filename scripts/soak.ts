import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { OwnPostgres } from '../test/support/own-postgres';
import { FREE_PORTS, startService, stopServices } from '../test/support/service-process';
import { Client } from './faults/client';
import { verify } from './faults/verify';
import { adapterVariables } from '../test/support/kinds';
import { SOME_REQUIRED } from '../test/support/lifecycle-races';
import { WriteLoad } from './faults/write-load';

/*
 * Runs a steady mixed load. At the end, the service must not use more memory, file descriptors or handles than after
 * the warm-up.
 * npm run soak -- [--minutes 20] [--workers 6]
 */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const WRITE_PAUSE_MS = 40;
const READ_PAUSE_MS = 50;
const SAMPLE_MS = 5000;
/** A fifth of the run, but at most 3 minutes. */
const WARM_UP_SHARE = 0.2;
const MEMORY_GROWTH = 1.1;
/** Connections come and go; a leak would be a multiple of this. */
const HANDLE_SLACK = 5;

const GAUGES = {
  rss: 'process_resident_memory_bytes',
  heap: 'nodejs_heap_size_used_bytes',
  fds: 'process_open_fds',
  handles: 'nodejs_active_handles_total',
} as const;

type Sample = Record<keyof typeof GAUGES, number>;

async function sample(metricsUrl: string): Promise<Sample> {
  const text = await (await fetch(metricsUrl)).text();
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return Object.fromEntries(
    Object.entries(GAUGES).map(([key, name]) => [key, read(name)]),
  ) as Sample;
}

/** Garbage comes and goes; the median of several samples shows what is kept. */
function median(samples: readonly Sample[], key: keyof Sample): number {
  const sorted = samples.map((entry) => entry[key]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function read(client: Client, isRunning: () => boolean): Promise<void> {
  const searches = ["status.conditions.Ready='False'", "labels.worker='1'", "name='load-0-0'"];
  for (let round = 0; isRunning(); round++) {
    const search = encodeURIComponent(searches[round % searches.length]!);
    const list = await client.send('GET', `${CLUSTERS}?pageSize=50&search=${search}`);
    const items = (list?.body.items ?? []) as { href: string }[];
    if (items[0]) await client.send('GET', items[0].href);
    await client.send('GET', `${CLUSTERS}?page=2&orderBy=name`);
    await sleep(READ_PAUSE_MS);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '20' },
      workers: { type: 'string', default: '6' },
    },
  });
  const totalMs = Number(values.minutes) * 60_000;
  const warmUpMs = Math.min(180_000, totalMs * WARM_UP_SHARE);
  const windowMs = Math.min(60_000, totalMs * WARM_UP_SHARE);
  const workers = Number(values.workers);
  const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-soak-'));
  const postgres = await OwnPostgres.create();
  try {
    await postgres.start();
    const databaseUrl = await postgres.createDatabase('soak');
    const service = startService(
      ['serve'],
      {
        ...{ ...FREE_PORTS, DATABASE_URL: databaseUrl, LOG_LEVEL: 'info', LOG_POLLS: 'false' },
        ...adapterVariables(SOME_REQUIRED),
      },
      directory,
    );
    const { api, metrics } = await service.ready();
    const url = new URL(api).origin;
    const load = new WriteLoad(() => url, workers, WRITE_PAUSE_MS);
    const state = { running: true };
    const readers = Array.from({ length: workers }, () => new Client(() => url, load.tally));
    const reading = Promise.all(readers.map((client) => read(client, () => state.running)));

    const early: Sample[] = [];
    const late: Sample[] = [];
    const begin = Date.now();
    for (let elapsed = 0; elapsed < totalMs; elapsed = Date.now() - begin) {
      await sleep(Math.min(SAMPLE_MS, windowMs / 4));
      const now = await sample(metrics);
      if (elapsed > warmUpMs - windowMs && elapsed <= warmUpMs) early.push(now);
      if (elapsed > totalMs - windowMs) late.push(now);
    }
    state.running = false;
    await reading;
    await load.stop();
    for (const client of readers) client.close();
    const ended = await service.end('SIGTERM');
    const wrong = await verify(databaseUrl, load);
    if (ended.code !== 0) wrong.push(`ended with ${ended.code ?? ''} ${ended.stderr}`);
    for (const outcome of load.tally.byOutcome.keys()) {
      // A listed resource may be gone when it is requested.
      if (!outcome.startsWith('2') && outcome !== '404')
        wrong.push(`${outcome}: ${load.tally.of(outcome)} requests`);
    }
    for (const key of Object.keys(GAUGES) as (keyof Sample)[]) {
      const [before, after] = [median(early, key), median(late, key)];
      const allowed =
        key === 'fds' || key === 'handles' ? before + HANDLE_SLACK : before * MEMORY_GROWTH;
      // Heap usage varies with each collection; the memory of the process decides.
      if (key !== 'heap' && after > allowed) wrong.push(`${key} grew`);
      console.log(`${key.padEnd(8)} ${before} after the warm-up, ${after} at the end`);
    }
    console.log(String(load.tally));
    for (const line of wrong.slice(0, 20)) console.log(`! ${line}`);
    console.log(wrong.length === 0 ? 'ok' : 'FAILED');
    if (wrong.length > 0) process.exitCode = 1;
  } finally {
    await stopServices();
    await postgres.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

void main();
