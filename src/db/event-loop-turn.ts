const waiting: (() => void)[] = [];

/**
 * Resolves in a turn of the event loop in which it does so for nobody else. The long work of many requests then does
 * not add up to one long turn, in which nobody's small request is read, and Node accepts one connection a turn only.
 */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(next);
  });
}

function next(): void {
  waiting.shift()!();
  if (waiting.length > 0) setImmediate(next);
}
