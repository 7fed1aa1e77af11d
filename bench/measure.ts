import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Fleet } from './fleet';
import type { Message, Result, Run } from './generator';
import { cpuOf, cpuOfPostgres, memoryOf } from './processes';
import type { Server } from './servers';
import type { Workload } from './workloads';

/** What one run of one workload gave. */
export interface Sample {
  rps: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** CPU per request in µs: of the server (all its processes), of PostgreSQL, of the load generator. */
  cpuServer: number;
  cpuPostgres: number;
  cpuGenerator: number;
  /** Resident memory of a server process afterwards, in MB; the largest when there are several. */
  memory: number;
  bytes: number;
}

export interface Task {
  workload: Workload;
  connections: number;
  fleet: Fleet;
  servers: readonly Server[];
  warmupMs: number;
  /** How long is measured, or until how many answers there are. */
  until: { ms: number } | { answers: number };
}

/**
 * The load generator's process, kept for all runs so that it is warm.
 *
 * It is our own. autocannon costs three times the CPU of the server it drives, and on two cores that is taken from
 * PostgreSQL. wrk is the lightest there is, but is not on every machine and cannot check answers, build a
 * new request for each write or follow pages; see docs/performance.md for what the two cost.
 */
export class Generator {
  private readonly child: ChildProcess = fork(join(__dirname, 'generator.ts'), [], {
    execArgv: ['--import', 'tsx'],
  });

  private readonly mail: Message[] = [];
  private hear: ((message: Message) => void) | undefined;

  constructor(private readonly postmaster: number | undefined) {
    const receive = (message: Message) => {
      if (this.hear === undefined) this.mail.push(message);
      else this.hear(message);
      this.hear = undefined;
    };
    this.child.on('message', receive);
    this.child.once('exit', () => receive({ type: 'failed', why: 'the load generator ended' }));
  }

  async measure(task: Task): Promise<Sample> {
    const { workload, connections, fleet, servers, warmupMs, until } = task;
    const ports = servers.map(({ port }) => port);
    const run: Run = {
      ...{ workload: workload.name, context: { fleet, port: ports[0]! } },
      ...{ ports, connections, warmupMs, until },
    };
    this.child.send(run);
    await this.told('begin');
    const before = this.cpu(servers);
    await this.told('end');
    const after = this.cpu(servers);
    const { result } = await this.told('result');
    return toSample(result, {
      server: after.server - before.server,
      postgres: after.postgres - before.postgres,
      memory: Math.max(...servers.map(({ pid }) => memoryOf(pid))),
    });
  }

  stop(): void {
    if (this.child.connected) this.child.disconnect();
  }

  private cpu(servers: readonly Server[]): { server: number; postgres: number } {
    return {
      server: servers.reduce((sum, { pid }) => sum + cpuOf(pid), 0),
      postgres: cpuOfPostgres(this.postmaster),
    };
  }

  /** The next message, which must be of this type. */
  private async told<T extends Message['type']>(type: T): Promise<Extract<Message, { type: T }>> {
    const message = this.mail.shift() ?? (await new Promise<Message>((hear) => (this.hear = hear)));
    if (message.type === 'failed') throw new Error(message.why);
    if (message.type !== type) throw new Error(`'${message.type}' came instead of '${type}'`);
    return message as Extract<Message, { type: T }>;
  }
}

function toSample(
  result: Result,
  used: { server: number; postgres: number; memory: number },
): Sample {
  const { answers, milliseconds, p50, p99, bytes, cpu } = result;
  return {
    rps: (answers / milliseconds) * 1000,
    ...{ p50, p99 },
    cpuServer: used.server / answers,
    cpuPostgres: used.postgres / answers,
    cpuGenerator: cpu / answers,
    memory: used.memory,
    bytes: bytes / answers,
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of each figure on its own. */
export function medianSample(samples: readonly Sample[]): Sample {
  const of = (key: keyof Sample) => median(samples.map((sample) => sample[key]));
  return {
    ...{ rps: of('rps'), p50: of('p50'), p99: of('p99'), memory: of('memory'), bytes: of('bytes') },
    cpuServer: of('cpuServer'),
    cpuPostgres: of('cpuPostgres'),
    cpuGenerator: of('cpuGenerator'),
  };
}
