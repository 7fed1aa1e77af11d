/**
 * Runs work with the same key one after the other.
 *
 * Correctness does not depend on it: the database isolates changes, also those of other processes. But waiting
 * here is free, while each request that waits in the database holds a connection, until none is left.
 */
export class KeyedQueue {
  private readonly last = new Map<string, Promise<void>>();

  /** @param patienceMs work that has waited this long starts anyway: the work before it may hang */
  constructor(private readonly patienceMs: number) {}

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.last.get(key);
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    this.last.set(key, finished);
    try {
      if (before !== undefined) await this.waitFor(before);
      return await work();
    } finally {
      finish();
      if (this.last.get(key) === finished) this.last.delete(key);
    }
  }

  private async waitFor(before: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const impatience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.patienceMs);
    });
    await Promise.race([before, impatience]);
    clearTimeout(timer);
  }
}
