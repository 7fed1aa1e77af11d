import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { withClient } from '../test/support/database';
import { createFleet, type Fleet, settle } from './fleet';
import { measure, medianSample, type Sample } from './measure';
import { publish, say, writeSection } from './output';
import type { Postgres } from './postgres';
import { run } from './run';
import { type Server, startService } from './servers';
import { figure, markdownTable } from './table';
import { LISTS, REPORTS_EVERYWHERE, type Workload } from './workloads';

/** How lists grow: the same queries against fleets of several sizes, and again after many status reports. */
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    reports: { type: 'string', default: '200000' },
    only: { type: 'string' },
    against: { type: 'string' },
    document: { type: 'boolean', default: false },
  },
});
const SIZES = values.sizes.split(',').map(Number);
const ROUNDS = Number(values.rounds);
const SECONDS = Number(values.seconds);
const REPORTS = Number(values.reports);
/** By label: the build in another checkout, to compare with, and this one. */
const ROOTS: Record<string, string | undefined> =
  values.against === undefined
    ? { '': undefined }
    : { ', old': resolve(values.against), ', new': undefined };
const QUERIES = LISTS.filter(({ name }) => values.only?.split(',').includes(name) ?? true);

/** A fleet with a database and a service of its own. */
interface Stage {
  title: string;
  /** A label of `ROOTS`. */
  build: string;
  databaseUrl: string;
  fleet: Fleet;
  server: Server;
}

interface Measured {
  stage: Stage;
  query: Workload;
  samples: Sample[];
}

async function lists(postgres: Postgres): Promise<void> {
  const { postmaster } = postgres;
  const stages: Stage[] = [];
  for (const size of SIZES) {
    for (const build of Object.keys(ROOTS)) stages.push(await prepare(postgres, size, build));
  }
  const loads: number[] = [];
  const measured = await measureAll(stages, postmaster, loads);

  let reported = 'none';
  const largest = stages.at(-1)!;
  if (REPORTS > 0) {
    say(`${REPORTS} status reports on ${largest.title} …`);
    const { rps } = await measure({
      ...largest,
      workload: REPORTS_EVERYWHERE,
      connections: REPORTS_EVERYWHERE.connections[0],
      postmaster,
      until: { requests: REPORTS },
    });
    const vacuums = await vacuumsOf(largest.databaseUrl);
    reported = `${REPORTS} at ${figure(rps)} a second; autovacuum came by: ${vacuums}`;
    const after = { ...largest, title: `${largest.title}, after reports` };
    measured.push(...(await measureAll([after], postmaster, loads)));
  }
  const text = [
    `Node ${process.version}, ${postgres.description}; medians of ${ROUNDS} rounds of ${SECONDS} s; load average before each round: ${loads.map((load) => load.toFixed(1)).join(', ')}.`,
    `Status reports before the last stage: ${reported}.`,
    table(measured),
  ].join('\n\n');
  const json = measured.map(({ stage, query, samples }) => ({
    stage: stage.title,
    query: query.name,
    samples,
  }));
  publish('bench-lists', { text, json });
  if (values.document) await writeSection('performance.md', 'lists', text);
}

async function prepare(postgres: Postgres, size: number, build: string): Promise<Stage> {
  const title = `${size.toLocaleString('en-US')}${build}`;
  say(`Creating ${title} clusters …`);
  const databaseUrl = await postgres.createDatabase();
  const server = await startService({ databaseUrl, root: ROOTS[build], migrate: true });
  const fleet = await createFleet(server.port, size);
  await settle(databaseUrl);
  return { title, build, databaseUrl, fleet, server };
}

/** All sizes, and both builds of each, in turn for each query. */
async function measureAll(
  stages: readonly Stage[],
  postmaster: number | undefined,
  loads: number[],
): Promise<Measured[]> {
  const measured = QUERIES.flatMap((query) =>
    stages.map((stage): Measured => ({ stage, query, samples: [] })),
  );
  // Round 0 does not count: fresh processes still compile their code.
  for (let round = 0; round <= ROUNDS; round++) {
    say(`Round ${round} of ${ROUNDS} …`);
    if (round > 0) loads.push(loadavg()[0]!);
    for (const { stage, query, samples } of measured) {
      const sample = await measure({
        ...stage,
        workload: query,
        connections: query.connections[0],
        postmaster,
        until: { ms: SECONDS * 1000 },
      });
      if (round > 0) samples.push(sample);
    }
  }
  return measured;
}

/** The growth of each query, the stages of one below one another. */
function table(measured: readonly Measured[]): string {
  const rows = QUERIES.flatMap((query) => {
    const all = measured
      .filter((it) => it.query === query)
      .map(({ stage, samples }) => ({ stage, sample: medianSample(samples) }));
    return all.map(({ stage, sample }) => {
      const smallest = all.find((it) => it.stage.build === stage.build)!;
      return [
        query.title,
        stage.title,
        String(query.connections[0]),
        ...[sample.rps, sample.p50, sample.p99, sample.cpuServer, sample.cpuPostgres].map(figure),
        stage === smallest.stage ? '' : (sample.rps / smallest.sample.rps).toFixed(2),
      ];
    });
  });
  const header = [
    'query',
    'clusters',
    'connections',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'CPU service µs',
    'CPU PostgreSQL µs',
    'to the smallest',
  ];
  return markdownTable(header, rows);
}

async function vacuumsOf(databaseUrl: string): Promise<string> {
  const { rows } = await withClient(databaseUrl, (client) =>
    client.query<{ relname: string; autovacuum_count: string }>(
      "SELECT relname, autovacuum_count FROM pg_stat_user_tables WHERE relname LIKE '%status%' ORDER BY 1",
    ),
  );
  return rows.map((row) => `${row.relname} ${row.autovacuum_count} times`).join(', ');
}

run(lists);
