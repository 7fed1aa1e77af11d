import { once } from 'node:events';
import net from 'node:net';

/** Stands before a service and passes on bytes, until it is told to break something. */
export class TcpProxy {
  /** How many connections it has accepted. */
  connections = 0;
  /** How many of them have been closed. */
  closed = 0;
  /** How many bytes it has passed on to clients. */
  passed = 0;
  private readonly pairs = new Set<readonly [client: net.Socket, service: net.Socket]>();
  private readonly server = net.createServer((client) => this.accept(client));
  private port = 0;

  private constructor(private readonly target: URL) {}

  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(target));
    await proxy.restore();
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Breaks all connections, and refuses new ones until `restore`. */
  cut(): void {
    this.server.close();
    for (const sockets of this.pairs) for (const socket of sockets) socket.destroy();
  }

  async restore(): Promise<void> {
    await once(this.server.listen(this.port, '127.0.0.1'), 'listening');
    ({ port: this.port } = this.server.address() as net.AddressInfo);
  }

  /** Open connections stay open, but nothing comes through any more. */
  silence(): void {
    for (const [client, service] of this.pairs) {
      client.unpipe(service).pause();
      service.unpipe(client).pause();
    }
  }

  private accept(client: net.Socket): void {
    this.connections++;
    const service = net.connect(Number(this.target.port), this.target.hostname);
    const pair = [client, service] as const;
    this.pairs.add(pair);
    service.on('data', (chunk: Buffer) => (this.passed += chunk.length));
    client.pipe(service).pipe(client);
    for (const [socket, other] of [pair, [service, client] as const]) {
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        other.destroy();
        if (this.pairs.delete(pair)) this.closed++;
      });
    }
  }
}
