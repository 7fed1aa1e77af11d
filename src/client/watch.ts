import { ApiError } from './api-error';
import { ConnectionLost, type GetStream, readEvents } from './event-stream';

/** Names a resource that there is nothing more to say about. */
export interface Reference {
  kind: string;
  id: string;
  href: string;
}

/**
 * What a watch yields.
 * - `updated`: the resource matches, and is new or has changed. This is its latest state: states in between may be left
 *   out, and a state may come twice.
 * - `left`: it no longer matches the search. After a start anew, it may also have been removed.
 * - `removed`: it is gone.
 * - `synced`: everything up to here has been yielded. Comes after the first state, after each batch of changes and
 *   every 30 s without one.
 */
export type WatchEvent<Item> =
  | { type: 'updated'; resource: Item }
  | ({ type: 'left' | 'removed' } & Reference)
  | { type: 'synced' };

export interface WatchSelection {
  /** Follow only matches of this expression, as in the parameter `search`. */
  search?: string;
  /** Ends the watch: it throws the reason of the signal. */
  signal?: AbortSignal;
  /**
   * Called when the connection is lost or refused, before the pause that precedes the next attempt.
   * @param reason absent when the service has ended the stream, as it does every now and then
   */
  onReconnect?: (reason?: Error) => void;
}

const LONGEST_PAUSE_MS = 30_000;

/**
 * Follows a list without end: first everything that matches, then changes. Resumes after a disconnect, and starts anew
 * when the service no longer knows what has changed since.
 * @throws ApiError when the service refuses the watch, another error when there is no request or no stream of events:
 * the next attempt would end like this one
 */
export async function* watch(
  get: GetStream,
  path: string,
  { search, signal, onReconnect, path: parameters }: WatchSelection & { path?: object },
): AsyncGenerator<WatchEvent<unknown>, void, undefined> {
  const told = new Told();
  let cursor: string | undefined;
  /** Until the service says how long to wait, in milliseconds. */
  let pause = 1000 + 4000 * Math.random();
  let failures = 0;
  let accepted = false;

  for (;;) {
    const fresh = cursor === undefined;
    if (fresh) told.startAnew();
    let reason: Error | undefined;
    try {
      const params = { path: parameters, query: { watch: true, search, since: cursor } };
      const onRetry = (milliseconds: number) => (pause = milliseconds);
      for await (const { event, data, id } of readEvents(get, path, { params, signal, onRetry })) {
        if (event === 'updated') {
          const resource = JSON.parse(data) as Reference;
          told.add(resource);
          yield { type: event, resource };
        } else if (event === 'left' || event === 'removed') {
          const { kind, id, href } = JSON.parse(data) as Reference;
          if (told.remove(id)) yield { type: event, kind, id, href };
        } else if (event === 'synced') {
          // Without a search, only what is removed leaves a list.
          const type = search?.trim() ? 'left' : 'removed';
          for (const reference of told.takeMissing()) yield { type, ...reference };
          cursor = id;
          failures = 0;
          accepted = true;
          yield { type: event };
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ConnectionLost) {
        reason = error.cause as Error;
      } else if (error instanceof ApiError) {
        reason = error;
        const { status } = error;
        if (status === 410 && cursor !== undefined) {
          cursor = undefined;
        } else if (status === 401 && accepted) {
          // The token may just have expired. The next attempt has a new one.
          accepted = false;
        } else if (!isTemporary(status)) {
          throw error;
        }
      } else {
        throw error;
      }
    }
    onReconnect?.(reason);
    await sleep(pauseAfter(failures++, pause, reason), signal);
  }
}

/** What the consumer knows of, to tell it after a start anew what is gone. */
class Told {
  private readonly known = new Map<string, Reference>();
  /** What is known, but has not been seen since the start. */
  private missing = new Set<string>();

  startAnew(): void {
    this.missing = new Set(this.known.keys());
  }

  add({ kind, id, href }: Reference): void {
    this.known.set(id, { kind, id, href });
    this.missing.delete(id);
  }

  /** @returns whether it was known */
  remove(id: string): boolean {
    this.missing.delete(id);
    return this.known.delete(id);
  }

  *takeMissing(): Generator<Reference, void, undefined> {
    for (const id of this.missing) {
      const reference = this.known.get(id)!;
      this.remove(id);
      yield reference;
    }
  }
}

function isTemporary(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Longer after each failure, and at random, so that not all clients come back at once. */
function pauseAfter(failures: number, pause: number, reason?: Error): number {
  const longer = Math.min(pause * 2 ** failures, LONGEST_PAUSE_MS);
  const asked = reason instanceof ApiError ? (reason.retryAfter ?? 0) * 1000 : 0;
  return Math.max(pause, longer, asked) * (1 + Math.random() / 2);
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve();
    };
    const timer = setTimeout(end, signal?.aborted ? 0 : milliseconds);
    signal?.addEventListener('abort', end);
  });
}
