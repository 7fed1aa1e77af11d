import type { Position } from '../changes/snapshot';
import { syncedFrame } from './frames';
import type { Watch } from './watch';

/** What is about to be sent, by stream: each gets it as one piece. */
export class Outbox {
  /** Streams that have been given something, sent or not. */
  readonly told = new Set<Watch>();
  private frames = new Map<Watch, Buffer[]>();

  add(watch: Watch, frame: Buffer): void {
    this.told.add(watch);
    const known = this.frames.get(watch);
    if (known === undefined) this.frames.set(watch, [frame]);
    else known.push(frame);
  }

  /** Tells streams that everything up to a position has been sent. */
  addSynced(watches: Iterable<Watch>, position: Position): void {
    const frame = syncedFrame(position);
    for (const watch of watches) {
      this.add(watch, frame);
      watch.syncedAt = Date.now();
    }
  }

  send(): void {
    for (const [watch, frames] of this.frames) watch.push(frames);
    this.frames.clear();
  }
}
