import { aggregateConditions } from '../src/conditions/aggregate';
import type { AdapterStatus } from '../src/conditions/types';
import type { Kind } from '../src/repositories/rows';

/**
 * A fleet is known by its size and the time of its first cluster, down to every id, so that a load generator
 * need not be told which clusters there are.
 */
export interface Fleet {
  size: number;
  /** Milliseconds; the clusters follow one another by a second. */
  begin: number;
}

export const CLUSTER_ADAPTERS = ['validation', 'dns', 'pullsecret', 'hypershift'];
const NODE_POOL_ADAPTERS = ['validation', 'hypershift'];
export const NODE_POOLS_EACH = 10;

const ACTOR = 'user@example.com';
const REGIONS = ['us-east-1', 'us-west-2', 'eu-west-1', 'ap-south-1'];
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

export function newFleet(size: number): Fleet {
  return { size, begin: Date.now() - size * 1000 - 3_600_000 };
}

/** Only some clusters have node pools: they are there to be listed, not to make the tables larger. */
export function ownersOf({ size }: Fleet): number {
  return Math.min(200, Math.ceil(size / 10));
}

/** `count` digits of `value` in the alphabet of ULIDs. */
function encode(value: number, count: number): string {
  let text = '';
  for (let rest = value; text.length < count; rest = Math.floor(rest / 32)) {
    text = DIGITS[rest % 32]! + text;
  }
  return text;
}

/** Like the ids of the service: ordered by the time of creation. */
function idOf({ begin }: Fleet, index: number, child: number): string {
  return `2${encode(begin + index * 1000 + child, 10)}${encode(index * 64 + child, 16)}`;
}

export function clusterId(fleet: Fleet, index: number): string {
  return idOf(fleet, index, 0);
}

/** Half of the fleet, every other cluster. */
export function isReady(index: number): boolean {
  return index % 2 === 0;
}

export function clusterSpec(index: number): Record<string, unknown> {
  return {
    region: REGIONS[index % 4],
    version: `4.15.${index % 20}`,
    nodes: index % 50,
    network: { cidr: `10.${index % 250}.0.0/16`, type: 'OVN' },
    provider: { kind: 'gcp', project: `project-${index % 100}`, zone: `zone-${index % 3}` },
  };
}

/** `tenth=yes` is on a tenth of the fleet, `env=production` on half, `shard` splits it in ten. */
export function clusterLabels(index: number): Record<string, string> {
  return {
    shard: String(index % 10),
    env: index % 2 === 0 ? 'staging' : 'production',
    tenth: index % 10 === 0 ? 'yes' : 'no',
    team: `team-${index % 37}`,
    'app.kubernetes.io/name': `app-${index % 100}`,
  };
}

/** What the four tables hold about one resource, by their columns. */
export interface Rows {
  resource: Record<string, unknown>;
  status: Record<string, unknown>;
  labels: Record<string, unknown>[];
  reports: Record<string, unknown>[];
}

export function clusterRows(fleet: Fleet, index: number): Rows {
  return rowsOf('Cluster', fleet, index, 0, {
    name: `cluster-${index}`,
    spec: clusterSpec(index),
    labels: clusterLabels(index),
  });
}

export function nodePoolRows(fleet: Fleet, index: number, pool: number): Rows {
  return rowsOf('NodePool', fleet, index, pool + 1, {
    owner_id: clusterId(fleet, index),
    name: `pool-${pool}`,
    spec: { instance_type: 'm5.2xlarge', replicas: pool, zone: `zone-${pool % 3}` },
    labels: { role: 'worker' },
  });
}

function rowsOf(
  kind: Kind,
  fleet: Fleet,
  index: number,
  child: number,
  desired: { owner_id?: string; name: string; spec: object; labels: Record<string, string> },
): Rows {
  const id = idOf(fleet, index, child);
  const time = fleet.begin + index * 1000 + child;
  const created = new Date(time).toISOString();
  const required = kind === 'Cluster' ? CLUSTER_ADAPTERS : NODE_POOL_ADAPTERS;
  const reports = required.map((adapter, position) => {
    const last = position === required.length - 1;
    return reportOf(adapter, isReady(index) || !last, new Date(time + 60_000).toISOString());
  });
  const aggregate = aggregateConditions({
    ...{ kind, generation: 1, ref: created, required, reports },
    ...{ previous: [], deleting: false, hasChildren: false },
  });
  const [available, ready] = aggregate.conditions;
  return {
    resource: {
      ...{ id, kind, owner_id: null, generation: 1, ...desired },
      ...{ created_time: created, created_by: ACTOR, updated_time: created, updated_by: ACTOR },
    },
    status: {
      ...aggregate,
      ...{ resource_id: id, kind, version: 1 + reports.length },
      ready: ready!.status === 'True',
      available: available!.status === 'True',
      ready_last_updated_time: ready!.last_updated_time,
    },
    labels: Object.entries(desired.labels).map(([key, value]) => ({
      ...{ kind, key, value, resource_id: id },
    })),
    reports: reports.map((report) => ({ resource_id: id, metadata: null, ...report })),
  };
}

function reportOf(adapter: string, good: boolean, time: string): AdapterStatus {
  return {
    adapter,
    observed_generation: 1,
    created_time: time,
    last_report_time: time,
    conditions: ['Available', 'Applied', 'Health'].map((type) => ({
      type,
      status: good ? ('True' as const) : ('False' as const),
      reason: good ? 'Done' : 'Waiting',
      message: good ? `${adapter} is done` : `${adapter} is waiting`,
      last_transition_time: time,
    })),
    data: { job: `${adapter}-1` },
  };
}
