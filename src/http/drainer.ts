import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;
/** After this long without a new request, no other is assumed to be on its way. */
const QUIET_MS = 500;
/**
 * The part of the time in which new requests are accepted at most; the rest is for those in progress. With the default
 * of SHUTDOWN_TIMEOUT_MS, clients that never stop leave a margin before the 10 s after which podman and docker kill.
 */
const ACCEPTING = 0.4;

/**
 * Stops a server without failing a request. While draining, it still accepts and serves requests, but
 * with `Connection: close`, so that clients connect elsewhere next time. Closing an idle connection instead
 * could break a request that a client is just sending on it.
 */
export class Drainer {
  draining = false;
  private inFlight = 0;
  private lastRequest = 0;

  constructor(private readonly server: Server) {
    server.prependListener('request', (_req: IncomingMessage, res: ServerResponse) => {
      this.inFlight++;
      this.lastRequest = Date.now();
      if (this.draining) res.setHeader('Connection', 'close');
      res.once('close', () => this.inFlight--);
    });
  }

  /** Resolves when no request is left and none arrives, or after `timeoutMs`; all connections are closed then. */
  async drain(timeoutMs: number): Promise<void> {
    this.draining = true;
    const began = Date.now();
    const spent = () => Date.now() - began;
    const quietFor = () => Date.now() - Math.max(this.lastRequest, began);
    while (spent() < timeoutMs * ACCEPTING && (this.inFlight > 0 || quietFor() < QUIET_MS)) {
      await sleep(POLL_MS);
    }
    this.server.close();
    this.server.closeIdleConnections();
    // For Node, a connection without any request so far is not idle. It must not delay the end.
    while (spent() < timeoutMs && this.inFlight > 0) await sleep(POLL_MS);
    this.server.closeAllConnections();
  }
}
