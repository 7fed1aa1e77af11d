import { randomInt } from 'node:crypto';
import type { Response } from 'express';
import type { MembershipReader, WatchedList } from '../changes/membership';
import type { Selection } from '../http/write-json';
import { COMMENT, retryFrame } from './frames';

/** After so much silence a stream shows that it is alive. */
const SILENCE_MS = 15_000;
/** Spreads the reconnects of clients that lost their streams together. */
const RETRY_MS = [1000, 5000] as const;
/** Long-lived streams would stay on old replicas when others are added. */
const LIFETIME_MS = [30 * 60_000, 60 * 60_000] as const;
/** A reader this many bytes behind with changes is disconnected, and resumes from where it is. */
const MAX_WAITING = 1024 * 1024;
/** How long a slow reader may take for what is still to be sent when its stream ends. */
const LINGER_MS = 10_000;

/** One open stream: what it shows, and its response. */
export class Watch {
  ended = false;
  /** When the last `synced` was sent; undefined: none yet. */
  syncedAt: number | undefined;
  private wroteAt = Date.now();
  private lifetime: NodeJS.Timeout | undefined;

  /**
   * @param reader for `list` alone
   * @param selection what `fields` selects; undefined: everything
   * @param fields the parameter itself, the same for streams with equal frames
   * @param onEnd called once, when either side has ended the stream
   */
  constructor(
    readonly list: WatchedList,
    readonly reader: MembershipReader,
    readonly selection: Selection | undefined,
    readonly fields: string | undefined,
    private readonly response: Response,
    private readonly onEnd: () => void,
  ) {}

  /** @param expiresAt when the token of the client expires, in ms since the epoch */
  open(expiresAt: number | undefined): void {
    const { response } = this;
    if (response.destroyed) {
      this.stop();
      return;
    }
    response.once('close', () => this.stop());
    // Express would add a charset, which the format does not have.
    response.setHeader('Content-Type', 'text/event-stream');
    // Tells proxies not to collect what passes.
    response.setHeader('X-Accel-Buffering', 'no');
    response.flushHeaders();
    response.write(retryFrame(randomInt(...RETRY_MS)));
    const expiry = expiresAt === undefined ? Infinity : expiresAt - Date.now();
    const lifetime = Math.min(randomInt(...LIFETIME_MS), Math.max(0, expiry));
    this.lifetime = setTimeout(() => this.end(), lifetime);
  }

  /** Sends frames as one piece. A reader that is far behind is disconnected. */
  push(frames: readonly Buffer[]): void {
    const { response } = this;
    if (response.writableLength > MAX_WAITING) this.end();
    if (this.ended) return;
    response.cork();
    for (const frame of frames) response.write(frame);
    response.uncork();
    this.wroteAt = Date.now();
  }

  /** Sends a comment if nothing has been sent for long. To be called about every second. */
  breakSilence(): void {
    // A slow reader still has something to read.
    if (this.response.writableLength > 0) return;
    if (Date.now() - this.wroteAt >= SILENCE_MS) this.push([COMMENT]);
  }

  /** Resolves when the client has read what was sent, or is gone. */
  async drained(): Promise<void> {
    const { response } = this;
    if (this.ended || !response.writableNeedDrain) return;
    await new Promise<void>((resolve) => {
      const proceed = () => {
        response.off('drain', proceed).off('close', proceed);
        resolve();
      };
      response.on('drain', proceed).on('close', proceed);
    });
  }

  /** Ends the stream between two events. */
  end(): void {
    if (this.ended) return;
    this.stop();
    const { response } = this;
    response.end();
    const linger = setTimeout(() => response.destroy(), LINGER_MS).unref();
    response.once('close', () => clearTimeout(linger));
  }

  private stop(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.lifetime);
    this.onEnd();
  }
}
