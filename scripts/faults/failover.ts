import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createClient } from '../../src/client';
import { withClient } from '../../test/support/database';
import { Standstill, type Tally } from './client';
import { missingForPatroni, type Node, PATRONI_TIMES, PatroniCluster } from './patroni';
import { type Finding, Running, type Setting } from './scenarios';
import { verify } from './verify';
import { Reader, WriteLoad } from './write-load';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const WRITE_PAUSE_MS = 10;
const PROBE_EVERY_MS = 100;
/** How soon after the primary a service must write again. */
const RECOVERY_LIMIT_MS = 5000;
/** How long a primary goes on without its standbys before it is killed. */
const ALONE_MS = 1000;
const TIMEOUT_MS = 120_000;

interface Fault {
  strike: (cluster: PatroniCluster, primary: Node) => unknown;
  repair: (cluster: PatroniCluster, primary: Node) => unknown;
}

const FAULTS: Record<string, Fault> = {
  killed: {
    // Just after its standbys hear no more from it: what it has told as stored by then, they must have.
    strike: async (cluster, primary) => {
      cluster.separate(primary);
      await sleep(ALONE_MS);
      cluster.kill(primary);
    },
    repair: (cluster, primary) => cluster.revive(primary),
  },
  switched: { strike: (cluster) => cluster.switchover(), repair: () => undefined },
  unplugged: {
    strike: (cluster, primary) => cluster.unplug(primary),
    repair: (cluster, primary) => cluster.plug(primary),
  },
};

/** The primary is killed, replaced in order, and cut off from the network, under Patroni with two services. */
export async function failover(setting: Setting): Promise<Finding> {
  const skipped = missingForPatroni();
  if (skipped !== undefined) return { figures: {}, wrong: [], skipped };
  const cluster = await PatroniCluster.start();
  try {
    const databaseUrl = await cluster.createDatabase('failover');
    const there = { ...setting, databaseUrl };
    const services = await Promise.all([Running.start(there), Running.start(there)]);
    const probe = await Probe.start(cluster.url('postgres'));
    return await new Failover(cluster, there, services, probe).run();
  } finally {
    await cluster.stop();
  }
}

class Failover {
  private readonly wrong = new Set<string>();
  private readonly loads: WriteLoad[] = [];
  private readonly watched: WatchedList[];

  constructor(
    private readonly cluster: PatroniCluster,
    private readonly setting: Setting,
    private readonly services: readonly Running[],
    private readonly probe: Probe,
  ) {
    const searches = [undefined, "status.conditions.Available='True'"];
    this.watched = services.map(({ url }, index) => new WatchedList(url, searches[index]));
  }

  async run(): Promise<Finding> {
    const figures: Finding['figures'] = { Patroni: JSON.stringify(PATRONI_TIMES) };
    for (const [name, fault] of Object.entries(FAULTS)) {
      figures[name] = await this.endure(name, fault);
    }
    this.probe.stop();
    for (const list of this.watched) this.note(await list.stop());
    for (const service of this.services) {
      const { code } = await service.process.end('SIGTERM');
      if (code !== 0) this.note([`a service ended with ${String(code)}`]);
      this.note(service.errors);
    }
    return { figures, wrong: [...this.wrong] };
  }

