import { API_BASE } from '../src/repositories/rows';
import {
  CLUSTER_ADAPTERS,
  clusterId,
  clusterLabels,
  clusterSpec,
  type Fleet,
  isReady,
} from './fleet';

/** Answers with any other status mean that something else than the workload was measured. */
export interface Source {
  expected: readonly number[];
  /** A whole HTTP request. */
  next(): Buffer;
}

export interface Context {
  fleet: Fleet;
  /** A server that can be asked what requests need to know. */
  port: number;
}

export const CLUSTERS = `${API_BASE}/clusters`;
export const CREATED_PREFIX = 'bench-';

function request(method: string, path: string, more: { header?: string; body?: unknown } = {}) {
  const { header = '', body } = more;
  const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n${header}`;
  if (body === undefined) return Buffer.from(`${head}\r\n`);
  const text = JSON.stringify(body);
  const type = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
  return Buffer.from(`${head}${type}\r\n${text}`);
}

export function listPath(options: { page?: number; size?: number; search?: string }): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) query.set(name, String(value));
  return query.size === 0 ? CLUSTERS : `${CLUSTERS}?${query.toString()}`;
}

/** Requests that can be sent again and again, prepared once so that the generator costs little. */
function repeat(requests: readonly Buffer[], expected = 200): Source {
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

/** Parts of the fleet that do not disturb one another: read only, reported about, flipped, patched. */
const PARTS = { read: [0, 0.2], report: [0.2, 0.8], flip: [0.8, 0.9], patch: [0.9, 0.92] } as const;

export function partOf(
  { size }: Fleet,
  part: keyof typeof PARTS,
): { first: number; count: number } {
  const [from, to] = PARTS[part];
  const first = Math.floor(size * from);
  return { first, count: Math.max(1, Math.floor(size * to) - first) };
}

export function someIds(fleet: Fleet, first = 0, count = fleet.size): string[] {
  const pick = random(1);
  return Array.from({ length: PREPARED }, () => clusterId(fleet, first + pick(count)));
}

export function gets({ fleet }: Context): Source {
  return repeat(someIds(fleet).map((id) => request('GET', `${CLUSTERS}/${id}`)));
}

export async function unchangedGets({ fleet, port }: Context): Promise<Source> {
  const { first, count } = partOf(fleet, 'read');
  const ids = Array.from({ length: Math.min(count, 500) }, (_, n) => clusterId(fleet, first + n));
  const requests: Buffer[] = [];
  for (const id of ids) {
    const { headers } = await fetch(`http://127.0.0.1:${port}${CLUSTERS}/${id}`);
    const header = `If-None-Match: ${headers.get('etag')}\r\n`;
    requests.push(request('GET', `${CLUSTERS}/${id}`, { header }));
  }
  return repeat(requests, 304);
}

export function lastPages({ fleet }: Context, size = 20): Source {
  const last = Math.ceil(fleet.size / size);
  const pages = Array.from({ length: Math.min(10, last) }, (_, n) => last - n);
  return lists(...pages.map((page) => listPath({ page, size })));
}

/** What a Sentinel asks for every five seconds: all pages of its clusters, one after the other. */
export function poll({ fleet }: Context, header = ''): Source {
  const pages = Math.ceil(fleet.size / 2 / 100);
  return repeat(
    Array.from({ length: pages }, (_, n) => {
      const path = listPath({ page: n + 1, size: 100, search: "labels.env='production'" });
      return request('GET', path, { header });
    }),
  );
}

function report(fleet: Fleet, index: number, adapter: number, good: boolean): Buffer {
  const name = CLUSTER_ADAPTERS[adapter]!;
  return request('POST', `${CLUSTERS}/${clusterId(fleet, index)}/statuses`, {
    body: {
      adapter: name,
      observed_generation: 1,
      observed_time: new Date().toISOString(),
      conditions: ['Available', 'Applied', 'Health'].map((type) => ({
        type,
        status: good ? 'True' : 'False',
        reason: good ? 'Done' : 'Waiting',
        message: good ? `${name} is done` : `${name} is waiting`,
      })),
      data: { job: `${name}-1` },
    },
  });
}

/** Each cluster in turn by each of its adapters, which say what they have said before. */
export function reports({ fleet }: Context, part: { first: number; count: number }): Source {
  const last = CLUSTER_ADAPTERS.length - 1;
  let sent = 0;
  return {
    expected: [201],
    next() {
      const index = part.first + (sent % part.count);
      const adapter = Math.floor(sent++ / part.count) % CLUSTER_ADAPTERS.length;
      return report(fleet, index, adapter, isReady(index) || adapter !== last);
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
      return report(fleet, index, 1, turn % 2 === 1);
    },
  };
}

let created = 0;

export function create(): Buffer {
  const index = created++;
  return request('POST', CLUSTERS, {
    body: {
      kind: 'Cluster',
      name: `${CREATED_PREFIX}${index}`,
      spec: clusterSpec(index),
      labels: clusterLabels(index),
    },
  });
}

let patched = 0;

export function patches({ fleet }: Context): Source {
  const { first, count } = partOf(fleet, 'patch');
  return {
    expected: [200],
    next() {
      const index = first + (patched % count);
      const spec = { ...clusterSpec(index), nodes: 50 + patched++ };
      return request('PATCH', `${CLUSTERS}/${clusterId(fleet, index)}`, { body: { spec } });
    },
  };
}

/** 70 % GET, 20 % reports, 8 % lists, 2 % creates, in a shuffled order that repeats. */
export function mixed(context: Context): Source {
  const pick = random(2);
  const get = gets(context);
  const stored = reports(context, partOf(context.fleet, 'report'));
  const list = lists(listPath({}));
  const parts: [number, () => Buffer][] = [
    [70, () => get.next()],
    [20, () => stored.next()],
    [8, () => list.next()],
    [2, create],
  ];
  const sequence = parts.flatMap(([share, next]) => Array.from({ length: share }, () => next));
  for (let index = sequence.length - 1; index > 0; index--) {
    const other = pick(index + 1);
    [sequence[index], sequence[other]] = [sequence[other]!, sequence[index]!];
  }
  let sent = 0;
  return { expected: [200, 201], next: () => sequence[sent++ % sequence.length]!() };
}
