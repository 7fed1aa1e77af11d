import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, serverAccount } from '../../src/embedded/binaries';
import { migrateUp } from '../../src/postgres/migrations';
import { knexOf, waitForDatabase, withClient } from '../../test/support/database';
import { canCreateMachines, createNetwork, Machine, removeNetwork } from './machine';

const NODES = ['node1', 'node2', 'node3'] as const;
export type Node = (typeof NODES)[number];
const PASSWORD = 'faults';
/** The shortest failover that Patroni allows: `ttl` is at least 20, and `loop_wait + 2 * retry_timeout <= ttl`. */
export const PATRONI_TIMES = { ttl: 20, loop_wait: 5, retry_timeout: 5 };
const START_TIMEOUT_MS = 120_000;
const PROGRAMS = ['patroni', 'etcd', 'haproxy', 'unshare', 'nsenter', 'setpriv', 'ip'];

/** What this computer lacks for a cluster; undefined if it lacks nothing. */
export function missingForPatroni(): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter);
  const missing = PROGRAMS.filter((name) => !path.some((each) => existsSync(join(each, name))));
  if (postgresPrograms() === undefined) missing.push('the server programs of PostgreSQL');
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  return canCreateMachines() ? undefined : 'needs root on Linux, to create network namespaces';
}

/** The embedded PostgreSQL lacks pg_basebackup and pg_rewind. */
function postgresPrograms(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return versions
    .map((version) => join(root, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'pg_rewind')) && existsSync(join(bin, 'postgres')));
}

interface Member {
  name: Node;
  role: string;
  state: string;
}

/** Three PostgreSQL under Patroni with synchronous replication, one etcd, and HAProxy, which leads to the primary. */
export class PatroniCluster {
  private constructor(
    private readonly directory: string,
    private readonly gateway: Machine,
    private readonly nodes: ReadonlyMap<Node, Machine>,
  ) {}

