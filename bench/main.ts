import { loadavg } from 'node:os';
import { compare } from './compare';
import { createFleet, type Fleet, settle } from './fleet';
import { type Fresh, measure, measureFresh } from './measure';
import { fleetSizeOf, freshOf, readOptions, untilOf } from './options';
import { publish, say, writeSection } from './output';
import type { Postgres } from './postgres';
import { type Row, showResults } from './results';
import { run } from './run';
import { type Server, startBaseline, startService } from './servers';
import { compareWatches } from './watch';
import { FIRST_PAGE, GET, LABEL, type Workload, WORKLOADS } from './workloads';

const options = readOptions();
const GET_CONNECTIONS = 32;
const FRESH_CONNECTIONS = 64;
/** What the baseline can serve too, with the same bytes. */
const COMPARABLE = [GET, FIRST_PAGE, LABEL];

interface Bench {
  postgres: Postgres;
  fleet: Fleet;
  product: Server;
  baseline: Server;
}

async function benchmark(postgres: Postgres): Promise<void> {
  const databaseUrl = await postgres.createDatabase();
  const product = await startService({ databaseUrl, migrate: true });
  const clusters = fleetSizeOf(options);
  say(`${postgres.description}: creating ${clusters} clusters …`);
  const fleet = await createFleet(product.port, clusters);
  await settle(databaseUrl);
  const baseline = await startBaseline(databaseUrl);
  await assertSameBytes(fleet, product, baseline);

  const bench = { postgres, fleet, product, baseline };
  if (!options.smoke) {
    // Fresh processes still compile their code, which would count against the workloads that come first.
    say('A round that does not count …');
    await runRound(planRows(), bench);
    await settle(databaseUrl);
  }
  const rows = planRows();
  const loads: number[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    loads.push(loadavg()[0]!);
    say(`Round ${round} of ${options.rounds} …`);
    await runRound(rows, bench);
    await settle(databaseUrl);
  }
  // Several, because how much V8 lets the heap grow depends on when it happens to look.
  const fresh: Fresh[] = [];
  for (let index = 0; index < freshOf(options); index++) {
    const task = { connections: FRESH_CONNECTIONS, fleet, postmaster: undefined };
    fresh.push(await measureFresh({ databaseUrl }, { ...task, until: untilOf(options, 2) }));
  }

  const setup = { postgres: postgres.description, clusters, options, loads };
  const result = showResults(rows, fresh, setup);
  publish(options.smoke ? 'bench-smoke' : 'bench', result);
  if (options.document) await writeSection('performance.md', 'bench', result.text);
}

/** The product with every number of connections, the first one of each workload on top; the baseline beside it. */
function planRows(): Row[] {
  const wanted = options.workloads ?? WORKLOADS;
  const row = (side: Row['side'], workload: Workload, connections: number): Row => ({
    side,
    workload,
    connections,
    samples: [],
    ratios: [],
  });
  const bare = COMPARABLE.filter((workload) => workload === GET || wanted.includes(workload));
  return [
    ...bare.map((workload) => row('baseline', workload, workload.connections[0])),
    // For what one request alone takes.
    row('baseline', GET, 1),
    ...wanted.map((workload) => row('product', workload, workload.connections[0])),
    ...wanted.flatMap((workload) =>
      (options.smoke ? [] : workload.connections.slice(1)).map((connections) =>
        row('product', workload, connections),
      ),
    ),
  ];
}

/** Every row right after a run of the baseline, so that both meet the same machine. */
async function runRound(rows: readonly Row[], bench: Bench): Promise<void> {
  const { postgres, fleet, product, baseline } = bench;
  const task = { fleet, postmaster: postgres.postmaster };
  for (const { side, workload, connections, samples, ratios } of rows) {
    const bare = await measure({
      ...task,
      workload: GET,
      connections: GET_CONNECTIONS,
      server: baseline,
      until: untilOf(options, 0.5),
    });
    const sample = await measure({
      ...task,
      workload,
      connections,
      server: side === 'product' ? product : baseline,
      until: untilOf(options),
    });
    samples.push(sample);
    ratios.push(sample.rps / bare.rps);
  }
}

/** A baseline that responds with something else would make every ratio meaningless. */
async function assertSameBytes(fleet: Fleet, product: Server, baseline: Server): Promise<void> {
  for (const workload of COMPARABLE) {
    const source = await workload.source({ fleet, port: product.port });
    const { path } = source.next();
    const [ours, bare] = await Promise.all(
      [product, baseline].map(async ({ port }) =>
        (await fetch(`http://127.0.0.1:${port}${path}`)).text(),
      ),
    );
    if (ours !== bare) throw new Error(`${path} differs:\n${ours}\n${bare}`);
  }
}

run(async (postgres) => {
  const { against, workloads, watch } = options;
  if (workloads?.length !== 0) {
    await (against === undefined
      ? benchmark(postgres)
      : compare(postgres, { ...options, against }));
  }
  if (watch) await compareWatches(postgres, options);
});
