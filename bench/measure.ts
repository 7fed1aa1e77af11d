import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from './fleet';
import { load, type Source } from './load';
import { cpuOf, cpuOfPostgres, memoryOf } from './processes';
import { type Server, startService, type StartOptions } from './servers';
import { MIXED, type Workload } from './workloads';

/** What one run of one workload gave. */
export interface Sample {
  /** Requests per second. */
  rps: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** CPU per request in µs. */
  cpuServer: number;
  cpuPostgres: number;
}

/** How long is measured, or how many requests. */
export type Until = { ms: number } | { requests: number };

interface Task {
  workload: Workload;
  connections: number;
  fleet: Fleet;
  server: Server;
  /** Process of PostgreSQL, when it is on this machine. */
  postmaster: number | undefined;
  until: Until;
}

const WARM_UP_MS = 500;

/** Kept between runs, because writes go on where the last run has ended. */
const sources = new WeakMap<Fleet, Map<Workload, Source>>();

async function sourceOf({ workload, fleet, server }: Task): Promise<Source> {
  const known = sources.get(fleet) ?? new Map<Workload, Source>();
  sources.set(fleet, known);
  const source = known.get(workload) ?? (await workload.source({ fleet, port: server.port }));
  known.set(workload, source);
  return source;
}

interface Usage {
  /** Milliseconds. */
  at: number;
  /** Microseconds. */
  server: number;
  postgres: number;
}

function usageOf({ server, postmaster }: Task): Usage {
  return {
    at: performance.now(),
    server: cpuOf(server.pid),
    postgres: cpuOfPostgres(postmaster),
  };
}

/** Puts a workload on a server. When it is told how many requests, all of them count; otherwise those after a warm-up. */
export async function measure(task: Task): Promise<Sample> {
  const { connections, server, until } = task;
  const latencies: number[] = [];
  const options = {
    port: server.port,
    source: await sourceOf(task),
    connections,
    onLatency: (milliseconds: number) => latencies.push(milliseconds),
  };
  if ('requests' in until) {
    const before = usageOf(task);
    await load({ ...options, requests: Math.max(until.requests, connections) });
    return toSample(latencies, before, usageOf(task));
  }
  const stop = new AbortController();
  const loading = load({ ...options, signal: stop.signal });
  await Promise.race([loading, sleep(WARM_UP_MS)]);
  latencies.length = 0;
  const before = usageOf(task);
  await Promise.race([loading, sleep(until.ms)]);
  const sample = toSample(latencies, before, usageOf(task));
  stop.abort();
  await loading;
  return sample;
}

function toSample(latencies: readonly number[], before: Usage, after: Usage): Sample {
  const sorted = Float64Array.from(latencies).sort();
  const quantile = (share: number) => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return {
    rps: (sorted.length / (after.at - before.at)) * 1000,
    p50: quantile(0.5),
    p99: quantile(0.99),
    cpuServer: (after.server - before.server) / sorted.length,
    cpuPostgres: (after.postgres - before.postgres) / sorted.length,
  };
}

export interface Fresh {
  startMs: number;
  /** Resident memory in MB. */
  memory: number;
}

/** Start and memory, in a process that has done nothing else: what a larger response once took, V8 keeps. */
export async function measureFresh(
  options: StartOptions,
  task: Omit<Task, 'workload' | 'server'>,
): Promise<Fresh> {
  const server = await startService(options);
  await measure({ ...task, workload: MIXED, server });
  const memory = memoryOf(server.pid);
  await server.stop();
  return { startMs: server.startMs, memory };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each figure on its own. */
export function medianSample(samples: readonly Sample[]): Sample {
  const of = (key: keyof Sample) => median(samples.map((sample) => sample[key]));
  return {
    rps: of('rps'),
    p50: of('p50'),
    p99: of('p99'),
    cpuServer: of('cpuServer'),
    cpuPostgres: of('cpuPostgres'),
  };
}
