import { setTimeout as sleep } from 'node:timers/promises';
import { newCluster, newNodePool, newReport } from './factories';
import { call, MERGE_PATCH } from './lifecycle-service';
import { REPEATED } from './round-robin';
import type { Answer } from './send';

const EPOCH = Date.now() - 3_600_000;

/** A resource as its last acknowledged answers leave it. */
interface Known {
  id: string;
  path: string;
  generation: number;
  /** Number of the last acknowledged report of each adapter. */
  reports: Map<string, number>;
}

/**
 * Clients of a fleet: some bring clusters up, some bring them up and down again, and some report about one and
 * the same cluster and label it. Every answer must be the one that a single service would have given.
 */
export class FleetLoad {
  /** What must be there in the end. */
  readonly alive: Known[] = [];
  /** What must be gone. */
  readonly gone: Known[] = [];
  answered = 0;
  repeated = 0;
  private busy = true;
  private reports = 0;

  constructor(private readonly service: { url: string }) {}

  /** Works until `stop`; rejects at the first answer that is wrong. */
  async run(): Promise<void> {
    const shared = await this.create('/clusters', newCluster());
    this.alive.push(shared);
    await Promise.all([
      ...['validation', 'dns', 'first', 'second', 'third'].map((adapter) =>
        this.whileBusy(() => this.join(shared, adapter)),
      ),
      ...[1, 2, 3].map(() => this.whileBusy(() => this.bringUp())),
      ...[1, 2, 3].map(() => this.whileBusy(() => this.bringUpAndDown())),
    ]).finally(() => this.stop());
  }

  stop(): void {
    this.busy = false;
  }

  /** Resolves when that many more requests have been answered. */
  async after(requests: number): Promise<void> {
    const end = this.answered + requests;
    while (this.busy && this.answered < end) await sleep(5);
  }

  private async whileBusy(work: () => Promise<unknown>): Promise<void> {
    while (this.busy) await work();
  }

  private async join(shared: Known, adapter: string): Promise<void> {
    for (let count = 0; count < 3; count++) await this.report(shared, adapter, {}, 1);
    await this.label(shared, { [adapter]: `v${this.answered}` });
  }

  private async bringUp(): Promise<Known> {
    const cluster = await this.create('/clusters', newCluster());
    const pool = await this.create(`${cluster.path}/nodepools`, newNodePool());
    this.alive.push(cluster, pool);
    await this.report(pool, 'validation');
    await this.label(cluster, { changed: 'yes' });
    await Promise.all(['validation', 'dns'].map((adapter) => this.report(cluster, adapter)));

    // Whichever replica is asked, it knows what any of them has acknowledged.
    const { body } = await this.ask('GET', cluster.path, undefined, [200]);
    const { generation, labels, status } = body as {
      generation: number;
      labels: Record<string, string>;
      status: { phase: string };
    };
    const seen = { generation, changed: labels.changed, phase: status.phase };
    if (seen.generation !== 2 || seen.changed !== 'yes' || seen.phase !== 'Ready') {
      throw new Error(`${cluster.path} was read as ${JSON.stringify(seen)}`);
    }
    return cluster;
  }

  private async bringUpAndDown(): Promise<void> {
    const cluster = await this.create('/clusters', newCluster());
    const pool = await this.create(`${cluster.path}/nodepools`, newNodePool());
    await this.report(cluster, 'validation');
    await this.ask('DELETE', cluster.path, undefined, [202]);
    for (const known of [cluster, pool]) known.generation++;
    const finalize = (known: Known, adapter: string) =>
      this.report(known, adapter, { Available: 'False', Finalized: 'True' });
    await Promise.all([
      finalize(cluster, 'validation'),
      finalize(cluster, 'dns'),
      finalize(pool, 'validation'),
    ]);
    this.gone.push(cluster, pool);
    for (const { path } of [pool, cluster]) await this.ask('GET', path, undefined, [404]);
  }

  private async create(path: string, body: { name: string }): Promise<Known> {
    // The replica may have died with the resource created and nobody told.
    const answer = await this.ask('POST', path, body, [201], [409]);
    let { id } = answer.body as { id?: string };
    if (answer.status === 409) {
      const { body: found } = await this.ask(
        'GET',
        `${path}?search=name='${body.name}'`,
        undefined,
        [200],
      );
      id = (found as { items: { id: string }[] }).items[0]!.id;
    }
    return { id: id!, path: `${path}/${id!}`, generation: 1, reports: new Map() };
  }

  private async report(
    known: Known,
    adapter: string,
    conditions: Parameters<typeof newReport>[2] = {},
    generation = known.generation,
  ): Promise<void> {
    const number = ++this.reports;
    const time = new Date(EPOCH + number).toISOString();
    const report = { ...newReport(adapter, generation, conditions, time), data: { number } };
    // The last report of a resource that is being deleted takes it away.
    const ifRepeated = conditions.Finalized === 'True' ? [404] : [];
    await this.ask('POST', `${known.path}/statuses`, report, [201], ifRepeated);
    known.reports.set(adapter, number);
  }

  private async label(known: Known, labels: Record<string, string>): Promise<void> {
    await this.ask('PATCH', known.path, { labels }, [200], [], MERGE_PATCH);
    known.generation++;
  }

  private async ask(
    method: string,
    path: string,
    body: unknown,
    right: number[],
    rightIfRepeated: number[] = [],
    headers?: Record<string, string>,
  ): Promise<Answer> {
    const answer = await call(this.service, method, path, body, headers);
    const repeated = answer.headers[REPEATED] !== undefined;
    this.answered++;
    if (repeated) this.repeated++;
    if (![...right, ...(repeated ? rightIfRepeated : [])].includes(answer.status)) {
      throw new Error(`${method} ${path} was answered ${answer.status} ${answer.text}`);
    }
    return answer;
  }
}
