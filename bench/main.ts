import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSection } from './document';
import { type Fleet, newFleet } from './fleet';
import { loadFleet, settle } from './load-fleet';
import { Generator, type Sample, type Task } from './measure';
import { readOptions } from './options';
import { connect, startPostgres } from './postgres';
import { loadAverage } from './processes';
import { type Row, showResults } from './results';
import { type Server, startBaseline, startProduct } from './servers';
import { CREATED_PREFIX } from './requests';
import { GET, LABEL, LIST, MIXED, type Workload, WORKLOADS } from './workloads';

const options = readOptions(WORKLOADS.map(({ name }) => name));
const SIZE = options.smoke ? 1000 : 10_000;
/** Processes that are started and loaded anew, to see how long that takes and how large they get. */
const FRESH = options.smoke ? 1 : 5;
const GET_CONNECTIONS = 32;
/** Enough to see that a workload is answered as it should be. */
const SMOKE_ANSWERS = 20;
const ARTIFACTS = join(__dirname, '..', 'artifacts');

/** The product in its rows; the baseline where it can answer the same, to be compared with. */
function planRows(): Row[] {
  const wanted = WORKLOADS.filter(({ name }) => options.only?.includes(name) ?? true);
  const row = (side: Row['side'], workload: Workload, connections: number, first = true): Row => ({
    ...{ side, workload, connections, samples: [], ratios: [] },
    mark: side === 'product' && first && !options.smoke ? workload.mark : undefined,
  });
  return [
    ...[GET, LIST, LABEL]
      .filter((workload) => workload === GET || wanted.includes(workload))
      .map((workload) => row('baseline', workload, workload.connections[0]!)),
    ...wanted.map((workload) => row('product', workload, workload.connections[0]!)),
    ...wanted.flatMap((workload) =>
      (options.smoke ? [] : workload.connections.slice(1))
        .sort((left, right) => left - right)
        .map((connections) => row('product', workload, connections, false)),
    ),
  ];
}

function until(share = 1): Task['until'] {
  return options.smoke ? { answers: SMOKE_ANSWERS } : { ms: options.seconds * 1000 * share };
}

interface Bench {
  fleet: Fleet;
  generator: Generator;
  product: readonly Server[];
  baseline: Server;
}

async function main(): Promise<void> {
  const logs = mkdtempSync(join(tmpdir(), 'hyperfleet-bench-logs-'));
  const postgres = await startPostgres();
  const generator = new Generator(postgres.postmaster);
  const servers: Server[] = [];
  try {
    const databaseUrl = await postgres.createDatabase();
    const fleet = newFleet(SIZE);
    const knex = connect(databaseUrl);
    say(`${postgres.description}: loading ${SIZE} clusters …`);
    await loadFleet(knex, fleet);

    const start = async (name: string) => {
      const server = await startProduct({ databaseUrl, logFile: join(logs, name) });
      servers.push(server);
      return server;
    };
    const product: Server[] = [];
    for (let index = 0; index < options.processes; index++) {
      product.push(await start(`product-${index}`));
    }
    const baseline = await startBaseline(databaseUrl);
    servers.push(baseline);
    await assertSameBytes(fleet, product[0]!, baseline);
    const rows = planRows();
    const loads: number[] = [];
    const bench: Bench = { fleet, generator, product, baseline };
    if (!options.smoke) {
      // Fresh processes still compile their code, which would count against the workloads that come first.
      say('A round that does not count …');
      await runRound(planRows(), bench);
      await settle(knex, CREATED_PREFIX);
    }
    for (let round = 1; round <= options.rounds; round++) {
      loads.push(loadAverage());
      say(`Round ${round} of ${options.rounds} …`);
      await runRound(rows, bench);
      await settle(knex, CREATED_PREFIX);
    }
    // Memory of processes that have done nothing else: what a larger answer once took is kept. Of several, because how
    // much V8 lets the heap grow depends on when it happens to look.
    const startMs: number[] = [];
    const memory: number[] = [];
    for (let index = 0; index < FRESH; index++) {
      const fresh = await startProduct({ databaseUrl, logFile: join(logs, 'fresh') });
      startMs.push(fresh.startMs);
      const load = { workload: MIXED, connections: 64, fleet, servers: [fresh], warmupMs: 0 };
      memory.push((await generator.measure({ ...load, until: until(2) })).memory);
      await fresh.stop();
    }
    await knex.destroy();

    const result = showResults(rows, {
      node: process.version,
      postgres: postgres.description,
      machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
      clusters: SIZE,
      processes: options.processes,
      rounds: options.rounds,
      seconds: options.seconds,
      loadBefore: loads,
      startMs,
      memory,
    });
    console.log(result.text);
    const file = join(ARTIFACTS, options.smoke ? 'bench-smoke.json' : 'bench.json');
    mkdirSync(ARTIFACTS, { recursive: true });
    writeFileSync(file, `${JSON.stringify(result.json, null, 2)}\n`);
    console.log(`\nWritten to ${file}`);
    const section = options.processes === 1 ? 'bench' : 'processes';
    if (options.document) await writeSection('performance.md', section, result.text);
  } finally {
    generator.stop();
    await Promise.all(servers.map((server) => server.stop()));
    await postgres.stop();
    rmSync(logs, { recursive: true, force: true });
  }
}

/** Every row of the product right after a run of the baseline, so that both meet the same machine. */
async function runRound(rows: readonly Row[], bench: Bench): Promise<void> {
  const { fleet, generator, product, baseline } = bench;
  const run = (workload: Workload, connections: number, servers: readonly Server[], share = 1) =>
    generator.measure({
      ...{ workload, connections, servers, fleet },
      warmupMs: options.smoke ? 20 : 500,
      until: until(share),
    });
  for (const row of rows) {
    const bare: Sample = await run(GET, GET_CONNECTIONS, [baseline], 0.5);
    const sample =
      row.side === 'product'
        ? await run(row.workload, row.connections, product)
        : await run(row.workload, row.connections, [baseline]);
    row.samples.push(sample);
    row.ratios.push(sample.rps / bare.rps);
  }
}

/** A baseline that answers something else would make every ratio meaningless. */
async function assertSameBytes(fleet: Fleet, product: Server, baseline: Server): Promise<void> {
  for (const workload of [GET, LIST, LABEL]) {
    const source = await workload.source({ fleet, port: product.port });
    const path = source.next().toString().split(' ')[1]!;
    const [ours, bare] = await Promise.all(
      [product, baseline].map(async ({ port }) =>
        (await fetch(`http://127.0.0.1:${port}${path}`)).text(),
      ),
    );
    if (ours !== bare) throw new Error(`${path} differs:\n${ours}\n${bare}`);
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
