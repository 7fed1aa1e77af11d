import { constants } from 'node:os';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Under npm a Ctrl-C arrives twice, from the terminal and from npm: within this time both count as one. */
const SAME_SIGNAL_MS = 1000;

let firstAt = 0;
let onFirst: ((signal: NodeJS.Signals) => void) | undefined;

/**
 * Handles the signals that ask the process to stop. Without a handler they do not end the process with id 1, as in
 * a container, so call this before anything that takes time.
 */
export function handleStopSignals(): void {
  for (const name of SIGNALS) process.on(name, onSignal);
}

function onSignal(signal: NodeJS.Signals): void {
  if (onFirst === undefined) process.exit(128 + constants.signals[signal]);
  if (firstAt > 0 && Date.now() - firstAt > SAME_SIGNAL_MS) process.exit(1);
  firstAt ||= Date.now();
  onFirst(signal);
}

/** Resolves at the first signal; one that comes more than a second later ends the process at once. */
export function untilStopped(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => (onFirst = resolve));
}
