import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Until } from './measure';
import { type Workload, WORKLOADS } from './workloads';

export interface Options {
  smoke: boolean;
  /** Undefined: the usual ones. */
  workloads: readonly Workload[] | undefined;
  rounds: number;
  seconds: number;
  document: boolean;
  /** Whether watches are compared with polls. */
  watch: boolean;
  /** Another checkout to compare with. */
  against: string | undefined;
}

/** For `--only`; it is no workload, because what counts is not requests. */
const WATCH = 'watch';

const USAGE = `Usage: npm run bench -- [options]

  --against DIR    compare the build in dist/ with the one in DIR/dist/: both run, and are measured in turns
  --only NAME      workloads to run, by name, comma separated (default: all; with --against the usual six)
  --rounds N       rounds, of which the medians are shown (default: 5)
  --seconds N      how long each workload is measured in a round (default: 3)
  --document       put the tables into docs/performance.md
  --smoke          a small fleet and a few requests per workload: does everything run? No figure counts.

Workloads: ${WORKLOADS.map(({ name }) => name).join(', ')};
${WATCH}: watches compared with polls (with --against also with polls of that build)`;

/** Reads the arguments of the command line; wrong ones end the process with the usage. */
export function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        against: { type: 'string' },
        only: { type: 'string' },
        rounds: { type: 'string' },
        seconds: { type: 'string', default: '3' },
        document: { type: 'boolean', default: false },
        smoke: { type: 'boolean', default: false },
      },
    });
    const { smoke, document, against } = values;
    const only = values.only?.split(',');
    const workloads = only?.filter((name) => name !== WATCH).map(workloadNamed);
    if (document && against !== undefined && workloads?.length !== 0) {
      throw new Error('--document is not for workloads with --against.');
    }
    return {
      smoke,
      document,
      workloads,
      watch: only?.includes(WATCH) ?? against === undefined,
      rounds: positive('rounds', values.rounds ?? (smoke ? '1' : '5')),
      seconds: positive('seconds', values.seconds),
      against: against === undefined ? undefined : resolve(against),
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

function workloadNamed(name: string): Workload {
  const workload = WORKLOADS.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new Error(`There is no workload '${name}'.`);
  return workload;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} must be a number above 0.`);
  return value;
}

/** Enough to see that a workload is served as it should be. */
const SMOKE_REQUESTS = 20;

export function untilOf({ smoke, seconds }: Options, share = 1): Until {
  return smoke ? { requests: SMOKE_REQUESTS } : { ms: seconds * 1000 * share };
}

/**
 * How many clusters the fleet has; fewer where two fleets are made. Never so few that two reports on one cluster are
 * on their way at once: the service discards the one that another overtakes.
 */
export function fleetSizeOf({ smoke, against }: Options): number {
  if (smoke) return 500;
  return against === undefined ? 10_000 : 2000;
}

export interface WatchSizes {
  clusters: number;
  /** Watchers, and as many pollers. */
  clients: number;
  searches: number;
  idle: number;
  /** Milliseconds. */
  pollInterval: number;
  phase: number;
  idlePhase: number;
}

/** Phases are whole poll intervals, and the idle one has its share of what is sent every 15 and every 30 s. */
export function watchSizesOf({ smoke }: Options): WatchSizes {
  return smoke
    ? {
        clusters: 200,
        clients: 50,
        searches: 120,
        idle: 20,
        pollInterval: 250,
        phase: 500,
        idlePhase: 500,
      }
    : {
        clusters: 5000,
        clients: 50,
        searches: 500,
        idle: 1000,
        pollInterval: 5000,
        phase: 10_000,
        idlePhase: 60_000,
      };
}

/** How many processes are started anew, to see how long that takes and how large they get. */
export function freshOf({ smoke }: Options): number {
  return smoke ? 1 : 5;
}
