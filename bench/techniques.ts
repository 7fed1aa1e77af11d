import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeSection } from './document';
import { newFleet } from './fleet';
import { loadFleet } from './load-fleet';
import { Generator, median, type Sample } from './measure';
import { connect, startPostgres } from './postgres';
import { loadAverage } from './processes';
import { type Server, startProduct } from './servers';
import { figure, markdownTable } from './table';
import { makeVariant, VARIANTS } from './variants';
import { CREATE, GET, LIST, REPORT } from './workloads';

/** What each technique is worth: the product without it, in turns with the product. */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    document: { type: 'boolean', default: false },
  },
});
const ROUNDS = Number(values.rounds);
const CLUSTERS = 10_000;
const MEASURED_MS = 2000;
const WARMUP_MS = 500;
const WORKLOADS = [GET, LIST, REPORT, CREATE];

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-techniques-'));
  const postgres = await startPostgres();
  const generator = new Generator(postgres.postmaster);
  const servers: Server[] = [];
  try {
    const databaseUrl = await postgres.createDatabase();
    const fleet = newFleet(CLUSTERS);
    const knex = connect(databaseUrl);
    await loadFleet(knex, fleet);
    await knex.destroy();
    for (const [index, variant] of VARIANTS.entries()) {
      const home = join(directory, String(index));
      const program = makeVariant(home, variant);
      const { env, nodeArguments } = variant;
      const logFile = join(home, 'log');
      servers.push(await startProduct({ databaseUrl, logFile, program, env, nodeArguments }));
    }

    const load = loadAverage();
    const samples = VARIANTS.map(() => WORKLOADS.map((): Sample[] => []));
    for (let round = 1; round <= ROUNDS; round++) {
      process.stderr.write(`Round ${round} of ${ROUNDS} …\n`);
      for (const [column, workload] of WORKLOADS.entries()) {
        for (const [index, server] of servers.entries()) {
          const sample = await generator.measure({
            ...{ workload, connections: workload.connections[0]!, fleet, servers: [server] },
            ...{ warmupMs: WARMUP_MS, until: { ms: MEASURED_MS } },
          });
          samples[index]![column]!.push(sample);
        }
      }
    }
    const of = (index: number, column: number, key: 'rps' | 'cpuServer') =>
      median(samples[index]![column]!.map((sample) => sample[key]));
    const rows = VARIANTS.map(({ title }, index) => [
      title,
      ...WORKLOADS.flatMap((_, column) => [
        figure(of(index, column, 'rps')),
        (of(index, column, 'rps') / of(0, column, 'rps')).toFixed(2),
        figure(of(index, column, 'cpuServer')),
      ]),
    ]);
    const header = [
      'without',
      ...WORKLOADS.flatMap(({ title }) => [`${title}: requests/s`, 'times', 'CPU µs']),
    ];
    const text = [
      `Node ${process.version}, ${postgres.description}, load average before: ${load}.`,
      markdownTable(header, rows),
    ].join('\n\n');
    console.log(text);
    if (values.document) await writeSection('performance.md', 'techniques', text);
  } finally {
    generator.stop();
    await Promise.all(servers.map((server) => server.stop()));
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
