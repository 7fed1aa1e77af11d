import { connect, type Socket } from 'node:net';
import { LIST_QUERIES } from './list-queries';
import type { Context, Source } from './requests';
import { REPORTS_EVERYWHERE, type Workload, WORKLOADS } from './workloads';

const ALL = [...WORKLOADS, ...LIST_QUERIES, REPORTS_EVERYWHERE];

/**
 * The load generator: a process of its own that keeps so many connections busy, each sending its next request
 * as soon as it has its answer. Parent and child talk over IPC, one run at a time.
 */
export interface Run {
  workload: string;
  context: Context;
  ports: readonly number[];
  connections: number;
  warmupMs: number;
  until: { ms: number } | { answers: number };
}

export interface Result {
  answers: number;
  milliseconds: number;
  p50: number;
  p99: number;
  bytes: number;
  /** CPU this process used during the measurement, in µs. */
  cpu: number;
}

export type Message =
  | { type: 'begin' }
  | { type: 'end' }
  | { type: 'result'; result: Result }
  | { type: 'failed'; why: string };

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = '0\r\n\r\n';
const READ_BUFFER = 65_536;

class Load {
  private readonly latencies: number[] = [];
  private readonly enough: number | undefined;
  private sockets: Socket[] = [];
  private measuring = false;
  private sending = true;
  private bytes = 0;
  private fail: (error: Error) => void = () => undefined;
  private done: () => void = () => undefined;

  constructor(
    private readonly source: Source,
    private readonly run: Run,
  ) {
    this.enough = 'answers' in run.until ? run.until.answers : undefined;
  }

  async measure(): Promise<Result> {
    const { run } = this;
    const failed = new Promise<never>((_, reject) => (this.fail = reject));
    failed.catch(() => undefined);
    const enough = new Promise<void>((resolve) => (this.done = resolve));
    for (let index = 0; index < run.connections; index++) {
      this.open(run.ports[index % run.ports.length]!);
    }
    try {
      await Promise.race([failed, after(run.warmupMs)]);
      tell({ type: 'begin' });
      this.measuring = true;
      const begin = performance.now();
      const cpu = process.cpuUsage();
      await Promise.race([failed, 'ms' in run.until ? after(run.until.ms) : enough]);
      const { user, system } = process.cpuUsage(cpu);
      const milliseconds = performance.now() - begin;
      this.measuring = false;
      tell({ type: 'end' });
      const sorted = Float64Array.from(this.latencies).sort();
      const quantile = (share: number) => sorted[Math.floor(sorted.length * share)] ?? NaN;
      return {
        ...{ answers: sorted.length, milliseconds, bytes: this.bytes, cpu: user + system },
        ...{ p50: quantile(0.5), p99: quantile(0.99) },
      };
    } finally {
      // The last answers are awaited, so that nothing is left over for the next run to bear.
      this.sending = false;
      const deadline = performance.now() + 5000;
      while (this.sockets.some(({ destroyed }) => !destroyed) && performance.now() < deadline) {
        await after(5);
      }
      for (const socket of this.sockets) socket.destroy();
    }
  }

  /** One connection: send, take the answer apart, send again. */
  private open(port: number): void {
    let sent = 0;
    /** What is missing of the answer; undefined while its head has not come, -1 until its last chunk. */
    let missing: number | undefined;
    let begun = '';

    const send = () => {
      if (!this.sending) return void socket.destroy();
      sent = performance.now();
      socket.write(this.source.next());
    };
    const finish = () => {
      missing = undefined;
      if (this.measuring) {
        const count = this.latencies.push(performance.now() - sent);
        if (count === this.enough) this.done();
      }
      send();
    };
    const take = (size: number, buffer: Buffer) => {
      if (this.measuring) this.bytes += size;
      if (missing !== undefined) {
        if (missing === -1) {
          begun = (begun + buffer.toString('latin1', Math.max(0, size - 5), size)).slice(-5);
          if (begun === LAST_CHUNK) finish();
        } else {
          missing -= size;
          if (missing === 0) finish();
        }
        return;
      }
      const data = buffer.subarray(0, size);
      const end = data.indexOf(HEAD_END);
      if (end === -1) throw new Error('an answer whose head comes in parts');
      const head = data.toString('latin1', 0, end);
      const status = Number(head.slice(9, 12));
      if (!this.source.expected.includes(status)) {
        throw new Error(`${status} is not what was expected: ${data.toString('utf8', 0, 1000)}`);
      }
      const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      const rest = size - end - HEAD_END.length;
      if (length === undefined && head.includes('chunked')) {
        missing = -1;
        begun = data.toString('latin1', Math.max(end + 4, size - 5));
        if (begun === LAST_CHUNK) finish();
      } else {
        missing = Number(length ?? 0) - rest;
        if (missing === 0) finish();
      }
    };
    const guarded = (size: number, buffer: Buffer) => {
      try {
        take(size, buffer);
      } catch (error) {
        this.fail(error as Error);
      }
      return true;
    };
    // Reading into one buffer of our own leaves out the stream machinery, half of the cost of an answer.
    const onread = { buffer: Buffer.allocUnsafe(READ_BUFFER), callback: guarded as never };
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    socket.once('connect', send);
    socket.once('error', this.fail);
    socket.once('end', () => this.fail(new Error('the server closed a connection')));
    this.sockets.push(socket);
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function tell(message: Message): void {
  process.send!(message);
}

/** Kept between runs, because writes go on where the last run has ended. */
const sources = new Map<string, Source>();

async function sourceOf(workload: Workload, context: Context): Promise<Source> {
  const key = `${workload.name} ${context.port}`;
  const source = sources.get(key) ?? (await workload.source(context));
  sources.set(key, source);
  return source;
}

async function start(run: Run): Promise<void> {
  const workload = ALL.find(({ name }) => name === run.workload);
  const source = await sourceOf(workload!, run.context);
  tell({ type: 'result', result: await new Load(source, run).measure() });
}

if (process.send !== undefined) {
  process.on('message', (run: Run) => {
    start(run).catch((error: unknown) => tell({ type: 'failed', why: String(error) }));
  });
  process.on('disconnect', () => process.exit());
}
