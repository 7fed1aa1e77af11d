/** Runs ticks, and other work between them, one after the other. A tick that is due comes first. */
export class Loop {
  private readonly waiting: (() => Promise<void>)[] = [];
  private ticking = false;
  private dueAt = 0;
  private running = false;
  private timer: NodeJS.Timeout | undefined;

  /** @param tick resolves to the time until the next one in ms; it does not fail */
  constructor(private readonly tick: () => Promise<number>) {}

  run<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.waiting.push(() => work().then(resolve, reject));
      void this.proceed();
    });
  }

  start(): void {
    this.ticking = true;
    void this.proceed();
  }

  stop(): void {
    this.ticking = false;
    clearTimeout(this.timer);
  }

  private async proceed(): Promise<void> {
    if (this.running) return;
    this.running = true;
    clearTimeout(this.timer);
    for (;;) {
      if (this.ticking && performance.now() >= this.dueAt) {
        const began = performance.now();
        this.dueAt = began + (await this.tick());
        continue;
      }
      const work = this.waiting.shift();
      if (work === undefined) break;
      await work();
    }
    this.running = false;
    if (this.ticking) {
      this.timer = setTimeout(() => void this.proceed(), this.dueAt - performance.now());
    }
  }
}
