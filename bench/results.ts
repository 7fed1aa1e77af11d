import { median, medianSample, type Sample } from './measure';
import { figure, markdownTable } from './table';
import type { Workload } from './workloads';

export interface Row {
  side: 'product' | 'baseline';
  workload: Workload;
  connections: number;
  mark: number | undefined;
  samples: Sample[];
  /** Requests per second through those of the baseline's GET measured right before, one per round. */
  ratios: number[];
}

export interface Setup {
  node: string;
  postgres: string;
  machine: string;
  clusters: number;
  processes: number;
  rounds: number;
  seconds: number;
  /** Load average at the begin of each round: a busy machine measures something else. */
  loadBefore: readonly number[];
  startMs: readonly number[];
  /** MB, of processes that only had mixed load at 64 connections. */
  memory: readonly number[];
}

const MAX_TAIL = 4;
const MAX_MEMORY_MB = 150;
const MAX_START_MS = 500;

const HEADER = [
  ...['workload', 'connections', 'requests/s', 'p50 ms', 'p99 ms', 'p99/p50'],
  ...['CPU server µs', 'CPU PostgreSQL µs', 'MB', 'ratio', 'spread', 'mark', ''],
];

function verdictOf(ratio: number, mark: number | undefined, tail: number): string {
  if (mark === undefined) return '';
  const misses = [ratio < mark && 'ratio', tail > MAX_TAIL && 'p99'].filter(Boolean);
  return misses.length === 0 ? 'ok' : `MISS: ${misses.join(', ')}`;
}

/** The table, and the same with all that was measured. */
export function showResults(rows: readonly Row[], setup: Setup): { text: string; json: unknown } {
  const results = rows.map(({ side, workload, connections, mark, samples, ratios }) => {
    const sample = medianSample(samples);
    const ratio = median(ratios);
    const tail = sample.p99 / sample.p50;
    return {
      ...{ side, workload: workload.name, title: workload.title, connections, ...sample },
      ...{ ratio, lowest: Math.min(...ratios), highest: Math.max(...ratios) },
      ...{ mark, verdict: verdictOf(ratio, mark, tail), tail, samples },
    };
  });
  const cells = results.map((it) => [
    `${it.side === 'baseline' ? 'bare: ' : ''}${it.title}`,
    String(it.connections),
    ...[it.rps, it.p50, it.p99].map(figure),
    it.tail.toFixed(1),
    ...[it.cpuServer, it.cpuPostgres, it.memory].map(figure),
    it.ratio.toFixed(3),
    `${it.lowest.toFixed(3)}–${it.highest.toFixed(3)}`,
    it.mark?.toFixed(2) ?? '',
    it.verdict,
  ]);
  const start = median(setup.startMs);
  const memory = median(setup.memory);
  const text = [
    `- Node ${setup.node}, ${setup.postgres}, ${setup.machine}`,
    `- ${setup.clusters} clusters, ${setup.processes} process(es) of the product, medians of ${setup.rounds} rounds of ${setup.seconds} s`,
    `- load average before each round: ${setup.loadBefore.map((load) => load.toFixed(1)).join(', ')}`,
    '',
    markdownTable(HEADER, cells),
    '',
    `- start until ready: ${start.toFixed(0)} ms (mark ${MAX_START_MS}: ${start < MAX_START_MS ? 'ok' : 'MISS'})`,
    `- memory under mixed load at 64 connections: ${memory.toFixed(0)} MB (mark ${MAX_MEMORY_MB}: ${memory < MAX_MEMORY_MB ? 'ok' : 'MISS'})`,
    '- ratios are to the bare GET by id at 32 connections right before, in the same round.',
  ].join('\n');
  return { text, json: { setup, results } };
}