  /** @returns what it was like */
  private async endure(name: string, { strike, repair }: Fault): Promise<string> {
    const calm = () => sleep(this.setting.seconds * 250);
    const loads = this.services.map(({ url }, index) => {
      const workers = Math.ceil(this.setting.workers / this.services.length);
      return new WriteLoad(() => url, workers, WRITE_PAUSE_MS, `${name}-${index}`);
    });
    this.loads.push(...loads);
    const readers = loads.map((load, index) => new Reader(this.services[index]!.url, load));
    await calm();

    const primary = await this.cluster.primary();
    const noPrimary = new Standstill(() => this.probe.written);
    const noWrites = loads.map((load) => new Standstill(() => load.tally.of('201')));
    await strike(this.cluster, primary);
    await until(`another primary than ${primary}`, async () => {
      return (await this.cluster.primary()) !== primary;
    });
    const before = this.probe.written;
    const after = noWrites.map(({ count }) => count);
    const state = () =>
      `writes (${this.probe.written - before} past the services; ${loads.map(({ tally }) => String(tally)).join('; ')})`;
    await until(state, () => noWrites.every(({ count }, index) => count > after[index]!));
    await calm();
    const again = noPrimary.end();
    const gaps = noWrites.map((standstill) => standstill.end());
    await repair(this.cluster, primary);
    await this.cluster.complete();
    await calm();

    await Promise.all([...loads, ...readers].map((each) => each.stop()));
    const stopped = performance.now();
    for (const list of this.watched) this.note(await list.differences());
    const settled = performance.now() - stopped;
    for (const { wrong } of readers) this.note(wrong);
    for (const { tally } of [...loads, ...readers]) this.note(strangeOutcomes(tally));
    for (const load of this.loads) this.note(await verify(this.setting.databaseUrl, load));

    const late = gaps.map(({ to }) => Math.max(0, to - again.to));
    if (late.some((ms) => ms > RECOVERY_LIMIT_MS)) {
      this.note([`${name}: wrote again only ${late.map(seconds).join(' and ')} after the primary`]);
    }
    return [
      `no primary for ${seconds(again.to - again.from)}`,
      `no writes for ${gaps.map(({ from, to }) => seconds(to - from)).join(' and ')}`,
      `written again ${late.map(seconds).join(' and ')} after the primary`,
      `watches up to date ${seconds(settled)} after the load, begun ${this.watched.map(({ starts }) => starts).join(' and ')} times so far`,
      ...loads.map(({ tally }) => `writes: ${String(tally)}`),
      ...readers.map(({ tally }) => `reads: ${String(tally)}`),
    ].join('\n           ');
  }

  private note(wrong: readonly string[]): void {
    for (const each of wrong) this.wrong.add(each);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

async function until(
  what: string | (() => string),
  met: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    // Nobody knows the primary for a while.
    if (await Promise.resolve(met()).catch(() => false)) return;
    if (performance.now() > deadline) {
      throw new Error(`Waited in vain for ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(50);
  }
}

/** Only the reader of a resource that is removed gets a 404, and it checks that itself. */
function strangeOutcomes(tally: Tally): string[] {
  const strange = [...tally.byOutcome.keys()].filter((each) => !/^(2..|404|503)$/.test(each));
  return strange.map((outcome) => `${outcome}: ${tally.of(outcome)} requests`);
}

/** Finds out when there is a primary that accepts writes, past the service. */
class Probe {
  written = 0;
  private readonly timer = setInterval(() => void this.write(), PROBE_EVERY_MS);

  private constructor(private readonly url: string) {}

  static async start(url: string): Promise<Probe> {
    await withClient(url, (client) => client.query('CREATE TABLE probes ()'));
    return new Probe(url);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async write(): Promise<void> {
    const timeouts = { connectionTimeoutMillis: 1000, query_timeout: 1000 };
    await withClient({ connectionString: this.url, ...timeouts }, async (client) => {
      await client.query('INSERT INTO probes DEFAULT VALUES');
      this.written++;
    }).catch(() => undefined);
  }
}

/** A list that the client watches. */
class WatchedList {
  starts = 1;
  private readonly items = new Map<string, unknown>();
  private readonly abort = new AbortController();
  private readonly client;
  private readonly ended: Promise<unknown>;

  constructor(
    url: string,
    private readonly search: string | undefined,
  ) {
    this.client = createClient({ baseUrl: url });
    this.ended = this.follow().catch((error: unknown) => error);
  }

  /** How it differs from the list, once both had time to become equal. */
  async differences(): Promise<string[]> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const listed = new Map<string, unknown>();
      for await (const item of this.client.each(CLUSTERS, { search: this.search })) {
        listed.set(item.id!, item);
      }
      const ids = new Set([...listed.keys(), ...this.items.keys()]);
      const different = [...ids].filter(
        (id) => !isDeepStrictEqual(listed.get(id), this.items.get(id)),
      );
      if (different.length === 0) return [];
      if (performance.now() > deadline) {
        return different.map((id) => {
          const [there, here] = [listed.get(id), this.items.get(id)];
          return `listed ${JSON.stringify(there)}, watched ${JSON.stringify(here)}`;
        });
      }
      await sleep(200);
    }
  }

  async stop(): Promise<string[]> {
    this.abort.abort();
    const reason = await this.ended;
    return reason === this.abort.signal.reason ? [] : [`a watch ended: ${String(reason)}`];
  }

  private async follow(): Promise<void> {
    const { search, abort, items } = this;
    const onReconnect = () => this.starts++;
    const events = this.client.watch(CLUSTERS, { search, signal: abort.signal, onReconnect });
    for await (const event of events) {
      if (event.type === 'updated') items.set(event.resource.id!, event.resource);
      else if (event.type !== 'synced') items.delete(event.id);
    }
  }
}
