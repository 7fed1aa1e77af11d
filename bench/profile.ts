import { mkdirSync, readFileSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { join, relative } from 'node:path';
import { createFleet, settle } from './fleet';
import { measure } from './measure';
import { ARTIFACTS, say } from './output';
import type { Postgres } from './postgres';
import { run } from './run';
import { startService } from './servers';
import { figure, markdownTable } from './table';
import { LISTS, WORKLOADS, type Workload } from './workloads';

/** Where the service's CPU goes under one workload: a profile for Chrome or an editor, and the top of it. */
const CLUSTERS = 10_000;
const PROFILED_MS = 15_000;
const SAMPLE_US = 500;
const SHOWN = 30;

async function profile(postgres: Postgres, workload: Workload): Promise<void> {
  const databaseUrl = await postgres.createDatabase();
  const builder = await startService({ databaseUrl, migrate: true });
  say(`Creating ${CLUSTERS} clusters …`);
  const fleet = await createFleet(builder.port, CLUSTERS);
  await builder.stop();
  await settle(databaseUrl);

  mkdirSync(ARTIFACTS, { recursive: true });
  const name = `profile-${workload.name}.cpuprofile`;
  const server = await startService({
    databaseUrl,
    nodeArguments: [
      '--cpu-prof',
      `--cpu-prof-interval=${SAMPLE_US}`,
      `--cpu-prof-dir=${ARTIFACTS}`,
      `--cpu-prof-name=${name}`,
    ],
  });
  const connections = workload.connections[0];
  const { postmaster } = postgres;
  const until = { ms: PROFILED_MS };
  const { rps } = await measure({ workload, connections, fleet, server, postmaster, until });
  await server.stop();

  const file = join(ARTIFACTS, name);
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as Profiler.Profile;
  console.log(`${workload.title}, ${connections} connections: ${figure(rps)} requests/s\n`);
  console.log(markdownTable(['function itself', 'of the CPU'], topOf(recorded)));
  say(`\nThe start of the process included. For Chrome's DevTools or an editor: ${file}`);
}

/** The functions with most time of their own, wherever they were called from. */
function topOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): string[][] {
  const titles = new Map(nodes.map(({ id, callFrame }) => [id, titleOf(callFrame)]));
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const title = titles.get(id)!;
    times.set(title, (times.get(title) ?? 0) + timeDeltas[index]!);
  });
  times.delete('(idle)');
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .sort(([, left], [, right]) => right - left)
    .slice(0, SHOWN)
    .map(([title, time]) => [title, `${((100 * time) / total).toFixed(1)} %`]);
}

function titleOf({ functionName, url, lineNumber }: Profiler.Profile['nodes'][0]['callFrame']) {
  const name = functionName || '(anonymous)';
  if (url === '') return name;
  const path = url.replace(/^file:\/\/.*node_modules\//, '').replace(/^file:\/\//, '');
  const short = path.startsWith('/') ? relative(process.cwd(), path) : path;
  return `${name} ${short}:${lineNumber + 1}`;
}

const all = [...new Set([...WORKLOADS, ...LISTS])];
const workload = all.find(({ name }) => name === process.argv[2]);
if (workload === undefined) {
  const lines = all.map(({ name, title }) => `  ${name.padEnd(14)} ${title}`);
  console.error(`Usage: npm run profile -- WORKLOAD\n\n${lines.join('\n')}`);
  process.exitCode = 2;
} else {
  run((postgres) => profile(postgres, workload));
}
