import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Knex } from 'knex';
import { writeSection } from './document';
import { type Fleet, newFleet } from './fleet';
import { LIST_QUERIES } from './list-queries';
import { type Measured, showLists } from './list-results';
import { loadFleet } from './load-fleet';
import { Generator } from './measure';
import { connect, type Postgres, startPostgres } from './postgres';
import { loadAverage } from './processes';
import { type Server, startBaseline, startProduct } from './servers';
import { figure } from './table';
import { GET, REPORTS_EVERYWHERE } from './workloads';

/** How lists grow: the same queries against fleets of several sizes, and again after many status reports. */
const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    reports: { type: 'string', default: '200000' },
    only: { type: 'string' },
    document: { type: 'boolean', default: false },
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

    let reported = 'none';
    const largest = stages.at(-1)!;
    if (REPORTS > 0) {
      say(`${REPORTS} status reports on ${largest.title} …`);
      const sample = await generator.measure({
        ...{ workload: REPORTS_EVERYWHERE, connections: 16, fleet: largest.fleet },
        ...{ servers: [largest.product], warmupMs: 0, until: { answers: REPORTS } },
      });
      const vacuums = await vacuumed(largest.knex);
      reported = `${REPORTS} at ${figure(sample.rps)} a second; autovacuum came by: ${vacuums}`;
      const after = { ...largest, title: `${largest.title}, after reports` };
      measured.push(...(await measureAll(generator, bare, [after], loads)));
    }
    for (const { knex } of stages) await knex.destroy();
    const result = showLists(measured, {
      ...{ postgres: postgres.description, rounds: ROUNDS, seconds: MS / 1000, loads },
      ...{ smallest: stages[0]!.title, largest: largest.title, reports: reported },
    });
    console.log(result.text);
    mkdirSync(ARTIFACTS, { recursive: true });
    const file = join(ARTIFACTS, 'bench-lists.json');
    writeFileSync(file, `${JSON.stringify(result.json, null, 2)}\n`);
    console.log(`\nWritten to ${file}`);
    if (values.document) await writeSection('performance.md', 'lists', result.text);
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
    stages.map((stage) => ({ stage, query, ...nothingYet() })),
  );
  // Round 0 does not count: fresh processes still compile their code.
  for (let round = 0; round <= ROUNDS; round++) {
    if (round > 0) loads.push(loadAverage());
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
      if (round === 0) continue;
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

function nothingYet(): Pick<Measured, 'samples' | 'ratios'> {
  return { samples: [], ratios: [] };
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
