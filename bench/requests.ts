import {
  CLUSTER_ADAPTERS,
  CLUSTERS,
  clusterSpec,
  createAnother,
  type Fleet,
  isReady,
  report,
  request,
  SHARDS,
} from './fleet';
import type { Request, Source } from './load';

export interface Context {
  fleet: Fleet;
  /** A server that can be asked what requests need to know. */
  port: number;
}

export function listPath(options: {
  page?: number;
  pageSize?: number;
  search?: string;
  watch?: true;
  since?: string;
}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) query.set(name, String(value));
  return query.size === 0 ? CLUSTERS : `${CLUSTERS}?${query.toString()}`;
}

function repeat(requests: readonly Request[], expected = 200): Source {
  let index = 0;
  return { expected: [expected], next: () => requests[index++ % requests.length]! };
}

/** A list of one path; several for pages that take turns. */
export function lists(...paths: string[]): Source {
  return repeat(paths.map((path) => request('GET', path)));
}

/** The same sequence in every run, spread over the whole range. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PREPARED = 5000;

/** Parts of the fleet that do not disturb one another: read only, reported on, flipped, patched. */
const PARTS = { read: [0, 0.2], report: [0.2, 0.8], flip: [0.8, 0.9], patch: [0.9, 0.92] } as const;

interface Part {
  first: number;
  count: number;
}

function partOf({ size }: Fleet, part: keyof typeof PARTS): Part {
  const [from, to] = PARTS[part];
  const first = Math.floor(size * from);
  return { first, count: Math.max(1, Math.floor(size * to) - first) };
}

function pathOf({ ids }: Fleet, index: number): string {
  return `${CLUSTERS}/${ids[index]!}`;
}

export function somePaths(fleet: Fleet): string[] {
  const pick = random(1);
  return Array.from({ length: PREPARED }, () => pathOf(fleet, pick(fleet.size)));
}

export function gets({ fleet }: Context): Source {
  return lists(...somePaths(fleet));
}

export async function unchangedGets({ fleet, port }: Context): Promise<Source> {
  const { first, count } = partOf(fleet, 'read');
  const requests: Request[] = [];
  for (let index = first; index < first + Math.min(count, 500); index++) {
    const path = pathOf(fleet, index);
    const { headers } = await fetch(`http://127.0.0.1:${port}${path}`);
    requests.push(request('GET', path, undefined, { 'If-None-Match': headers.get('etag')! }));
  }
  return repeat(requests, 304);
}

export function lastPages({ fleet }: Context): Source {
  const last = Math.ceil(fleet.size / 20);
  const pages = Array.from({ length: Math.min(10, last) }, (_, n) => last - n);
  return lists(...pages.map((page) => listPath({ page })));
}

/** What a Sentinel asks for every five seconds: all pages of its clusters, one after the other. */
export function poll({ fleet }: Context, headers: Record<string, string> = {}): Source {
  const pages = Math.ceil(fleet.size / 2 / 100);
  return repeat(
    Array.from({ length: pages }, (_, n) => {
      const path = listPath({ page: n + 1, pageSize: 100, search: "labels.env='production'" });
      return request('GET', path, undefined, headers);
    }),
  );
}

/** Each cluster in turn by each of its adapters, which say what they have said before. */
export function reports(fleet: Fleet, part: Part = partOf(fleet, 'report')): Source {
  const last = CLUSTER_ADAPTERS.length - 1;
  let sent = 0;
  return {
    expected: [201],
    next() {
      const index = part.first + (sent % part.count);
      const position = Math.floor(sent++ / part.count) % CLUSTER_ADAPTERS.length;
      const good = isReady(index) || position < last;
      return report(pathOf(fleet, index), CLUSTER_ADAPTERS[position]!, good);
    },
  };
}

/** Each report makes a cluster Ready that was not, or the other way round. */
export function flips({ fleet }: Context): Source {
  const { first, count } = partOf(fleet, 'flip');
  const ready = Array.from({ length: count }, (_, n) => first + n).filter(isReady);
  let sent = 0;
  return {
    expected: [201],
    next() {
      const index = ready[sent % ready.length]!;
      const turn = Math.floor(sent++ / ready.length);
      return report(pathOf(fleet, index), CLUSTER_ADAPTERS[1]!, turn % 2 === 1);
    },
  };
}

export function creates(): Source {
  return { expected: [201], next: createAnother };
}

export function patches({ fleet }: Context): Source {
  const { first, count } = partOf(fleet, 'patch');
  let patched = 0;
  return {
    expected: [200],
    next() {
      const index = first + (patched % count);
      const spec = { ...clusterSpec(index), nodes: 50 + patched++ };
      return request('PATCH', pathOf(fleet, index), { spec });
    },
  };
}

/** 70 % GET, 20 % reports, 8 % lists, 2 % creates, in a shuffled order that repeats. */
export function mixed(context: Context): Source {
  const pick = random(2);
  const parts: [number, Source][] = [
    [70, gets(context)],
    [20, reports(context.fleet)],
    [8, lists(listPath({}))],
    [2, creates()],
  ];
  const sequence = parts.flatMap(([share, source]) => Array.from({ length: share }, () => source));
  for (let index = sequence.length - 1; index > 0; index--) {
    const other = pick(index + 1);
    [sequence[index], sequence[other]] = [sequence[other]!, sequence[index]!];
  }
  let sent = 0;
  return { expected: [200, 201], next: () => sequence[sent++ % sequence.length]!.next() };
}

/** A search for a shard of the fleet. */
export function shard(index: number): string {
  return `labels.shard='${index % SHARDS}'`;
}

/** As many different searches as wanted for parts of shards: by labels, names, the spec and conditions. */
export function distinctSearch(index: number): string {
  const nth = Math.floor(index / 4);
  const further = [
    `name='cluster-${index}'`,
    `labels.team='team-${nth % 37}'`,
    `spec.nodes > ${nth % 50} and name like 'cluster-${nth}%'`,
    `status.conditions.Ready='False' and name like 'cluster-${nth}%'`,
  ];
  return `${shard(index)} and ${further[index % further.length]}`;
}
