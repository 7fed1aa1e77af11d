import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { type Fleet, newFleet } from './fleet';
import { LIST_QUERIES } from './list-queries';
import { loadFleet } from './load-fleet';
import { Generator, median, medianSample, type Sample } from './measure';
import { connect, type Postgres, startPostgres } from './postgres';
import { loadAverage } from './processes';
import { type Server, startBaseline, startProduct } from './servers';
import { figure, markdownTable } from './table';
import { GET, REPORTS_EVERYWHERE, type Workload } from './workloads';

/** How lists grow: the same queries against fleets of several sizes, and again after many status reports. */
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    reports: { type: 'string', default: '200000' },
    only: { type: 'string' },
  },
});
const SIZES = values.sizes.split(',').map(Number);
const ROUNDS = Number(values.rounds);
const MS = Number(values.seconds) * 1000;
const REPORTS = Number(values.reports);
const QUERIES = LIST_QUERIES.filter(({ name }) => values.only?.split(',').includes(name) ?? true);
const WARMUP_MS = 500;
const ARTIFACTS = join(__dirname, '..', 'artifacts');

/** One fleet with its database and a product of its own. */
interface Stage {
  title: string;
  fleet: Fleet;
  knex: Knex;
  product: Server;
}

interface Measured {
  stage: string;
  query: Workload;
  samples: Sample[];
  ratios: number[];
}

async function main(): Promise<void> {
  const logs = mkdtempSync(join(tmpdir(), 'hyperfleet-bench-logs-'));
  const postgres = await startPostgres();
  const generator = new Generator(postgres.postmaster);
  const servers: Server[] = [];
  try {
    const stages: Stage[] = [];
    let baseline: Server | undefined;
    for (const size of SIZES) {
      const stage = await prepare(postgres, size, logs);
      stages.push(stage.stage);
      servers.push(stage.stage.product);
      if (baseline === undefined) servers.push((baseline = await startBaseline(stage.databaseUrl)));
    }
    const bare = { fleet: stages[0]!.fleet, server: baseline! };
    const loads: number[] = [];
    const measured = await measureAll(generator, bare, stages, loads);

    const largest = stages.at(-1)!;
    if (REPORTS > 0) {
      say(`${REPORTS} status reports on ${largest.title} …`);
      const sample = await generator.measure({
        ...{ workload: REPORTS_EVERYWHERE, connections: 16, fleet: largest.fleet },
        ...{ servers: [largest.product], warmupMs: 0, until: { answers: REPORTS } },
      });
      say(`${figure(sample.rps)} a second; autovacuum since: ${await vacuumed(largest.knex)}`);
      const after = { ...largest, title: `${largest.title}, after reports` };
      measured.push(...(await measureAll(generator, bare, [after], loads)));
    }
    for (const { knex } of stages) await knex.destroy();
    show(postgres.description, stages, measured, loads);
  } finally {
    generator.stop();
    await Promise.all(servers.map((server) => server.stop()));
    await postgres.stop();
    rmSync(logs, { recursive: true, force: true });
  }
}

async function prepare(postgres: Postgres, size: number, logs: string) {
  const begin = performance.now();
  const databaseUrl = await postgres.createDatabase();
  const knex = connect(databaseUrl);
  const fleet = newFleet(size);
  await loadFleet(knex, fleet);
  const product = await startProduct({ databaseUrl, logFile: join(logs, `product-${size}`) });
  say(`${size} clusters loaded in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  const stage: Stage = { title: size.toLocaleString('en-US'), fleet, knex, product };
  return { stage, databaseUrl };
}

/** All sizes in turn for each query, and the baseline before each of them. */
async function measureAll(
  generator: Generator,
  bare: { fleet: Fleet; server: Server },
  stages: readonly Stage[],
  loads: number[],
): Promise<Measured[]> {
  const measured = QUERIES.flatMap((query) =>
    stages.map((stage) => ({ stage, query, samples: [] as Sample[], ratios: [] as number[] })),
  );
  for (let round = 1; round <= ROUNDS; round++) {
    loads.push(loadAverage());
    say(`Round ${round} of ${ROUNDS} …`);
    for (const { stage, query, samples, ratios } of measured) {
      const get = await generator.measure({
        ...{ workload: GET, connections: 32, fleet: bare.fleet, servers: [bare.server] },
        ...{ warmupMs: WARMUP_MS, until: { ms: MS / 2 } },
      });
      const sample = await generator.measure({
        ...{ workload: query, connections: query.connections[0]!, fleet: stage.fleet },
        ...{ servers: [stage.product], warmupMs: WARMUP_MS, until: { ms: MS } },
      });
      samples.push(sample);
      ratios.push(sample.rps / get.rps);
    }
  }
  return measured.map(({ stage, ...rest }) => ({ ...rest, stage: stage.title }));
}

async function vacuumed(knex: Knex): Promise<string> {
  const { rows } = await knex.raw<{ rows: { relname: string; autovacuum_count: string }[] }>(
    "SELECT relname, autovacuum_count FROM pg_stat_user_tables WHERE relname LIKE '%status%' ORDER BY 1",
  );
  return rows.map((row) => `${row.relname} ${row.autovacuum_count} times`).join(', ');
}

function show(
  postgres: string,
  stages: readonly Stage[],
  measured: readonly Measured[],
  loads: readonly number[],
): void {
  const results = measured.map(({ stage, query, samples, ratios }) => ({
    ...{ stage, query: query.name, title: query.title, connections: query.connections[0]! },
    ...medianSample(samples),
    ...{ ratio: median(ratios), mark: query.mark, samples },
  }));
  const smallest = stages[0]!.title;
  const largest = stages.at(-1)!.title;
  const rpsOf = (query: string, stage: string) =>
    results.find((it) => it.query === query && it.stage === stage)?.rps ?? NaN;
  const rows = results.map((it) => {
    const judged = it.mark !== undefined && it.stage.startsWith(largest);
    return [
      ...[it.title, it.stage, String(it.connections)],
      ...[it.rps, it.p50, it.p99].map(figure),
      ...[it.cpuServer, it.cpuPostgres].map(figure),
      it.stage === smallest ? '' : (it.rps / rpsOf(it.query, smallest)).toFixed(2),
      it.ratio.toFixed(3),
      judged ? it.mark!.toFixed(2) : '',
      judged ? (it.ratio >= it.mark! ? 'ok' : 'MISS') : '',
    ];
  });
  console.log(
    `Node ${process.version}, ${postgres}; medians of ${ROUNDS} rounds of ${MS / 1000} s`,
  );
  console.log(`load average before each round: ${loads.map((it) => it.toFixed(1)).join(', ')}\n`);
  const header = [
    ...['query', 'clusters', 'connections', 'requests/s', 'p50 ms', 'p99 ms'],
    ...['CPU server µs', 'CPU PostgreSQL µs', `: ${smallest}`, 'ratio', 'mark', ''],
  ];
  console.log(markdownTable(header, rows));
  mkdirSync(ARTIFACTS, { recursive: true });
  const file = join(ARTIFACTS, 'bench-lists.json');
  writeFileSync(
    file,
    `${JSON.stringify({ postgres, node: process.version, loads, results }, null, 2)}\n`,
  );
  console.log(`\nWritten to ${file}`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
