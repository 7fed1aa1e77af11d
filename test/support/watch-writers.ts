import { setTimeout as sleep } from 'node:timers/promises';
import { newReport } from './factories';

const API_BASE = '/api/hyperfleet/v1';
/** More alive than these are not created, so that lists stay short and resources change often. */
const MAX_ALIVE = { clusters: 120, nodepools: 90, channels: 20 };
const WRITERS = 16;
const NAMES = 200;

type Plural = keyof typeof MAX_ALIVE;

/** Who reports about a kind. The first is required; the others' reports only show in the conditions. */
const ADAPTERS: Record<Plural, readonly string[]> = {
  clusters: ['dns', 'probe'],
  nodepools: ['validation', 'probe'],
  channels: [],
};

interface Known {
  id: string;
  plural: Plural;
  /** Below the base path. */
  path: string;
  generation: number;
  deleted: boolean;
}

interface Answer {
  status: number;
  body: { id: string; generation?: number };
}

/** Clients that change resources at random, through whichever process of the service is there. */
export class Writers {
  /** How many changes were acknowledged, by what was done. */
  readonly done: Record<string, number> = {};
  changes = 0;
  /** Parents by id of the child, as far as somebody was told. */
  readonly parents = new Map<string, string>();
  /** Clusters that are never deleted. */
  readonly parentClusters: string[] = [];
  /** Clusters of another shard: after their creation only reports change them. */
  readonly quiet = new Set<string>();
  private readonly known = new Map<string, Known>();
  private working: Promise<unknown> = Promise.resolve();
  private stopped = true;

  /** @param serviceUrl where a process listens now */
  constructor(
    private readonly serviceUrl: () => string,
    private readonly random: () => number,
  ) {}

  /** What is there before anybody watches. */
  async prepare(): Promise<void> {
    for (let count = 0; count < 2; count++) {
      const labels = { shard: '1', role: 'parent' };
      this.parentClusters.push(await this.mustCreate(`parent-${count}`, labels));
    }
    for (let count = 0; count < 10; count++) {
      this.quiet.add(await this.mustCreate(`quiet-${count}`, { shard: '2', role: 'quiet' }));
    }
    for (let count = 0; count < 60; count++) await this.create('clusters');
    for (let count = 0; count < 60; count++) await this.create('nodepools');
  }

  start(): void {
    this.stopped = false;
    this.working = Promise.all(
      Array.from({ length: WRITERS }, async () => {
        while (!this.stopped) await this.step();
      }),
    );
    this.working.catch(() => (this.stopped = true));
  }

  /** Resolves when that many changes more have been acknowledged. */
  async after(changes: number): Promise<void> {
    const end = this.changes + changes;
    while (!this.stopped && this.changes < end) await sleep(5);
    if (this.stopped) await this.working;
  }

