import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFleet, type Fleet, settle, SHARDS } from './fleet';
import { type Options, type WatchSizes, watchSizesOf } from './options';
import { publish, say, writeSection } from './output';
import type { Postgres } from './postgres';
import { type Cpu, cpuSince, cpuTime, memoryOf } from './processes';
import { distinctSearch, reports, shard } from './requests';
import { type Server, startService } from './servers';
import { poll, reportAt, Sightings, type Stop, type Traffic, watch } from './watch-clients';
import {
  describeIdle,
  describeSample,
  type Idle,
  type Phase,
  type PhaseSample,
  showWatches,
} from './watch-results';

/* What it costs to follow a fleet by watching it and by polling it, while adapters report at a constant rate. */

const REPORTS_PER_SECOND = 100;
/** Pollers that look into what they receive: if all did, they would be most of the load on the machine. */
const LOOKING = SHARDS;

interface Stage {
  databaseUrl: string;
  fleet: Fleet;
  server: Server;
}

/** Clients of one sort, to be measured again and again. */
interface Plan extends Phase {
  stage: Stage;
  open(traffic: Traffic): Promise<Stop[]>;
  /** How many clients see each report, and within how many ms; undefined: that depends on the report. */
  seenBy?: { clients: number; ms: number };
}

export async function compareWatches(postgres: Postgres, options: Options): Promise<void> {
  const sizes = watchSizesOf(options);
  const { against } = options;
  const stage = await prepare(postgres, sizes);
  say('Idle watches …');
  const idle = await measureIdle(stage, postgres.postmaster, sizes);
  say(`  ${describeIdle(idle)}`);
  const plans = plansOf(stage, sizes);
  if (against !== undefined) {
    // Fewer pollers, because 1.0 turns some of so many away.
    const few = { ...sizes, clients: 0.4 * sizes.clients };
    plans.push(...pollsOf(await prepare(postgres, sizes, against), few, 'old: '));
  }
  const loads: number[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    say(`Watches and polls, round ${round} of ${options.rounds} …`);
    loads.push(loadavg()[0]!);
    for (const plan of plans) {
      const sample = await measurePhase(plan, postgres.postmaster, sizes);
      say(`  ${plan.title}: ${describeSample(sample)}`);
      plan.samples.push(sample);
    }
  }
  const { clusters, phase } = sizes;
  const measured = `${REPORTS_PER_SECOND} reports a second; the lowest figures of ${options.rounds} rounds of ${phase / 1000} s`;
  const setup = { postgres: postgres.description, clusters, options, measured, loads };
  const result = showWatches(plans, idle, sizes, setup);
  publish(options.smoke ? 'bench-watch-smoke' : 'bench-watch', result);
  if (options.document) await writeSection('performance.md', 'watches', result.text);
}

async function prepare(postgres: Postgres, sizes: WatchSizes, root?: string): Promise<Stage> {
  const databaseUrl = await postgres.createDatabase();
  const server = await startService({ databaseUrl, root, migrate: true });
  say(`${root ?? 'This build'}: creating ${sizes.clusters} clusters …`);
  const fleet = await createFleet(server.port, sizes.clusters);
  await settle(databaseUrl);
  return { databaseUrl, fleet, server };
}

/** The same clients for each build. */
function pollsOf(stage: Stage, sizes: WatchSizes, prefix = ''): Plan[] {
  const { clusters, clients, pollInterval } = sizes;
  const pages = Math.ceil(clusters / SHARDS / 100);
  const pollers = (title: string, headers: Record<string, string>, looking: number): Plan => ({
    title: `${prefix}${clients} pollers${title}`,
    clients,
    polls: true,
    stage,
    samples: [],
    seenBy: { clients: looking / SHARDS, ms: 2 * pollInterval },
    open: (traffic) =>
      Promise.resolve(
        Array.from({ length: clients }, (_, index) =>
          poll(traffic, index < looking, {
            search: shard(index),
            pages,
            headers: { Accept: 'application/json', ...headers },
            delay: (index * pollInterval) / clients,
            interval: pollInterval,
          }),
        ),
      ),
  });
  return [pollers('', {}, LOOKING), pollers(', compressed', { 'Accept-Encoding': 'gzip' }, 0)];
}

function plansOf(stage: Stage, sizes: WatchSizes): Plan[] {
  const { clients, searches, phase } = sizes;
  const watching = (title: string, searchOf: (index: number) => string, count: number): Plan => ({
    title,
    clients: count,
    stage,
    samples: [],
    open: (traffic) => openAll(count, (index) => watch(traffic, searchOf(index))),
  });
  return [
    ...pollsOf(stage, sizes),
    ...[SHARDS, clients].map((count) => ({
      ...watching(`${count} watchers`, shard, count),
      seenBy: { clients: count / SHARDS, ms: phase },
    })),
    watching(`${searches} searches, a watcher each`, distinctSearch, searches),
  ];
}

