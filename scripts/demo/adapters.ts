import { ok, type Schemas } from '../../src/client';
import { getKind, type Kinds } from '../../src/kinds/kind';
import type { DemoClient } from './channels';
import { type Fleet, IN_PROGRESS, type Resource } from './fleet';

const STATUSES = '/api/hyperfleet/v1/resources/{resource_id}/statuses';

type Report = Schemas['AdapterStatusCreateRequest'];
type Step = 'start' | 'fail' | 'succeed' | 'finalize' | 'rest';

/** Where one adapter stands with one resource. */
interface Job {
  generation: number;
  deleting: boolean;
  step: Step;
  due: number;
}

interface AdapterOptions {
  client: DemoClient;
  /** With their required adapters. */
  kinds: Kinds;
  /** Real milliseconds that a second of the story takes. */
  second: number;
}

/** Plays all adapters: each reads the spec, takes its time, and reports the result. */
export class Adapters {
  private readonly jobs = new Map<string, Job>();
  /** The adapter that fails at first, and for which cluster. */
  private trouble: { cluster: string; adapter: string } | undefined;

  constructor(private readonly options: AdapterOptions) {}

  /** Makes one adapter fail at the first generation of a cluster, until `recover`. */
  break(cluster: string): string {
    const adapters = this.adaptersOf('Cluster');
    this.trouble = { cluster, adapter: adapters[1] ?? adapters[0]! };
    return this.trouble.adapter;
  }

  recover(): void {
    this.trouble = undefined;
  }

  /** Sends every report that is due. */
  async work({ clusters, nodePools, versions }: Fleet): Promise<void> {
    const owners = new Set(nodePools.map((pool) => pool.owner_references?.id));
    const sent = [...clusters, ...nodePools, ...versions].flatMap((resource) =>
      this.adaptersOf(resource.kind!).map((adapter, order) =>
        this.advance(resource, adapter, order, owners.has(resource.id)),
      ),
    );
    await Promise.all(sent);
  }

  private adaptersOf(kind: string): readonly string[] {
    return getKind(this.options.kinds, kind).requiredAdapters;
  }

  private async advance(
    resource: Resource,
    adapter: string,
    order: number,
    hasChildren: boolean,
  ): Promise<void> {
    const job = this.jobOf(resource, adapter, order);
    if (job.step === 'rest' || Date.now() < job.due) return;
    // A cluster is cleaned up after its node pools.
    if (job.step === 'finalize' && hasChildren) return;
    if (job.step === 'succeed' && this.isBroken(resource, adapter)) job.step = 'fail';
    else if (job.step === 'fail' && !this.isBroken(resource, adapter)) job.step = 'succeed';
    const { step } = job;
    const result = await this.options.client.POST(STATUSES, {
      params: { path: { resource_id: resource.id! } },
      body: reportOf(step, adapter, job.generation),
    });
    // A resource that has been removed meanwhile needs no report.
    if (result.response.status === 404) return;
    await ok(Promise.resolve(result));
    if (step === 'start') job.step = 'succeed';
    else if (step !== 'fail') job.step = 'rest';
    job.due = Date.now() + this.duration(resource, order);
  }

  private jobOf(resource: Resource, adapter: string, order: number): Job {
    const key = `${resource.id} ${adapter}`;
    const { generation } = resource;
    const deleting = resource.deleted_time !== undefined;
    let job = this.jobs.get(key);
    if (job?.generation !== generation || job.deleting !== deleting) {
      // Progress is reported only at the first generation: during an update, the resource stays available.
      const step = deleting ? 'finalize' : generation === 1 ? 'start' : 'succeed';
      job = { generation, deleting, step, due: Date.now() + this.duration(resource, order) };
      this.jobs.set(key, job);
    }
    return job;
  }

  /** Later adapters depend on earlier ones; the identifier scatters the rest. */
  private duration(resource: Resource, order: number): number {
    const scatter = (resource.id!.charCodeAt(26) % 8) / 4;
    return (1 + order + scatter) * this.options.second;
  }

  private isBroken(resource: Resource, adapter: string): boolean {
    return this.trouble?.cluster === resource.id && this.trouble?.adapter === adapter;
  }
}

type Finding = [available: 'True' | 'False', reason: string, message: string];

const FINDINGS: Record<Exclude<Step, 'rest'>, Finding> = {
  start: ['False', IN_PROGRESS, 'Work has started'],
  fail: ['False', 'QuotaExceeded', 'The provider refuses more resources in this region'],
  succeed: ['True', 'Done', 'Everything is up to date'],
  finalize: ['False', 'Removed', 'Everything has been removed'],
};

function reportOf(step: Step, adapter: string, generation: number): Report {
  const [available, reason, message] = FINDINGS[step as keyof typeof FINDINGS];
  const condition = (type: string, status: 'True' | 'False') => ({ type, status, reason, message });
  return {
    adapter,
    observed_generation: generation,
    conditions: [
      condition('Available', available),
      condition('Applied', 'True'),
      condition('Health', step === 'fail' ? 'False' : 'True'),
      ...(step === 'finalize' ? [condition('Finalized', 'True')] : []),
    ],
  };
}
