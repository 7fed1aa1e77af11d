import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { bracketed } from '../config/config';

export interface Listening {
  server: Server;
  host: string;
  port: number;
}

/** What Node reports for an IPv6 address where the kernel has no IPv6. */
const NO_IPV6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

/** Starts a server. `::` stands for all addresses, also where there is no IPv6. */
export async function listen(server: Server, port: number, host: string): Promise<Listening> {
  try {
    return await listenOn(server, port, host);
  } catch (error) {
    if (host !== '::' || !NO_IPV6.includes((error as NodeJS.ErrnoException).code!)) throw error;
    return listenOn(server, port, '0.0.0.0');
  }
}

function listenOn(server: Server, port: number, host: string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve({ server, host, port: (server.address() as AddressInfo).port });
    });
  });
}

/** The URL of a server: an IPv6 address stands in brackets. */
export function urlOf({ host, port }: Omit<Listening, 'server'>): string {
  return `http://${bracketed(host)}:${port}`;
}

/** Why the service is not ready, or undefined when it is. */
export type ReadinessCheck = () => Promise<string | undefined>;

/** `/healthcheck` and `/healthz`: the process is alive; `/readyz`: it can do its work. */
export function createHealthServer(check: ReadinessCheck): Server {
  const listener: RequestListener = (req, res) => {
    const send = (status: number, body: object) => {
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(body));
    };
    const path = req.url?.split('?', 1)[0];
    if (path === '/healthcheck' || path === '/healthz') {
      send(200, { status: 'ok' });
    } else if (path === '/readyz') {
      void check().then((reason) =>
        reason === undefined
          ? send(200, { status: 'ok' })
          : send(503, { status: 'unavailable', reason }),
      );
    } else {
      send(404, { status: 'not found' });
    }
  };
  return createServer(listener);
}

/** `/metrics` in the text format of Prometheus. */
export function createMetricsServer(registry: Registry): Server {
  return createServer((req, res) => {
    if (req.url?.split('?', 1)[0] !== '/metrics') {
      res.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => res.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      () => res.writeHead(500).end(),
    );
  });
}
