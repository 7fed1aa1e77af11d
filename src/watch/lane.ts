/** Runs what it is given, a few at a time, in order. */
export class Lane {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly atOnce: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running < this.atOnce) this.running++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      // The next one takes over the place, so that nobody gets ahead of it.
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}
