import { median, medianSample, type Sample } from './measure';
import { figure, markdownTable } from './table';
import type { Workload } from './workloads';

export interface Measured {
  /** Size of the fleet, and what has happened to it. */
  stage: string;
  query: Workload;
  samples: Sample[];
  /** Requests per second through those of the baseline's GET right before, one per round. */
  ratios: number[];
}

interface Setup {
  postgres: string;
  rounds: number;
  seconds: number;
  loads: readonly number[];
  smallest: string;
  largest: string;
  /** What became of the status reports in between. */
  reports: string;
}

const HEADER = [
  ...['query', 'clusters', 'connections', 'requests/s', 'p50 ms', 'p99 ms'],
  ...['CPU server µs', 'CPU PostgreSQL µs'],
];

/** The growth of each query, the stages of one below one another. */
export function showLists(measured: readonly Measured[], setup: Setup) {
  const { smallest, largest } = setup;
  const results = measured.map(({ stage, query, samples, ratios }) => ({
    ...{ stage, query: query.name, title: query.title, connections: query.connections[0]! },
    ...medianSample(samples),
    ...{ ratio: median(ratios), mark: query.mark, samples },
  }));
  const queries = [...new Set(results.map(({ query }) => query))];
  const rows = queries.flatMap((name) => {
    const ofQuery = results.filter(({ query }) => query === name);
    const reference = ofQuery.find(({ stage }) => stage === smallest)!;
    return ofQuery.map((it) => {
      const mark = it.stage.startsWith(largest) ? it.mark : undefined;
      return [
        ...[it.title, it.stage, String(it.connections)],
        ...[it.rps, it.p50, it.p99, it.cpuServer, it.cpuPostgres].map(figure),
        it === reference ? '' : (it.rps / reference.rps).toFixed(2),
        it.ratio.toFixed(3),
        mark?.toFixed(2) ?? '',
        mark === undefined ? '' : it.ratio >= mark ? 'ok' : 'MISS',
      ];
    });
  });
  const loads = setup.loads.map((load) => load.toFixed(1)).join(', ');
  const text = [
    `Node ${process.version}, ${setup.postgres}; medians of ${setup.rounds} rounds of ${setup.seconds} s; load average before each round: ${loads}.`,
    `Status reports before the last stage: ${setup.reports}.`,
    markdownTable([...HEADER, `to ${smallest}`, 'ratio', 'mark', ''], rows),
  ].join('\n\n');
  return { text, json: { node: process.version, setup, results } };
}
