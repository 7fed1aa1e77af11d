import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { callTree, type CpuProfile, selfTimes } from './cpu-profile';
import { flameGraph } from './flame-graph';
import { newFleet } from './fleet';
import { LIST_QUERIES } from './list-queries';
import { loadFleet } from './load-fleet';
import { Generator } from './measure';
import { connect, startPostgres } from './postgres';
import { startProduct } from './servers';
import { figure, markdownTable } from './table';
import { WORKLOADS } from './workloads';

/** Where the product's CPU goes under one workload: a flame graph, and the functions that take most of it. */
const CLUSTERS = 10_000;
const WARMUP_MS = 3000;
const PROFILED_MS = 10_000;
const SHOWN = 30;
const ARTIFACTS = join(__dirname, '..', 'artifacts');

async function main(name: string | undefined): Promise<void> {
  const all = [...WORKLOADS, ...LIST_QUERIES];
  const workload = all.find((candidate) => candidate.name === name);
  if (workload === undefined) {
    console.error(
      `Usage: npm run profile -- WORKLOAD\n\n${all.map((it) => `  ${it.name.padEnd(18)} ${it.title}`).join('\n')}`,
    );
    process.exitCode = 2;
    return;
  }
  mkdirSync(ARTIFACTS, { recursive: true });
  const file = join(ARTIFACTS, `profile-${workload.name.replace('/', '-')}`);
  const logs = mkdtempSync(join(tmpdir(), 'hyperfleet-profile-'));
  const postgres = await startPostgres();
  const generator = new Generator(postgres.postmaster);
  try {
    const databaseUrl = await postgres.createDatabase();
    const fleet = newFleet(CLUSTERS);
    const knex = connect(databaseUrl);
    await loadFleet(knex, fleet);
    await knex.destroy();
    const cpuProfile = `${file}.cpuprofile`;
    rmSync(cpuProfile, { force: true });
    const product = await startProduct({
      ...{ databaseUrl, logFile: join(logs, 'product') },
      nodeArguments: ['--require', join(__dirname, 'profiler.js')],
      env: { PROFILE_FILE: cpuProfile },
    });
    const connections = workload.connections[0]!;
    const task = { workload, connections, fleet, servers: [product], until: { ms: PROFILED_MS } };
    const switching = sleep(WARMUP_MS).then(() => process.kill(product.pid, 'SIGUSR2'));
    const sample = await generator.measure({ ...task, warmupMs: WARMUP_MS });
    await switching;
    process.kill(product.pid, 'SIGUSR2');
    await written(cpuProfile);
    await product.stop();

    const tree = callTree(JSON.parse(readFileSync(cpuProfile, 'utf8')) as CpuProfile);
    const title = `${workload.title}, ${connections} connections, Node ${process.version}`;
    writeFileSync(`${file}.html`, flameGraph(tree, title));
    const rows = selfTimes(tree)
      .slice(0, SHOWN)
      .map((it) => [`${it.name} ${it.where}`, `${((100 * it.self) / tree.total).toFixed(1)} %`]);
    console.log(`${title}: ${figure(sample.rps)} requests a second while profiled\n`);
    console.log(markdownTable(['function itself', 'of the CPU'], rows));
    console.log(`\nFlame graph: ${file}.html\nFor other viewers: ${cpuProfile}`);
  } finally {
    generator.stop();
    await postgres.stop();
    rmSync(logs, { recursive: true, force: true });
  }
}

/** The product writes its profile when it gets round to it. */
async function written(file: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!existsSync(file) || !readFileSync(file, 'utf8').endsWith('}')) {
    if (Date.now() > deadline) throw new Error('the product wrote no profile');
    await sleep(100);
  }
}

main(process.argv[2]).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
