import { loadavg } from 'node:os';
import { createFleet, type Fleet, settle } from './fleet';
import { type Fresh, measure, measureFresh, median, medianSample, type Sample } from './measure';
import { fleetSizeOf, freshOf, type Options, untilOf } from './options';
import { publish, say } from './output';
import type { Postgres } from './postgres';
import { describeSetup } from './results';
import { type Server, startService } from './servers';
import { figure, markdownTable } from './table';
import { CREATE, FIRST_PAGE, GET, LABEL, MIXED, REPORT, type Workload } from './workloads';

const USUAL = [GET, FIRST_PAGE, LABEL, REPORT, CREATE, MIXED];
const CONNECTIONS = 16;

type Label = 'old' | 'new';

/** One build with a database of its own. Only HTTP and the environment need to be the same in both. */
interface Build {
  label: Label;
  root: string | undefined;
  databaseUrl: string;
  fleet: Fleet;
  server: Server;
}

/** A workload with the samples of both builds, one a round. */
type Comparison = { workload: Workload } & Record<Label, Sample[]>;

/** Measures the build of another checkout and this one in turns, on the same PostgreSQL with the same load. */
export async function compare(
  postgres: Postgres,
  options: Options & { against: string },
): Promise<void> {
  const clusters = fleetSizeOf(options);
  const builds = [
    await startBuild(postgres, 'old', clusters, options.against),
    await startBuild(postgres, 'new', clusters),
  ];
  const { comparisons, loads } = await measureRounds(builds, postgres, options);
  for (const { server } of builds) await server.stop();
  const fresh = await measureProcesses(builds, options);

  const setup = { postgres: postgres.description, clusters, options, loads };
  const text = [
    describeSetup(setup),
    `- old: ${options.against}; ${CONNECTIONS} connections; new : old is the median of the rounds, with the lowest and the highest`,
    '',
    markdownTable(HEADER, comparisons.flatMap(rowsOf)),
    '',
    markdownTable(['process', 'old', 'new', 'new : old'], processRows(fresh)),
  ].join('\n');
  publish('bench-against', { text, json: { setup, comparisons, fresh } });
}

async function startBuild(
  postgres: Postgres,
  label: Label,
  clusters: number,
  root?: string,
): Promise<Build> {
  const databaseUrl = await postgres.createDatabase();
  const server = await startService({ databaseUrl, root, migrate: true });
  say(`${label}: creating ${clusters} clusters …`);
  const fleet = await createFleet(server.port, clusters);
  return { label, root, databaseUrl, fleet, server };
}

async function measureRounds(builds: readonly Build[], postgres: Postgres, options: Options) {
  const comparisons = (options.workloads ?? USUAL).map((workload): Comparison => ({
    workload,
    old: [],
    new: [],
  }));
  const loads: number[] = [];
  // Round 0 does not count: fresh processes still compile their code.
  for (let round = options.smoke ? 1 : 0; round <= options.rounds; round++) {
    for (const { databaseUrl } of builds) await settle(databaseUrl);
    say(`Round ${round} of ${options.rounds} …`);
    if (round > 0) loads.push(loadavg()[0]!);
    for (const comparison of comparisons) {
      // The build that comes first changes from round to round.
      for (const { label, fleet, server } of round % 2 === 0 ? builds : builds.toReversed()) {
        const sample = await measure({
          workload: comparison.workload,
          connections: CONNECTIONS,
          fleet,
          server,
          postmaster: postgres.postmaster,
          until: untilOf(options),
        });
        if (round > 0) comparison[label].push(sample);
      }
    }
  }
  return { comparisons, loads };
}

async function measureProcesses(builds: readonly Build[], options: Options) {
  const fresh: Record<Label, Fresh[]> = { old: [], new: [] };
  for (let index = 0; index < freshOf(options); index++) {
    for (const { label, root, databaseUrl, fleet } of builds) {
      const task = { connections: CONNECTIONS, fleet, postmaster: undefined };
      const until = untilOf(options);
      fresh[label].push(await measureFresh({ databaseUrl, root }, { ...task, until }));
    }
  }
  return fresh;
}

const FIGURES: readonly (keyof Sample)[] = ['rps', 'cpuServer', 'cpuPostgres', 'p50', 'p99'];
const HEADER = [
  'workload',
  'build',
  'requests/s',
  'CPU service µs',
  'CPU PostgreSQL µs',
  'p50 ms',
  'p99 ms',
];

function rowsOf(comparison: Comparison): string[][] {
  const { title } = comparison.workload;
  const medians = (label: Label) => {
    const sample = medianSample(comparison[label]);
    return FIGURES.map((key) => figure(sample[key]));
  };
  const ratios = FIGURES.map((key) =>
    ratio(
      comparison.old.map((sample) => sample[key]),
      comparison.new.map((sample) => sample[key]),
    ),
  );
  return [
    [title, 'old', ...medians('old')],
    ['', 'new', ...medians('new')],
    ['', 'new : old', ...ratios],
  ];
}

function processRows(fresh: Record<Label, Fresh[]>): string[][] {
  const row = (title: string, key: keyof Fresh) => {
    const before = fresh.old.map((it) => it[key]);
    const after = fresh.new.map((it) => it[key]);
    return [title, figure(median(before)), figure(median(after)), ratio(before, after)];
  };
  return [row('start until ready, ms', 'startMs'), row('memory after mixed load, MB', 'memory')];
}

/** Round by round, because both met the same machine in a round. */
function ratio(old: readonly number[], fresh: readonly number[]): string {
  const ratios = fresh.map((value, round) => value / old[round]!);
  const digits = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : '–');
  const [middle, lowest, highest] = [median(ratios), Math.min(...ratios), Math.max(...ratios)];
  return `${digits(middle)} (${digits(lowest)}–${digits(highest)})`;
}
