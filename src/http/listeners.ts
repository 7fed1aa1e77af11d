import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';

/** Starts a server. @returns the server and its port */
export function listen(
  server: Server,
  port: number,
  host: string,
): Promise<{ server: Server; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve({ server, port: (server.address() as AddressInfo).port });
    });
  });
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
