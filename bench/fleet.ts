import { withClient } from '../test/support/database';
import { load, type Request } from './load';

export const CLUSTERS = '/api/hyperfleet/v1/clusters';
export const CLUSTER_ADAPTERS = ['validation', 'dns', 'pullsecret', 'hypershift'];
const NODE_POOL_ADAPTERS = ['validation', 'hypershift'];
export const NODE_POOLS_EACH = 10;
/** Values of the label `shard`: cluster-0 has `0`, and so on. */
export const SHARDS = 5;
/** Names of what a benchmark creates beside the fleet. */
const CREATED_PREFIX = 'bench-';

const REGIONS = ['us-east-1', 'us-west-2', 'eu-west-1', 'ap-south-1'];
const CONNECTIONS = 64;

export interface Fleet {
  size: number;
  /** The clusters were reported on a second apart; the first one then, in ms. */
  begin: number;
  /** Of cluster-0, cluster-1 and so on. */
  ids: readonly string[];
}

/** Only some clusters have node pools: they are there to be listed, not to make the tables larger. */
export function ownersOf({ size }: Pick<Fleet, 'size'>): number {
  return Math.min(200, Math.ceil(size / 10));
}

/** Half of the fleet, every other cluster. */
export function isReady(index: number): boolean {
  return index % 2 === 0;
}

export function request(
  method: 'GET' | 'POST' | 'PATCH',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Request {
  const accept = { Accept: 'application/json', ...headers };
  if (body === undefined) return { method, path, headers: accept };
  return {
    method,
    path,
    headers: { ...accept, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  };
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

/** `tenth=yes` is on a tenth of the fleet, `env=production` on half, `shard` splits it in SHARDS. */
function clusterLabels(index: number): Record<string, string> {
  return {
    shard: String(index % SHARDS),
    env: index % 2 === 0 ? 'staging' : 'production',
    tenth: index % 10 === 0 ? 'yes' : 'no',
    team: `team-${index % 37}`,
    'app.kubernetes.io/name': `app-${index % 100}`,
  };
}

function createCluster(name: string, index: number): Request {
  return request('POST', CLUSTERS, {
    kind: 'Cluster',
    name,
    spec: clusterSpec(index),
    labels: clusterLabels(index),
  });
}

let created = 0;

/** One more cluster that is not of the fleet; `settle` removes them. */
export function createAnother(): Request {
  const index = created++;
  return createCluster(`${CREATED_PREFIX}${index}`, index);
}

/** @param path of the resource that the adapter reports on */
export function report(path: string, adapter: string, good: boolean, time = Date.now()): Request {
  return request('POST', `${path}/statuses`, {
    adapter,
    observed_generation: 1,
    observed_time: new Date(time).toISOString(),
    conditions: ['Available', 'Applied', 'Health'].map((type) => ({
      type,
      status: good ? 'True' : 'False',
      reason: good ? 'Done' : 'Waiting',
      message: good ? `${adapter} is done` : `${adapter} is waiting`,
    })),
    data: { job: `${adapter}-1` },
  });
}

/** Sends requests by number, all of which create something. */
async function create<Created>(
  port: number,
  requests: number,
  build: (index: number) => Request,
  onCreated: (resource: Created) => void = () => undefined,
): Promise<void> {
  let index = 0;
  await load({
    port,
    connections: CONNECTIONS,
    requests,
    source: { expected: [201], next: () => build(index++) },
    onBody: (body) => onCreated(JSON.parse(body) as Created),
  });
}

/** Fills a service that has nothing yet, over HTTP: how a build stores it is its own affair. */
export async function createFleet(port: number, size: number): Promise<Fleet> {
  const begin = Date.now() - size * 1000 - 3_600_000;
  const ids: string[] = [];
  await create<{ id: string; name: string }>(
    port,
    size,
    (index) => createCluster(`cluster-${index}`, index),
    ({ id, name }) => (ids[Number(name.slice('cluster-'.length))] = id),
  );
  await create(port, size * CLUSTER_ADAPTERS.length, (sent) => {
    const index = sent % size;
    const position = Math.floor(sent / size);
    const good = isReady(index) || position < CLUSTER_ADAPTERS.length - 1;
    const path = `${CLUSTERS}/${ids[index]!}`;
    return report(path, CLUSTER_ADAPTERS[position]!, good, begin + index * 1000);
  });

  const owners = ownersOf({ size });
  const pools: string[] = [];
  await create<{ id: string; owner_references: { id: string } }>(
    port,
    owners * NODE_POOLS_EACH,
    (sent) =>
      request('POST', `${CLUSTERS}/${ids[sent % owners]!}/nodepools`, {
        kind: 'NodePool',
        name: `pool-${Math.floor(sent / owners)}`,
        spec: { instance_type: 'm5.2xlarge', replicas: sent % 10, zone: `zone-${sent % 3}` },
        labels: { role: 'worker' },
      }),
    ({ id, owner_references }) => pools.push(`${CLUSTERS}/${owner_references.id}/nodepools/${id}`),
  );
  await create(port, pools.length * NODE_POOL_ADAPTERS.length, (sent) => {
    const adapter = NODE_POOL_ADAPTERS[Math.floor(sent / pools.length)]!;
    return report(pools[sent % pools.length]!, adapter, true, begin);
  });
  return { size, begin, ids };
}

/** Removes what a benchmark has created, and leaves the tables as a quiet moment would. */
export async function settle(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query('DELETE FROM resources WHERE starts_with(name, $1)', [CREATED_PREFIX]);
    await client.query('VACUUM ANALYZE');
  });
}
