import type { Schemas } from '../../src/client';

/** Of any kind. */
export type Resource = Schemas['Resource'];

/** The resources of the demo, as far as it knows them. */
export class Fleet {
  private readonly resources = new Map<string, Resource>();

  /** What was sent before a change of our own, but comes after its response, is out of date. */
  put(resource: Resource): void {
    const known = this.resources.get(resource.id!);
    if (known && known.generation > resource.generation) return;
    this.resources.set(resource.id!, resource);
  }

  remove(id: string): void {
    this.resources.delete(id);
  }

  get clusters(): Resource[] {
    return this.ofKind('Cluster');
  }

  get nodePools(): Resource[] {
    return this.ofKind('NodePool');
  }

  /** Empty unless the service declares this kind, like the next one. */
  get channels(): Resource[] {
    return this.ofKind('Channel');
  }

  get versions(): Resource[] {
    return this.ofKind('Version');
  }

  private ofKind(kind: string): Resource[] {
    return [...this.resources.values()].filter((each) => each.kind === kind);
  }
}

interface ClusterPlan {
  body: Schemas['ClusterCreateRequest'];
  nodePools: Schemas['NodePoolCreateRequest'][];
}

const CITIES = 'oslo lima accra osaka perth quito turin delhi cairo miami leeds minsk'.split(' ');
const REGIONS = ['us-east-1', 'us-west-2', 'eu-central-1', 'eu-west-1', 'ap-southeast-2'];
const ENVIRONMENTS = ['production', 'production', 'staging', 'development'];
const TEAMS = ['payments', 'search', 'platform'];
const POOLS = [
  { name: 'workers', machine_type: 'm5.xlarge', replicas: 6 },
  { name: 'gpu', machine_type: 'g5.2xlarge', replicas: 2 },
  { name: 'infra', machine_type: 'm5.large', replicas: 3 },
];

export const FIRST_VERSION = '4.18.12';
export const NEXT_VERSION = '4.19.3';

const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;

/** A small company's clusters: mostly production, a few regions, one to three node pools each. */
export function planFleet(count: number, run: string): ClusterPlan[] {
  return Array.from({ length: count }, (_, index) => {
    const region = pick(REGIONS, index);
    const turn = Math.floor(index / CITIES.length);
    const name = `${pick(CITIES, index)}-${turn > 0 ? `${turn + 1}-` : ''}${run}`;
    const env = pick(ENVIRONMENTS, index);
    return {
      body: {
        kind: 'Cluster',
        name,
        spec: { region, version: FIRST_VERSION, nodes: 3 + (index % 4) * 2 },
        labels: { demo: run, env, team: pick(TEAMS, index), shard: String((index % 3) + 1) },
      },
      nodePools: POOLS.slice(0, 1 + (index % POOLS.length)).map(({ name: pool, ...spec }) => ({
        kind: 'NodePool',
        name: pool,
        spec,
        labels: { demo: run, role: pool },
      })),
    };
  });
}

export function condition(resource: Resource, type: string) {
  return resource.status.conditions.find((candidate) => candidate.type === type);
}

export function isReady(resource: Resource): boolean {
  return condition(resource, 'Ready')?.status === 'True';
}

/** The reason that adapters report while they work: not done yet, but not a failure either. */
export const IN_PROGRESS = 'InProgress';

export function isFailing({ deleted_time, status }: Resource): boolean {
  return (
    deleted_time === undefined &&
    status.conditions.some(
      ({ type, status: value, reason }) =>
        type.endsWith('Successful') && value === 'False' && reason !== IN_PROGRESS,
    )
  );
}