const OPENED_AT_ONCE = 10;

async function openAll(
  count: number,
  open: (index: number) => Promise<{ stop: Stop }>,
): Promise<Stop[]> {
  const stops: Stop[] = [];
  for (let index = 0; index < count; index += OPENED_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(OPENED_AT_ONCE, count - index) }, (_, n) => n);
    const opened = await Promise.all(numbers.map((n) => open(index + n)));
    stops.push(...opened.map(({ stop }) => stop));
  }
  return stops;
}

function coresOf({ ms, service, postgres }: Cpu & { ms: number }): Cpu {
  return { service: service / ms, postgres: postgres / ms };
}

async function cpuOver(ms: number, { pid }: Server, postmaster: number | undefined) {
  const began = cpuTime(pid, postmaster);
  await sleep(ms);
  return cpuSince(began);
}

const NOTHING = { bytes: 0, reports: 0, polls: 0 };

async function measurePhase(
  plan: Plan,
  postmaster: number | undefined,
  sizes: WatchSizes,
): Promise<PhaseSample> {
  const { stage, seenBy } = plan;
  const { fleet, server } = stage;
  const traffic: Traffic = { port: server.port, sightings: undefined, ...NOTHING };
  const everywhere = reports(fleet, { first: 0, count: fleet.size });
  const startReports = () => reportAt(REPORTS_PER_SECOND, everywhere, traffic);
  const cpuOfPhase = async () => {
    // By then, every poller has begun.
    await sleep(sizes.pollInterval);
    const sightings = new Sightings();
    Object.assign(traffic, { sightings, ...NOTHING });
    return { cpu: await cpuOver(sizes.phase, server, postmaster), sightings };
  };

  const stopReportsAlone = startReports();
  const alone = await cpuOfPhase();
  await stopReportsAlone();
  const closed = cpuTime(server.pid, postmaster);
  const stops = await plan.open(traffic);
  const opening = cpuSince(closed);
  const stopReports = startReports();
  const { cpu, sightings } = await cpuOfPhase();
  const seconds = cpu.ms / 1000;
  const received = traffic.bytes / seconds;
  const served = traffic.reports / (REPORTS_PER_SECOND * seconds);
  const polled = (traffic.polls * sizes.pollInterval) / (stops.length * seconds * 1000);
  await stopReports();
  if (seenBy === undefined) await sleep(Math.min(1000, sizes.phase));
  const missing = seenBy === undefined ? 0 : await sightings.missing(seenBy.clients, seenBy.ms);
  if (missing > 0 && plan.polls !== true) throw new Error(`${missing} reports are missing`);
  await Promise.all(stops.map((stop) => stop()));

  return {
    ...coresOf(cpu),
    alone: coresOf(alone.cpu),
    received,
    served: missing > 0 ? 0 : plan.polls === true ? Math.min(served, polled) : served,
    opening,
    staleness: quantile(sightings.sinceAnswer, 0.5),
    p50: quantile(sightings.sinceRequest, 0.5),
    p99: quantile(sightings.sinceRequest, 0.99),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(sorted.length * share)] ?? NaN;
}

/** Lets a signal collect garbage, so that memory can be compared. */
const COLLECTS = ['--expose-gc', '--import', 'data:text/javascript,process.on("SIGUSR2",()=>gc())'];

/** Nothing changes. In a process of its own, because what a larger response once took, V8 keeps. */
async function measureIdle(
  stage: Stage,
  postmaster: number | undefined,
  { idle, idlePhase }: WatchSizes,
): Promise<Idle> {
  const server = await startService({ ...stage, nodeArguments: COLLECTS });
  const traffic: Traffic = { port: server.port, sightings: undefined, ...NOTHING };
  const resting = async () => coresOf(await cpuOver(idlePhase, server, postmaster));
  const { cursor, stop } = await watch(traffic, "name='nobody'");
  const before = await memoryAtRest(server);
  // The first one counts towards the most that a process allows, but not towards the memory.
  const stops = await openAll(idle - 1, (index) => watch(traffic, shard(index), cursor));
  const after = await memoryAtRest(server);
  const watched = await resting();
  await Promise.all([stop, ...stops].map((it) => it()));
  await memoryAtRest(server);
  const alone = await resting();
  await server.stop();
  return {
    ...watched,
    alone,
    residentKiB: ((after.resident - before.resident) * 1024) / stops.length,
    heapKiB: ((after.heap - before.heap) * 1024) / stops.length,
  };
}

/** In MiB. */
async function memoryAtRest({ pid, metricsPort }: Server) {
  for (let collection = 0; collection < 3; collection++) {
    process.kill(pid, 'SIGUSR2');
    await sleep(500);
  }
  const metrics = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const heap = Number(/^nodejs_heap_size_used_bytes (\d+)/m.exec(metrics)?.[1]) / 2 ** 20;
  return { resident: memoryOf(pid), heap };
}
