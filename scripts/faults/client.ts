import { Agent, request } from 'node:http';

export interface Reply {
  status: number;
  body: Record<string, unknown>;
  ms: number;
}

interface Answer extends Omit<Reply, 'ms'> {
  closing: boolean;
  retryAfter: string | undefined;
}

/** Counts the requests of all clients by outcome, for the report at the end. */
export class Tally {
  readonly byOutcome = new Map<string, number>();
  slowestMs = 0;

  count(outcome: string, ms: number): void {
    this.byOutcome.set(outcome, (this.byOutcome.get(outcome) ?? 0) + 1);
    this.slowestMs = Math.max(this.slowestMs, ms);
  }

  of(outcome: string): number {
    return this.byOutcome.get(outcome) ?? 0;
  }

  get total(): number {
    return [...this.byOutcome.values()].reduce((sum, count) => sum + count, 0);
  }

  toString(): string {
    const counts = [...this.byOutcome].sort().map(([outcome, count]) => `${outcome}: ${count}`);
    return `${this.total} requests (${counts.join(', ')}), slowest ${Math.round(this.slowestMs)} ms`;
  }
}

/** Finds the longest time during which a count stands still. */
export class Standstill {
  private readonly longest = { from: 0, to: 0 };
  private since = performance.now();
  private last: number;
  private readonly timer = setInterval(() => this.look(), 10);

  constructor(private readonly read: () => number) {
    this.last = read();
  }

  get count(): number {
    return this.read();
  }

  end(): { from: number; to: number } {
    clearInterval(this.timer);
    return this.longest;
  }

  private look(): void {
    if (this.count === this.last) return;
    const { from, to } = this.longest;
    const now = performance.now();
    if (now - this.since > to - from) Object.assign(this.longest, { from: this.since, to: now });
    this.since = now;
    this.last = this.count;
  }
}

/** One client with one persistent connection. After `Connection: close` it connects elsewhere. */
export class Client {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  private url: string | undefined;

  constructor(
    private readonly pick: () => string,
    private readonly tally: Tally,
  ) {}

  /** @returns undefined when there was no response: whether the request took effect is not known then */
  async send(method: string, path: string, body?: unknown): Promise<Reply | undefined> {
    this.url ??= this.pick();
    const begin = performance.now();
    try {
      const { closing, retryAfter, ...reply } = await this.exchange(this.url, method, path, body);
      const ms = performance.now() - begin;
      if (closing) this.url = undefined;
      const incomplete = reply.status === 503 && retryAfter === undefined;
      this.tally.count(incomplete ? '503 without Retry-After' : String(reply.status), ms);
      return { ...reply, ms };
    } catch (error) {
      this.url = undefined;
      const { code } = error as NodeJS.ErrnoException;
      this.tally.count(
        `no response (${code ?? (error as Error).message})`,
        performance.now() - begin,
      );
      return undefined;
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private exchange(url: string, method: string, path: string, body: unknown) {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise<Answer>((resolve, reject) => {
      const outgoing = request(
        new URL(path, url),
        {
          ...{ method, agent: this.agent },
          headers: payload === undefined ? {} : { 'Content-Type': 'application/json' },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('error', reject);
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({
              status: incoming.statusCode!,
              body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
              closing: incoming.headers.connection === 'close',
              retryAfter: incoming.headers['retry-after'],
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }
}
