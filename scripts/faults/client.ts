import { Agent, request } from 'node:http';

export interface Reply {
  status: number;
  body: Record<string, unknown>;
  ms: number;
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
      const { closing, ...reply } = await this.exchange(this.url, method, path, body);
      const ms = performance.now() - begin;
      if (closing) this.url = undefined;
      this.tally.count(String(reply.status), ms);
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
    return new Promise<Omit<Reply, 'ms'> & { closing: boolean }>((resolve, reject) => {
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
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }
}
