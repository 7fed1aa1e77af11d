/** The first of them is at work, or next. */
const waiting: (() => void)[] = [];

/**
 * Lets those who have long work to do, and wait for nothing but the processor, go on one after the other: each turn
 * of the event loop as many as fit into half of the time that everything else has taken meanwhile. Otherwise the
 * long work of many requests would add up to one long turn, in which nobody's small request is read, and Node accepts
 * one connection a turn only.
 */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) schedule();
  });
}

function schedule(): void {
  const since = performance.now();
  setImmediate(() => {
    const now = performance.now();
    goOn(now + (now - since) / 2);
  });
}

function goOn(deadline: number): void {
  waiting[0]!();
  // After what the promise above has set off, as far as that waits for nothing else.
  queueMicrotask(() => {
    process.nextTick(() => {
      waiting.shift();
      if (waiting.length === 0) return;
      if (performance.now() < deadline) goOn(deadline);
      else schedule();
    });
  });
}
