/** The first one is running, or next. */
const waiting: (() => void)[] = [];

/**
 * Spreads long synchronous work over turns of the event loop. Callers continue one after the other; each turn takes as
 * many as fit into half of the time that everything else has taken since the last. Otherwise the work of many requests
 * would add up to one long turn, in which no other request is read; Node accepts only one connection per turn.
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
  // Runs after the work that this call has resumed, up to where that waits for something else.
  queueMicrotask(() => {
    process.nextTick(() => {
      waiting.shift();
      if (waiting.length === 0) return;
      if (performance.now() < deadline) goOn(deadline);
      else schedule();
    });
  });
}
