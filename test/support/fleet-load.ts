import { setTimeout as sleep } from 'node:timers/promises';
import type { Response, Test } from 'supertest';
import { api, MERGE_PATCH } from './api';
import { newCluster, newNodePool, newReport } from './factories';
import { REPEATED } from './round-robin';

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

  private readonly api: ReturnType<typeof api>;

  constructor(service: { url: string }) {
    this.api = api(service);
  }

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
    const { body } = await this.ask(this.api.get(cluster.path), 200);
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
    await this.ask(this.api.delete(cluster.path), 202);
    for (const known of [cluster, pool]) known.generation++;
    const finalize = (known: Known, adapter: string) =>
      this.report(known, adapter, { Available: 'False', Finalized: 'True' });
    await Promise.all([
      finalize(cluster, 'validation'),
      finalize(cluster, 'dns'),
      finalize(pool, 'validation'),
    ]);
    this.gone.push(cluster, pool);
    for (const { path } of [pool, cluster]) await this.ask(this.api.get(path), 404);
  }

  private async create(path: string, body: { name: string }): Promise<Known> {
    // The replica may have died with the resource created and nobody told.
    const response = await this.ask(this.api.post(path).send(body), 201, [409]);
    let { id } = response.body as { id?: string };
    if (response.status === 409) {
      const { body: found } = await this.ask(
        this.api.get(`${path}?search=name='${body.name}'`),
        200,
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
    const request = this.api.post(`${known.path}/statuses`).send(report);
    await this.ask(request, 201, ifRepeated);
    known.reports.set(adapter, number);
  }

  private async label(known: Known, labels: Record<string, string>): Promise<void> {
    await this.ask(this.api.patch(known.path).type(MERGE_PATCH).send({ labels }), 200);
    known.generation++;
  }

  /** @param right the statuses that are right; `rightIfRepeated` are so too when the proxy sent it twice */
  private async ask(
    request: Test,
    right: number,
    rightIfRepeated: number[] = [],
  ): Promise<Response> {
    const response = await request;
    const repeated = response.headers[REPEATED] !== undefined;
    this.answered++;
    if (repeated) this.repeated++;
    if (![right, ...(repeated ? rightIfRepeated : [])].includes(response.status)) {
      const { method, url } = request;
      throw new Error(`${method} ${url}: ${response.status} ${response.text}`);
    }
    return response;
  }
}
