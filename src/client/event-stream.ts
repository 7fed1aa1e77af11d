import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { Middleware } from 'openapi-fetch';
import { ok } from './api-error';

type StreamResult =
  | { data: ReadableStream<Uint8Array> | null; error?: never; response: Response }
  | { data?: never; error: unknown; response: Response };

export type GetStream = (path: string, options: object) => Promise<StreamResult>;

/** The service sends a comment after 15 s without an event. */
const SILENCE_MS = 45_000;

interface StreamOptions {
  /** Parameters of the path and the query. */
  params: object;
  signal?: AbortSignal;
  /** Called when the service says how many milliseconds to wait before the next connection. */
  onRetry: (pause: number) => void;
}

/** The service was not reached, or the connection broke. `cause` says how; the next attempt may succeed. */
export class ConnectionLost extends Error {}

/**
 * Yields the events of one connection until the service ends it. It reads on only when it is asked for the next
 * event: a slow consumer makes the service wait.
 * @throws ApiError for a response that is not a success; ConnectionLost, also when nothing has come for 45 s or the
 * signal aborts; another error when there was no request, or the response is not a stream of events
 */
export async function* readEvents(
  get: GetStream,
  path: string,
  { params, signal, onRetry }: StreamOptions,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const connection = new AbortController();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  let sent = false;
  const lost = (cause: unknown): never => {
    throw sent ? new ConnectionLost('The connection is lost', { cause }) : cause;
  };
  try {
    // Comes after all that makes the request, such as its token.
    const middleware: Middleware[] = [{ onRequest: () => void (sent = true) }];
    const options = { params, parseAs: 'stream', signal: connection.signal, middleware };
    const { data, response } = await ok(notSilent(get(path, options), signal).catch(lost));
    const type = response.headers.get('Content-Type');
    if (!data || !type?.startsWith('text/event-stream')) {
      throw new Error(`The response is ${type ?? 'empty'} and not a stream of events`);
    }
    const events: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (event) => events.push(event), onRetry });
    const decoder = new TextDecoder();
    reader = data.getReader();
    for (;;) {
      const { done, value } = await notSilent(reader.read(), signal).catch(lost);
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* events.splice(0);
    }
  } finally {
    // Node forgets the signal of a response that is read for long: cancelling alone closes that connection.
    void reader?.cancel().catch(() => undefined);
    connection.abort();
  }
}

/** Waits for the service. Only this time counts as silence, and not the time that the consumer takes. */
async function notSilent<Value>(pending: Promise<Value>, signal?: AbortSignal): Promise<Value> {
  let release: (() => void) | undefined;
  const given = new Promise<never>((_resolve, reject) => {
    const abort = () => reject(signal?.reason as Error);
    const silent = () => reject(new Error(`Nothing has come for ${SILENCE_MS / 1000} seconds`));
    const timer = setTimeout(silent, SILENCE_MS);
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    release = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
  });
  return Promise.race([pending, given]).finally(release);
}
