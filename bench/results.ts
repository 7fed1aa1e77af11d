import { cpus } from 'node:os';
import { type Fresh, median, medianSample, type Sample } from './measure';
import type { Options } from './options';
import { figure, markdownTable } from './table';
import type { Workload } from './workloads';

export interface Row {
  side: 'product' | 'baseline';
  workload: Workload;
  connections: number;
  samples: Sample[];
  /** Requests per second through those of the baseline's GET measured right before, one per round. */
  ratios: number[];
}

export interface Setup {
  postgres: string;
  clusters: number;
  options: Options;
  /** What is shown of how much; the medians unless said. */
  measured?: string;
  /** Load average at the begin of each round: a busy machine measures something else. */
  loads: readonly number[];
}

/** On what was measured, as a Markdown list. */
export function describeSetup({ postgres, clusters, options, measured, loads }: Setup): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;
  return [
    `- Node ${process.version}, ${postgres}, ${machine}`,
    `- ${clusters} clusters, ${measured ?? `medians of ${options.rounds} rounds of ${options.seconds} s`}`,
    `- load average before each round: ${loads.map((load) => load.toFixed(1)).join(', ')}`,
  ].join('\n');
}

const HEADER = [
  'workload',
  'connections',
  'requests/s',
  'p50 ms',
  'p99 ms',
  'CPU service µs',
  'CPU PostgreSQL µs',
  'ratio',
  'spread',
];

/** The table, and the same with all that was measured. */
export function showResults(rows: readonly Row[], fresh: readonly Fresh[], setup: Setup) {
  const results = rows.map(({ side, workload, connections, samples, ratios }) => ({
    side,
    workload: workload.name,
    title: workload.title,
    connections,
    ...medianSample(samples),
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
    samples,
  }));
  const cells = results.map((it) => [
    `${it.side === 'baseline' ? 'bare: ' : ''}${it.title}`,
    String(it.connections),
    ...[it.rps, it.p50, it.p99, it.cpuServer, it.cpuPostgres].map(figure),
    it.ratio.toFixed(3),
    `${it.lowest.toFixed(3)}–${it.highest.toFixed(3)}`,
  ]);
  const start = median(fresh.map(({ startMs }) => startMs));
  const memory = median(fresh.map((it) => it.memory));
  const text = [
    describeSetup(setup),
    '',
    markdownTable(HEADER, cells),
    '',
    `- start until ready: ${start.toFixed(0)} ms`,
    `- memory under mixed load at 64 connections: ${memory.toFixed(0)} MB`,
    '- ratios are to the bare GET by id at 32 connections right before, in the same round.',
  ].join('\n');
  return { text, json: { node: process.version, setup, results, fresh } };
}
