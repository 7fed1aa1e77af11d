/**
 * Lets those who want to change the same thing go one after the other.
 *
 * This is not what keeps changes apart, for there are other processes: the database does that. But to wait
 * here costs nothing, while a crowd that waits there holds a connection each, until others find none left.
 */
export class KeyedQueue {
  private readonly last = new Map<string, Promise<void>>();

  /** @param patienceMs whoever waited that long goes ahead: one that hangs must not hold up all behind it */
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
