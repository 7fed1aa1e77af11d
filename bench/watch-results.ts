import { median } from './measure';
import type { WatchSizes } from './options';
import type { Cpu } from './processes';
import { describeSetup, type Setup } from './results';
import { figure, markdownTable } from './table';

/** Of cores; what opening the clients took is in ms. */
export interface PhaseSample extends Cpu {
  /** The same reports right before, when there were no clients. */
  alone: Cpu;
  opening: Cpu;
  /** Bytes per second. */
  received: number;
  /** The share of the reports, and of the polls, that were answered in time. */
  served: number;
  /** Milliseconds: from the response to the report until a client knows, and from its request. */
  staleness: number;
  p50: number;
  p99: number;
}

export interface Phase {
  title: string;
  clients: number;
  polls?: true;
  samples: PhaseSample[];
}

export interface Idle extends Cpu {
  /** The process without a watch. */
  alone: Cpu;
  residentKiB: number;
  heapKiB: number;
}

export function describeIdle({ alone, residentKiB, heapKiB, ...watched }: Idle): string {
  const [cpu, without] = [watched, alone].map(
    ({ service, postgres }) =>
      `${figure(100 * service)} % of a core of the service and ${figure(100 * postgres)} % of PostgreSQL`,
  );
  const memory = `${figure(residentKiB)} KiB of resident memory each, ${figure(heapKiB)} KiB of heap`;
  return `${cpu!}, without them ${without!}; ${memory}`;
}

const HEADER = [
  'clients',
  'CPU service %',
  'CPU PostgreSQL %',
  'both without clients %',
  'of the clients %',
  'served %',
  'MB/s',
  'stale ms',
  'p50 ms',
  'p99 ms',
];

/** In a round with less, the machine was too busy to be measured. */
const SERVED = 0.95;

/**
 * The lowest of all rounds that were served: whatever else the machine does only adds. What the clients cost is the
 * median of the differences.
 */
function best(phase: Phase) {
  const served = phase.samples.filter((sample) => sample.served >= SERVED);
  const samples = served.length > 0 ? served : phase.samples;
  const of = (select: (sample: PhaseSample) => number) => Math.min(...samples.map(select));
  return {
    service: of(({ service }) => service),
    postgres: of(({ postgres }) => postgres),
    alone: of(({ alone }) => both(alone)),
    own: median(samples.map((sample) => both(sample) - both(sample.alone))),
    opening: {
      service: of(({ opening }) => opening.service),
      postgres: of(({ opening }) => opening.postgres),
    },
    received: of(({ received }) => received),
    served: of((sample) => sample.served),
    staleness: of(({ staleness }) => staleness),
    p50: of(({ p50 }) => p50),
    p99: of(({ p99 }) => p99),
  };
}

function both({ service, postgres }: Cpu): number {
  return service + postgres;
}

export function describeSample(sample: PhaseSample): string {
  const { service, postgres, alone, served, p50, p99 } = sample;
  const shares = [service, postgres, both(alone), served].map(
    (share) => `${figure(100 * share)} %`,
  );
  return `service ${shares[0]}, PostgreSQL ${shares[1]}, both without clients ${shares[2]}, served ${shares[3]}, p50 ${figure(p50)}, p99 ${figure(p99)} ms`;
}

export function showWatches(
  phases: readonly Phase[],
  idle: Idle,
  sizes: WatchSizes,
  setup: Setup,
): { text: string; json: unknown } {
  const results = phases.map((phase) => ({ ...phase, ...best(phase) }));
  const perClient = ({ own, clients }: (typeof results)[0]) => own / clients;
  const percent = (cores: number) => figure(100 * cores);
  const rows = results.map((it) => [
    it.title,
    percent(it.service),
    percent(it.postgres),
    percent(it.alone),
    percent(it.own),
    percent(it.served),
    figure(it.received / 1e6),
    figure(it.staleness),
    figure(it.p50),
    figure(it.p99),
  ]);
  const watchers = results.find(({ title }) => title === `${sizes.clients} watchers`)!;
  const ratios = results
    .filter(({ polls }) => polls)
    .map((it) => `${figure(perClient(it) / perClient(watchers))} (${it.title})`);
  const { opening } = watchers;
  const first = [opening.service, opening.postgres].map((ms) => figure(ms / sizes.clients));
  const text = [
    describeSetup(setup),
    '',
    markdownTable(HEADER, rows),
    '',
    `- what a poller costs, through what one of ${watchers.title} costs: ${ratios.join(', ')}`,
    `- the first state of ${watchers.title}: ${first[0]} ms of CPU of the service and ${first[1]} ms of PostgreSQL each`,
    `- ${sizes.idle} watches while nothing changes: ${describeIdle(idle)}`,
  ].join('\n');
  return { text, json: { setup, sizes, results, idle } };
}
