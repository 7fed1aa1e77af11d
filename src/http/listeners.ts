import {
  IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  ServerResponse,
} from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
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
export function urlOf({ server, host, port }: Listening): string {
  const scheme = server instanceof HttpsServer ? 'https' : 'http';
  return `${scheme}://${bracketed(host)}:${port}`;
}

/** Why the service is not ready, or undefined when it is. */
export type ReadinessCheck = () => Promise<string | undefined>;

/** Under these paths the process says that it is alive. */
const ALIVE = ['/livez', '/healthz', '/healthcheck'];

/** `/livez` and its other names: the process is alive; `/readyz`: it can do its work. */
export function healthListener(check: ReadinessCheck): RequestListener {
  return (req, res) => {
    const send = (status: number, body: object) => {
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(body));
    };
    const path = req.url?.split('?', 1)[0];
    if (path !== undefined && ALIVE.includes(path)) {
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
}

/** `/metrics` in the text format of Prometheus. */
export function metricsListener(registry: Registry): RequestListener {
  return (req, res) => {
    if (req.url?.split('?', 1)[0] !== '/metrics') {
      res.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => res.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      () => res.writeHead(500).end(),
    );
  };
}

type Constructor = (this: object, ...args: unknown[]) => void;

/**
 * Makes Node create requests and responses with the prototypes that Express sets on them. On Node 20 that
 * `Object.setPrototypeOf` is the most expensive part of a request, unless the prototype is already the right
 * one. From Node 22 on the call is cheap and this detour only costs; remove it with the support of Node 20.
 */
export function presetPrototypes(
  app: Express,
): Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'> {
  if (Number(process.versions.node.split('.', 1)[0]) >= 22) return {};
  const preset = (base: unknown, prototype: object) => {
    function Preset(this: object, ...args: unknown[]): void {
      (base as Constructor).apply(this, args);
    }
    Preset.prototype = prototype;
    return Preset;
  };
  return {
    IncomingMessage: preset(IncomingMessage, app.request) as unknown as typeof IncomingMessage,
    ServerResponse: preset(ServerResponse, app.response) as unknown as typeof ServerResponse,
  };
}
