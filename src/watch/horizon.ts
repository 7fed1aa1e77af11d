import { type Position, xmaxOf, xminOf } from '../changes/snapshot';

/** How long one transaction has been the oldest in progress while others have begun and ended. */
export class Horizon {
  private xmin: bigint | undefined;
  private xmax: bigint | undefined;
  private since: number | undefined;

  /** @returns seconds */
  age(now = performance.now()): number {
    return this.since === undefined ? 0 : (now - this.since) / 1000;
  }

  see({ snapshot }: Position, now = performance.now()): void {
    const xmin = xminOf(snapshot);
    const xmax = xmaxOf(snapshot);
    if (xmin !== this.xmin) {
      this.xmin = xmin;
      this.xmax = xmax;
      this.since = undefined;
    } else if (xmax !== this.xmax) {
      this.since ??= now;
    }
  }
}
