import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;
/** As long as this without a request means that nobody has one on its way to us. */
const QUIET_MS = 500;

/**
 * Stops a server without failing a request. While it drains it still listens and answers, but asks
 * every client with `Connection: close` to connect elsewhere next time: closing an idle connection from this
 * side would hit the request that a client is just sending on it.
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

  /** Resolves when all is answered and quiet, or after `timeoutMs`; no connection is left then. */
  async drain(timeoutMs: number): Promise<void> {
    this.draining = true;
    const began = Date.now();
    const spent = () => Date.now() - began;
    const quietFor = () => Date.now() - Math.max(this.lastRequest, began);
    // Whoever never stops sending is not served for ever; half of the time is left to finish what came.
    while (spent() < timeoutMs / 2 && (this.inFlight > 0 || quietFor() < QUIET_MS)) {
      await sleep(POLL_MS);
    }
    this.server.close();
    this.server.closeIdleConnections();
    // Connections that never carried a request are not idle in Node's eyes, and nobody need wait for them.
    while (spent() < timeoutMs && this.inFlight > 0) await sleep(POLL_MS);
    this.server.closeAllConnections();
  }
}
