import http from 'node:http';
import { StringDecoder } from 'node:string_decoder';

const API_BASE = '/api/hyperfleet/v1';
const TIMEOUT_MS = 20_000;

export interface StreamEvent {
  event: string;
  /** One line of JSON, as it was sent. */
  data: string;
  id: string | undefined;
  /** When it was complete, in ms as `performance.now()` tells them. */
  at: number;
}

interface OpenOptions {
  headers?: Record<string, string>;
  /** Below the base path: `/clusters`. */
  path: string;
  /** Beside `watch=true`. */
  query?: Record<string, string> | undefined;
  /** Is told of the events instead of their being kept. */
  onEvent?: (event: StreamEvent) => void;
}

/** A response to `?watch=true`: the events of a stream, or a problem. */
export class WatchStream {
  /** All so far. */
  readonly events: StreamEvent[] = [];
  comments = 0;
  retryMs: number | undefined;
  /** Resolves when either side has ended the stream. */
  readonly ended: Promise<void>;
  closed = false;
  /** The end of the chunked response has arrived, as opposed to a connection that broke. */
  complete = false;
  private taken = 0;
  private text = '';
  private fields: Record<string, string> = {};
  private failure: Error | undefined;
  private notify: () => void = () => undefined;

  private constructor(
    private readonly response: http.IncomingMessage,
    private readonly onEvent: (event: StreamEvent) => void = (event) => this.events.push(event),
  ) {
    const decoder = new StringDecoder('utf8');
    response.on('data', (chunk: Buffer) => {
      this.read(decoder.write(chunk));
      this.notify();
    });
    response.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      response.once('close', () => {
        this.closed = true;
        this.complete = response.complete;
        this.notify();
        resolve();
      });
    });
  }

  static async open({ url }: { url: string }, options: OpenOptions): Promise<WatchStream> {
    const { path, query = {}, headers = {} } = options;
    const target = new URL(API_BASE + path, url);
    target.search = new URLSearchParams({ ...query, watch: 'true' }).toString();
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get(target, { agent: false, headers }, resolve).on('error', reject);
    });
    return new WatchStream(response, options.onEvent);
  }

  get status(): number {
    return this.response.statusCode!;
  }

  get headers(): http.IncomingHttpHeaders {
    return this.response.headers;
  }

  /** Nothing has arrived of a next event. */
  get isBetweenEvents(): boolean {
    return this.text === '' && Object.keys(this.fields).length === 0;
  }

  /** Throws what was wrong with the format so far. */
  assertSound(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** The body of a response that is not a stream. */
  async problem(): Promise<Record<string, unknown>> {
    await this.ended;
    return JSON.parse(this.text) as Record<string, unknown>;
  }

  /** The id of the last event that had one, as an `EventSource` keeps it. */
  get lastEventId(): string | undefined {
    return this.events.findLast(({ id }) => id !== undefined)?.id;
  }

  /** Takes the next event. @throws Error when the stream ends or nothing arrives in time */
  async next(timeoutMs = TIMEOUT_MS): Promise<StreamEvent> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      this.assertSound();
      const event = this.events[this.taken];
      if (event !== undefined) {
        this.taken++;
        return event;
      }
      const left = deadline - performance.now();
      if (this.closed || left <= 0) {
        const why = this.closed ? 'the stream has ended' : `nothing came for ${timeoutMs} ms`;
        throw new Error(`${why}, status ${this.status}, rest ${JSON.stringify(this.text)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Takes events up to one that fits, the last of what it returns. */
  async until(
    fits: (event: StreamEvent) => boolean,
    timeoutMs = TIMEOUT_MS,
  ): Promise<StreamEvent[]> {
    const deadline = performance.now() + timeoutMs;
    const taken: StreamEvent[] = [];
    for (;;) {
      const event = await this.next(deadline - performance.now());
      taken.push(event);
      if (fits(event)) return taken;
    }
  }

  /** Takes events up to the next `synced`, and returns those before it. */
  async untilSynced(timeoutMs = TIMEOUT_MS): Promise<StreamEvent[]> {
    return (await this.until(({ event }) => event === 'synced', timeoutMs)).slice(0, -1);
  }

  /** Stops reading, as a client that is too slow. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  /** Breaks the connection. */
  close(): void {
    this.response.destroy();
  }

  /** As the HTML standard says, of what the service may send: anything else is a fault. */
  private read(text: string): void {
    this.text += text;
    if (this.status !== 200) return;
    for (let end = this.text.indexOf('\n'); end >= 0; end = this.text.indexOf('\n')) {
      this.line(this.text.slice(0, end));
      this.text = this.text.slice(end + 1);
    }
  }

  private line(line: string): void {
    if (line === '') this.dispatch();
    else if (line === ':') this.comments++;
    else {
      const [, name, value] = /^(event|data|id|retry): ([^\r\0]+)$/.exec(line) ?? [];
      if (name === undefined || this.fields[name] !== undefined) {
        this.failure ??= new Error(`Not a line of an event here: ${JSON.stringify(line)}`);
      } else this.fields[name] = value!;
    }
  }

  private dispatch(): void {
    const { event, data, id, retry } = this.fields;
    this.fields = {};
    if (retry !== undefined) this.retryMs = Number(retry);
    if (event === undefined && data === undefined && id === undefined) return;
    if (event === undefined || data === undefined) {
      this.failure ??= new Error('An event without a name or data');
    } else this.onEvent({ event, data, id, at: performance.now() });
  }
}