  static async start(): Promise<PatroniCluster> {
    const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-patroni-'));
    const account = serverAccount(join(directory, 'data'))!;
    chownSync(directory, account.uid, account.gid);
    createNetwork();
    const gateway = await Machine.create(2, account);
    const machines = await Promise.all(
      NODES.map((_, index) => Machine.create(11 + index, account)),
    );
    const nodes = new Map(NODES.map((name, index) => [name, machines[index]!]));
    const cluster = new PatroniCluster(directory, gateway, nodes);
    try {
      cluster.startGateway(account);
      for (const name of NODES) {
        const configuration = JSON.stringify(cluster.patroniConfiguration(name));
        writeFor(account, cluster.file(`${name}.yml`), configuration);
        cluster.startPatroni(name);
      }
      await cluster.complete();
      await waitForDatabase(cluster.url('postgres'), START_TIMEOUT_MS);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Leads through HAProxy. */
  url(database: string): string {
    return `postgres://postgres:${PASSWORD}@${this.gateway.address}:5000/${database}?sslmode=disable`;
  }

  /** A database with the current schema. */
  async createDatabase(name: string): Promise<string> {
    await withClient(this.url('postgres'), (client) => client.query(`CREATE DATABASE ${name}`));
    const knex = knexOf(this.url(name));
    await migrateUp(knex).finally(() => knex.destroy());
    return this.url(name);
  }

  async primary(): Promise<Node> {
    const members = await this.members();
    const leader = members.find(({ role }) => role === 'leader');
    if (leader === undefined) throw new Error(`There is no primary: ${JSON.stringify(members)}`);
    return leader.name;
  }

  /** Returns when all nodes are up, and one of them is the synchronous standby. */
  async complete(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const members = await this.members();
      const roles = members.map(({ role }) => role).sort();
      const running = members.every(({ state }) => /^(running|streaming)$/.test(state));
      if (running && roles.join() === 'leader,replica,sync_standby') return;
      if (Date.now() > deadline) {
        throw new Error(`Patroni has not got all nodes up: ${JSON.stringify(members)}`);
      }
      await sleep(200);
    }
  }

  /** Nothing from this node reaches the other nodes any more; etcd and HAProxy it still reaches. */
  separate(node: Node): void {
    for (const other of this.others(node)) this.machine(node).leave(other);
  }

  /** Kills Patroni and PostgreSQL of a node with `kill -9`. */
  kill(node: Node): void {
    this.machine(node).killAll();
  }

  /** Brings back a node that was separated and killed. */
  revive(node: Node): void {
    for (const other of this.others(node)) this.machine(node).rejoin(other);
    this.startPatroni(node);
  }

  private startPatroni(node: Node): void {
    const command = ['patroni', this.file(`${node}.yml`)];
    this.machine(node).start(command, this.file(`${node}.log`));
  }

  unplug(node: Node): void {
    this.machine(node).unplug();
  }

  plug(node: Node): void {
    this.machine(node).plug();
  }

  /** Returns when Patroni has handed over, in order, to the synchronous standby. */
  async switchover(): Promise<void> {
    const leader = await this.primary();
    const response = await fetch(`${this.restApi(leader)}/switchover`, {
      method: 'POST',
      body: JSON.stringify({ leader }),
    });
    if (!response.ok) throw new Error(`switchover: ${response.status} ${await response.text()}`);
  }

  async stop(): Promise<void> {
    await Promise.all([this.gateway, ...this.nodes.values()].map((machine) => machine.destroy()));
    removeNetwork();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }

  /** As the first node that can be reached knows them. */
  private async members(): Promise<Member[]> {
    for (const name of NODES) {
      try {
        const signal = AbortSignal.timeout(2000);
        const response = await fetch(`${this.restApi(name)}/cluster`, { signal });
        return ((await response.json()) as { members?: Member[] }).members ?? [];
      } catch {
        // Try the next one.
      }
    }
    return [];
  }

  private others(node: Node): Machine[] {
    return NODES.filter((name) => name !== node).map((name) => this.machine(name));
  }

  private machine = (node: Node) => this.nodes.get(node)!;
  private restApi = (node: Node) => `http://${this.machine(node).address}:8008`;
  private file = (name: string) => join(this.directory, name);
  private startGateway(account: Account): void {
    const { gateway } = this;
    const etcd = { client: `http://${gateway.address}:2379`, peer: 'http://127.0.0.1:2380' };
    const etcdArguments = {
      ...{ name: 'etcd', 'data-dir': this.file('etcd') },
      ...{ 'listen-client-urls': etcd.client, 'advertise-client-urls': etcd.client },
      ...{ 'listen-peer-urls': etcd.peer, 'initial-advertise-peer-urls': etcd.peer },
      'initial-cluster': `etcd=${etcd.peer}`,
    };
    const flags = Object.entries(etcdArguments).map(([name, value]) => `--${name}=${value}`);
    gateway.start(['etcd', ...flags], this.file('etcd.log'));

    const configuration = this.file('haproxy.cfg');
    writeFor(account, configuration, this.haproxyConfiguration());
    gateway.start(['haproxy', '-db', '-f', configuration], this.file('haproxy.log'));
  }

  /** As in Patroni's documentation, with shorter intervals. */
  private haproxyConfiguration(): string {
    return [
      'defaults',
      '  mode tcp',
      '  retries 2',
      '  timeout client 30m',
      '  timeout connect 4s',
      '  timeout server 30m',
      '  timeout check 5s',
      'listen primary',
      '  bind *:5000',
      '  option httpchk OPTIONS /primary',
      '  http-check expect status 200',
      '  default-server inter 1s fall 3 rise 2 on-marked-down shutdown-sessions',
      ...Array.from(this.nodes, ([name, { address }]) => {
        return `  server ${name} ${address}:5432 maxconn 100 check port 8008`;
      }),
      '',
    ].join('\n');
  }

  private patroniConfiguration(name: Node) {
    const { address } = this.machine(name);
    const password = PASSWORD;
    const hba = (database: string, user: string) =>
      `host ${database} ${user} samenet scram-sha-256`;
    return {
      ...{ scope: 'faults', name, watchdog: { mode: 'off' } },
      etcd3: { host: `${this.gateway.address}:2379` },
      restapi: { listen: `${address}:8008`, connect_address: `${address}:8008` },
      bootstrap: {
        dcs: { ...PATRONI_TIMES, synchronous_mode: true, postgresql: { use_pg_rewind: true } },
        initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'data-checksums'],
        pg_hba: [hba('replication', 'replicator'), hba('all', 'all')],
      },
      postgresql: {
        ...{ listen: `${address}:5432`, connect_address: `${address}:5432` },
        ...{ data_dir: this.file(name), bin_dir: postgresPrograms() },
        pgpass: this.file(`${name}.pgpass`),
        authentication: {
          replication: { username: 'replicator', password },
          superuser: { username: 'postgres', password },
          rewind: { username: 'rewinder', password },
        },
        parameters: { unix_socket_directories: '' },
      },
    };
  }
}

function writeFor({ uid, gid }: Account, file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
  chownSync(file, uid, gid);
}
