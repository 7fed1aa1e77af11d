import { once } from 'node:events';
import net from 'node:net';

/** Stands before PostgreSQL as the address of a cluster does: what is behind it may change, or not be there. */
export class SwitchProxy {
  private readonly sockets = new Set<net.Socket>();
  private target: URL | undefined;

  private constructor(private readonly server: net.Server) {}

  static async start(target: string): Promise<SwitchProxy> {
    const server = net.createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const proxy = new SwitchProxy(server);
    server.on('connection', (client) => proxy.accept(client));
    proxy.target = new URL(target);
    return proxy;
  }

  /** The URL of a database, by way of the proxy. */
  url(database: string): string {
    const url = new URL(database);
    url.hostname = '127.0.0.1';
    url.port = String((this.server.address() as net.AddressInfo).port);
    return url.href;
  }

  /** Breaks all connections; later ones reach this server, or are refused when there is none. */
  switchTo(target: string | undefined): void {
    this.target = target === undefined ? undefined : new URL(target);
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  close(): void {
    this.server.close();
    this.switchTo(undefined);
  }

  private accept(client: net.Socket): void {
    if (this.target === undefined) {
      client.on('error', () => undefined).destroy();
      return;
    }
    const upstream = net.connect(Number(this.target.port || 5432), this.target.hostname);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