  /** @throws Error at a response that is wrong */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.working;
  }

  private async step(): Promise<void> {
    const dice = this.random();
    if (dice < 0.12) return this.create('clusters');
    if (dice < 0.24) return this.create('nodepools');
    if (dice < 0.27) return this.create('channels');
    const known = this.pick([...this.known.values()]);
    if (known === undefined) return;
    if (known.deleted) return this.finish(known);
    if (dice < 0.62 || this.quiet.has(known.id)) return this.report(known);
    if (dice < 0.78) return this.label(known);
    if (dice < 0.88) return this.respec(known);
    if (!this.parentClusters.includes(known.id)) return this.delete(known);
  }

  private async mustCreate(name: string, labels: object): Promise<string> {
    const body = { kind: 'Cluster', name, labels, spec: { region: 'eu' } };
    const answer = await this.ask('create', 'POST', '/clusters', body);
    if (answer?.status !== 201) throw new Error(`${name}: ${answer?.status ?? 'no response'}`);
    this.learn(answer, 'clusters', '/clusters');
    return answer.body.id;
  }

  private async create(plural: Plural): Promise<void> {
    const alive = [...this.known.values()].filter((known) => known.plural === plural);
    if (alive.length >= MAX_ALIVE[plural]) {
      const victim = this.pick(alive);
      return this.isKept(victim!) ? undefined : this.delete(victim!);
    }
    const kind = { clusters: 'Cluster', nodepools: 'NodePool', channels: 'Channel' }[plural];
    // Names are used again and again, by one resource after the other.
    const name = `${plural[0]}-name-${this.below(NAMES)}`;
    const path = plural === 'nodepools' ? `/clusters/${this.parent()}/nodepools` : `/${plural}`;
    const body = { kind, name, spec: this.spec(), labels: this.labels() };
    const answer = await this.ask('create', 'POST', path, body);
    if (answer?.status === 201) this.learn(answer, plural, path);
  }

  private learn({ body: { id } }: Answer, plural: Plural, path: string): void {
    this.known.set(id, { id, plural, path: `${path}/${id}`, generation: 1, deleted: false });
    if (plural === 'nodepools') this.parents.set(id, path.split('/')[2]!);
  }

  private async report(known: Known): Promise<void> {
    const adapter = this.pick(ADAPTERS[known.plural]);
    if (adapter === undefined) return this.label(known);
    const Available = this.random() < 0.5 ? 'True' : 'False';
    const body = newReport(adapter, known.generation, { Available });
    await this.about(known, 'report', 'POST', '/statuses', body);
  }

  private label(known: Known): Promise<void> {
    return this.about(known, 'label', 'PATCH', '', { labels: this.labels() });
  }

  private respec(known: Known): Promise<void> {
    return this.about(known, 'respec', 'PATCH', '', { spec: this.spec() });
  }

  private async delete(known: Known): Promise<void> {
    await this.about(known, 'delete', 'DELETE', '');
    known.deleted = true;
  }

  private async finish(known: Known): Promise<void> {
    const [adapter] = ADAPTERS[known.plural];
    if (adapter === undefined || this.random() < 0.3) {
      return this.about(known, 'force-delete', 'POST', '/force-delete', { reason: 'as dice fall' });
    }
    const conditions = { Available: 'False', Finalized: 'True' } as const;
    const report = newReport(adapter, known.generation, conditions);
    await this.about(known, 'finalize', 'POST', '/statuses', report);
  }

  private async about(
    known: Known,
    what: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<void> {
    const answer = await this.ask(what, method, known.path + path, body);
    if (answer === undefined) return;
    const { generation } = answer.body;
    // Responses may overtake each other.
    if (generation !== undefined) known.generation = Math.max(known.generation, generation);
    if (answer.status === 404) this.known.delete(known.id);
    // Deleted with its parent: what is known of its generation may be too little to finish it.
    if (answer.status === 409) known.deleted = true;
    if (what === 'finalize' && answer.status < 300) await this.refresh(known);
  }

  private async refresh(known: Known): Promise<void> {
    const answer = await this.ask('', 'GET', known.path);
    if (answer?.status === 404) this.known.delete(known.id);
    else if (answer?.status === 200) known.generation = answer.body.generation!;
  }

  /** @returns undefined when nobody knows whether it was done */
  private async ask(
    what: string,
    method: string,
    path: string,
    body?: object,
  ): Promise<Answer | undefined> {
    const url = this.serviceUrl() + API_BASE + path;
    let answer: Answer;
    try {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const response = await fetch(url, {
        ...{ method, headers: { 'Content-Type': type } },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      answer = { status: response.status, body: text === '' ? {} : JSON.parse(text) };
    } catch {
      await sleep(20);
      return undefined;
    }
    const { status } = answer;
    if (status < 300) {
      if (what !== '') {
        this.changes++;
        this.done[what] = (this.done[what] ?? 0) + 1;
      }
    } else if (status === 503) {
      await sleep(20);
      return undefined;
    } else if (status !== 404 && status !== 409) {
      throw new Error(`${method} ${url}: ${status} ${JSON.stringify(answer.body)}`);
    }
    return answer;
  }

  private isKept({ id }: Known): boolean {
    return this.quiet.has(id) || this.parentClusters.includes(id);
  }

  /** Mostly one that is never deleted: somebody watches its children. */
  private parent(): string {
    if (this.random() < 0.6) return this.pick(this.parentClusters)!;
    const clusters = [...this.known.values()].filter(({ plural }) => plural === 'clusters');
    return this.pick(clusters)!.id;
  }

  private labels(): object {
    const team = this.random() < 0.3 ? { team: 'a' } : { team: null };
    const labels = { shard: String(1 + this.below(3)), ...team };
    return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== null));
  }

  private spec(): object {
    return { region: this.pick(['eu', 'us', 'ap']), nodes: this.below(20), note: 'ä€😀' };
  }

  private below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  private pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
}
