import autocannon from 'autocannon';

export type Request = autocannon.Request;

/** What a workload sends. */
export interface Source {
  /** The statuses that are right; any other one means that something else was measured. */
  expected: readonly number[];
  next(): Request;
}

export interface Load {
  port: number;
  source: Source;
  connections: number;
  /** How many requests are sent; without it, as many as fit until the signal. */
  requests?: number;
  signal?: AbortSignal;
  onLatency?: (milliseconds: number) => void;
  onBody?: (body: string) => void;
}

const HOUR_S = 3600;
/** How often autocannon looks whether it should stop. */
const STOP_CHECK_MS = 20;

/** Keeps so many connections busy, each with one request at a time. */
export function load(options: Load): Promise<void> {
  const { port, source, connections, requests, signal, onLatency, onBody } = options;
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const instance = autocannon(
      {
        url: `http://127.0.0.1:${port}`,
        sampleInt: STOP_CHECK_MS,
        ...(requests === undefined
          ? { connections, duration: HOUR_S }
          : { connections: Math.min(connections, requests), amount: requests }),
        requests: [
          {
            setupRequest: (request) => ({ ...request, ...source.next() }),
            onResponse: onBody && ((_status, body) => onBody(body)),
          },
        ],
      },
      (error: Error | null) => {
        failure ??= error ?? undefined;
        if (failure) reject(failure);
        else resolve();
      },
    );
    const fail = (error: Error) => {
      failure ??= error;
      instance.stop();
    };
    // Not the histogram of autocannon: it counts whole milliseconds.
    instance.on('response', (_client, status, _bytes, milliseconds) => {
      if (source.expected.includes(status)) onLatency?.(milliseconds);
      else fail(new Error(`status ${status} instead of ${source.expected.join(' or ')}`));
    });
    instance.on('reqError', fail);
    signal?.addEventListener('abort', () => instance.stop());
  });
}
