import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Reply, Tally } from './client';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
/** Those that `SOME_REQUIRED` requires of a cluster, and one more; the first is required of a node pool too. */
const ADAPTERS = ['validation', 'dns', 'extra'];
const PAUSE_AFTER_FAILURE_MS = 20;
const READ_PAUSE_MS = 20;

/** `maybe`: it was requested, and no response showed whether it took effect. */
export type Known = 'no' | 'maybe' | 'yes';

export interface Counter {
  acknowledged: number;
  sent: number;
}

/** What the clients know about one resource from their responses. */
export interface Claim {
  id: string;
  name: string;
  href: string;
  /** `spec.n` of the last PATCH. */
  patches: Counter & { known: number };
  reports: Map<string, Counter>;
  deleted: Known;
  gone: Known;
}

/** Clients that create, change, report and delete, each on its own resources, and keep account of the responses. */
export class WriteLoad {
  readonly tally = new Tally();
  readonly claims: Claim[] = [];
  /** Responses that no fault explains. */
  readonly unexpected: string[] = [];
  private readonly epoch = Date.now() - 3_600_000;
  private running = true;
  private readonly clients: Client[];
  private readonly done: Promise<unknown>;

  /**
   * @param pauseMs pause of a client after each response
   * @param prefix of the names of clusters
   */
  constructor(
    pick: () => string,
    workers: number,
    private readonly pauseMs = 0,
    private readonly prefix = 'load',
  ) {
    this.clients = Array.from({ length: workers }, () => new Client(pick, this.tally));
    this.done = Promise.all(this.clients.map((client, index) => this.work(client, index)));
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.done;
    for (const client of this.clients) client.close();
  }

  private isRunning(): boolean {
    return this.running;
  }

  private async work(client: Client, worker: number): Promise<void> {
    for (let round = 0; this.isRunning(); round++) {
      const name = `${this.prefix}-${worker}-${round}`;
      const body = { kind: 'Cluster', name, spec: { n: 0 }, labels: { worker: String(worker) } };
      const cluster = await this.create(client, CLUSTERS, body);
      if (cluster === undefined) continue;
      const path = `${CLUSTERS}/${cluster.id}`;
      const pool = await this.create(client, `${path}/nodepools`, {
        ...{ kind: 'NodePool', name: `p-${worker}-${round}`, spec: { n: 0 }, labels: {} },
      });
      for (let step = 0; step < 6 && this.isRunning(); step++) {
        await this.report(client, path, cluster, ADAPTERS[step % ADAPTERS.length]!);
        if (step % 2 === 0) await this.patch(client, path, cluster);
        if (pool) {
          await this.report(client, `${path}/nodepools/${pool.id}`, pool, ADAPTERS[0]!);
        }
      }
      if (round % 2 === 0) await this.remove(client, path, cluster, pool);
    }
  }

  /** The response if it is the expected one. Faults may cause a 503 or no response. */
  private async ask(
    client: Client,
    [method, path, body]: [string, string, unknown?],
    expected: number,
  ): Promise<Reply | undefined> {
    const reply = await client.send(method, path, body);
    if (this.pauseMs > 0) await sleep(this.pauseMs);
    if (reply?.status === expected) return reply;
    if (reply !== undefined && reply.status !== 503) {
      this.unexpected.push(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    }
    await sleep(PAUSE_AFTER_FAILURE_MS);
    return undefined;
  }

  private async create(client: Client, path: string, body: { name: string }) {
    const reply = await this.ask(client, ['POST', path, body], 201);
    if (reply === undefined) return undefined;
    const claim: Claim = {
      ...{ id: reply.body.id as string, name: body.name, href: reply.body.href as string },
      patches: { acknowledged: 0, sent: 0, known: 0 },
      ...{ reports: new Map(), deleted: 'no', gone: 'no' },
    };
    this.claims.push(claim);
    return claim;
  }

  private async patch(client: Client, path: string, { patches }: Claim): Promise<void> {
    const n = ++patches.sent;
    if (await this.ask(client, ['PATCH', path, { spec: { n } }], 200)) {
      patches.acknowledged = n;
      patches.known++;
    }
  }

  private async report(client: Client, path: string, claim: Claim, adapter: string): Promise<void> {
    const counter = claim.reports.get(adapter) ?? { acknowledged: 0, sent: 0 };
    claim.reports.set(adapter, counter);
    const number = ++counter.sent;
    const body = {
      ...{ adapter, observed_generation: 1 + claim.patches.known, data: { number } },
      observed_time: new Date(this.epoch + number).toISOString(),
      conditions: ['Available', 'Applied', 'Health'].map((type) => ({
        ...{ type, status: number % 3 === 0 ? 'False' : 'True', reason: `R${number}` },
      })),
    };
    if (await this.ask(client, [number % 2 ? 'PUT' : 'POST', `${path}/statuses`, body], 201)) {
      counter.acknowledged = number;
    }
  }

  private async remove(client: Client, path: string, cluster: Claim, pool?: Claim): Promise<void> {
    const family = pool ? [cluster, pool] : [cluster];
    const mark = (field: 'deleted' | 'gone', known: Known) => {
      for (const claim of family) claim[field] = known;
    };
    mark('deleted', 'maybe');
    if (!(await this.ask(client, ['DELETE', path], 202))) return;
    mark('deleted', 'yes');
    mark('gone', 'maybe');
    if (await this.ask(client, ['POST', `${path}/force-delete`, { reason: 'load' }], 204)) {
      mark('gone', 'yes');
    }
  }
}

/** Reads what a load writes, and never finds less than it was told before. */
export class Reader {
  readonly tally = new Tally();
  readonly wrong: string[] = [];
  private running = true;
  private readonly client: Client;
  private readonly done: Promise<void>;

  constructor(
    url: string,
    private readonly load: WriteLoad,
  ) {
    this.client = new Client(() => url, this.tally);
    this.done = this.work();
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.done;
    this.client.close();
  }

  private isRunning(): boolean {
    return this.running;
  }

  private async work(): Promise<void> {
    const { claims } = this.load;
    while (this.isRunning()) {
      await sleep(READ_PAUSE_MS);
      await this.client.send('GET', `${CLUSTERS}?pageSize=20&search=labels.worker='1'`);
      const claim = claims[Math.floor(Math.random() * claims.length)];
      if (claim === undefined) continue;
      const { acknowledged } = claim.patches;
      const reply = await this.client.send('GET', claim.href);
      const read = (reply?.body.spec as { n: number } | undefined)?.n ?? 0;
      if (reply?.status === 200 && read < acknowledged) {
        this.wrong.push(`read patch ${read} of ${claim.name} after ${acknowledged}`);
      }
      if (reply?.status === 404 && claim.gone === 'no') this.wrong.push(`404 for ${claim.name}`);
    }
  }
}
