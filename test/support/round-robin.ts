import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A service behind the proxy. */
export interface Replica {
  url: string;
  /** Where to ask whether it may get requests; absent: it always may. */
  readyz?: string;
}

/** What a replica did with its requests. */
interface Share {
  answered: number;
  /** Broken off without an answer. */
  broken: number;
  /** Under way right now. */
  inFlight: number;
}

interface Target extends Share {
  replica: Replica;
  agent: Agent;
  ready: Promise<boolean>;
  readyAskedAt: number;
}

interface Forwarded {
  status: number;
  message: string;
  headers: string[];
  body: Buffer;
}

/** Put on the answer of a request that a replica broke off, so that it was asked of another one. */
export const REPEATED = 'x-repeated';

/** So old may the last word of a replica about itself be. */
const READY_FOR_MS = 100;
/** These are between two neighbours only. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'expect']);

/**
 * Hands the requests to the replicas in turn, over connections it keeps, as a Service and an Ingress of
 * Kubernetes do: whoever says on /readyz that it is not ready gets none, and a request that finds its replica
 * dead goes to the next one.
 */
export class RoundRobin {
  private readonly targets: Target[] = [];
  private readonly server = createServer(this.listener());
  private turn = 0;

  static async start(replicas: readonly Replica[]): Promise<RoundRobin> {
    const proxy = new RoundRobin();
    for (const replica of replicas) proxy.add(replica);
    await once(proxy.server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  add(replica: Replica): void {
    this.targets.push({
      replica,
      agent: new Agent({ keepAlive: true }),
      ready: Promise.resolve(true),
      readyAskedAt: 0,
      ...{ answered: 0, broken: 0, inFlight: 0 },
    });
  }

  share({ url }: Replica): Share {
    return this.targets.find(({ replica }) => replica.url === url)!;
  }

  async close(): Promise<void> {
    const closed = once(this.server.close(), 'close');
    this.server.closeAllConnections();
    for (const { agent } of this.targets) agent.destroy();
    await closed;
  }

  private listener(): RequestListener {
    return (req, res) => {
      this.forward(req).then(
        (answer) => reply(res, answer),
        (error: unknown) => res.writeHead(502).end(String(error)),
      );
    };
  }

  private async forward(req: IncomingMessage): Promise<Forwarded> {
    const body = await readAll(req);
    const broken = new Set<Target>();
    for (;;) {
      const target = await this.next(broken);
      if (target === undefined) throw new Error('no replica can answer');
      target.inFlight++;
      try {
        const answer = await ask(target, req, body);
        target.answered++;
        if (broken.size > 0) answer.headers.push(REPEATED, 'yes');
        return answer;
      } catch {
        target.broken++;
        broken.add(target);
      } finally {
        target.inFlight--;
      }
    }
  }

  /** The next in turn that says it is ready. */
  private async next(except: ReadonlySet<Target>): Promise<Target | undefined> {
    const first = this.turn++;
    for (let step = 0; step < this.targets.length; step++) {
      const target = this.targets[(first + step) % this.targets.length]!;
      if (!except.has(target) && (await isReady(target))) return target;
    }
    return undefined;
  }
}

function isReady(target: Target): Promise<boolean> {
  const { readyz } = target.replica;
  if (readyz !== undefined && Date.now() - target.readyAskedAt > READY_FOR_MS) {
    target.readyAskedAt = Date.now();
    target.ready = fetch(readyz).then(
      ({ status }) => status === 200,
      () => false,
    );
  }
  return target.ready;
}

function ask({ replica, agent }: Target, req: IncomingMessage, body: Buffer): Promise<Forwarded> {
  const { hostname, port } = new URL(replica.url);
  const { method, url: path } = req;
  const headers = withoutHops(req.rawHeaders);
  // What came in chunks goes on as a whole.
  if ('transfer-encoding' in req.headers) headers.push('Content-Length', String(body.length));
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, hostname, port, method, path, headers }, (incoming) => {
      readAll(incoming).then(
        (answered) =>
          resolve({
            status: incoming.statusCode!,
            message: incoming.statusMessage!,
            headers: withoutHops(incoming.rawHeaders),
            body: answered,
          }),
        reject,
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

function reply(res: ServerResponse, { status, message, headers, body }: Forwarded): void {
  res.writeHead(status, message, headers).end(body);
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function withoutHops(raw: readonly string[]): string[] {
  return raw.filter((_, index) => !HOP_BY_HOP.has(raw[index - (index % 2)]!.toLowerCase()));
}
