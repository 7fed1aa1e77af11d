import { setTimeout as sleep } from 'node:timers/promises';
import { type StreamEvent, WatchStream } from './watch-stream';

/** A list that somebody watches. */
export interface WatchedList {
  name: string;
  path: string;
  query: Record<string, string>;
}

interface Shown {
  id: string;
  generation: number;
  owner_references?: { id: string };
  status: { conditions: { type: string; last_updated_time: string }[] };
}

/** What a test knows of its service. */
export interface Surroundings {
  /** Where a process listens now. */
  serviceUrl: () => string;
  random: () => number;
  /** Grows with every restart of the database. */
  epoch: () => number;
}

/** How long a stream lives, in ms. */
const LIFETIME = [50, 2500] as const;
/** Lines of its story that a consumer keeps. */
const MAX_STORY = 20_000;

/**
 * A client that keeps a list by watching it, and does only what clients are told to do: what is updated is put, what has
 * left or was removed is taken away; after a start from nothing, what did not come before the first `synced` is dropped.
 */
export class Consumer {
  /** Resources by id, as they were sent. */
  readonly items = new Map<string, string>();
  /** What must not be, whoever the writers are. */
  readonly faults: string[] = [];
  readonly left = new Set<string>();
  readonly removed = new Set<string>();
  readonly counts = { updated: 0, left: 0, removed: 0, synced: 0 };
  readonly starts = { fresh: 0, resumed: 0, gone: 0 };
  private cursor: { id: string; epoch: number } | undefined;
  /** What has come since a start from nothing. */
  private seen: Set<string> | undefined;
  private stream: WatchStream | undefined;
  private versions = new Map<string, Map<string, string | number>>();
  private steady = false;
  private stopped = false;
  private story: string[] = [];
  private running: Promise<void> | undefined;

  constructor(
    readonly list: WatchedList,
    private readonly around: Surroundings,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** From now on streams stay open, or do not. */
  settle(steady: boolean): void {
    this.steady = steady;
    // Let the current one end as if its time had come.
    if (!steady) this.stream?.close();
  }

  /** A stream is open, and has been in step at least once. */
  get inStep(): boolean {
    return this.stream?.closed === false && this.seen === undefined;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.stream?.close();
    await this.running;
  }

  /** What has happened, as far as it concerns a resource. */
  storyOf(id: string): string[] {
    return this.story.filter((line) => line.includes(id) || !line.includes('"id"')).slice(-100);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const { cursor } = this;
      const stream = await this.open(cursor?.id).catch(() => undefined);
      if (stream === undefined) {
        await sleep(20);
        continue;
      }
      const { status } = stream;
      this.note(`${status} ${stream.headers.date!} since ${cursor?.id ?? 'never'}`);
      if (status !== 200) {
        await stream.ended;
        await this.refused(status, cursor);
        continue;
      }
      if (cursor !== undefined && cursor.epoch !== this.around.epoch()) {
        this.fault('a cursor of before the restart of the database was taken');
      }
      this.starts[cursor === undefined ? 'fresh' : 'resumed']++;
      await this.live(stream);
    }
  }

  private open(since: string | undefined): Promise<WatchStream> {
    const { serviceUrl, random } = this.around;
    this.versions = new Map();
    this.seen = since === undefined ? new Set() : undefined;
    const inHeader = random() < 0.5;
    const { path, query } = this.list;
    return WatchStream.open(
      { url: serviceUrl() },
      {
        path,
        query: { ...query, ...(since !== undefined && !inHeader && { since }) },
        headers: since !== undefined && inHeader ? { 'Last-Event-ID': since } : {},
        onEvent: (event) => this.take(event),
      },
    );
  }

  private async refused(status: number, cursor: Consumer['cursor']): Promise<void> {
    if (status === 410) {
      this.starts.gone++;
      this.cursor = undefined;
      if (cursor === undefined || cursor.epoch === this.around.epoch()) {
        this.fault('410 for a cursor that is as good as new');
      }
    } else if (status === 503) await sleep(20);
    else this.fault(`status ${status}`);
  }

  private async live(stream: WatchStream): Promise<void> {
    this.stream = stream;
    const [least, most] = LIFETIME;
    const end = performance.now() + least + this.around.random() * (most - least);
    while (!stream.closed && !this.stopped) {
      if (!this.steady && performance.now() > end) stream.close();
      await Promise.race([stream.ended, sleep(20)]);
    }
    stream.close();
    try {
      stream.assertSound();
    } catch (error) {
      this.fault(String(error));
    }
  }

  private take({ event, data, id: cursor }: StreamEvent): void {
    this.counts[event as keyof Consumer['counts']]++;
    this.note(`${event} ${data.slice(0, 70)}`);
    if (event === 'synced') {
      if ((JSON.parse(data) as { cursor: string }).cursor !== cursor) this.fault(`synced ${data}`);
      this.cursor = { id: cursor!, epoch: this.around.epoch() };
      for (const id of this.seen === undefined ? [] : this.items.keys()) {
        if (!this.seen!.has(id)) this.items.delete(id);
      }
      this.seen = undefined;
      return;
    }
    if (cursor !== undefined) this.fault(`${event} has an id`);
    const resource = JSON.parse(data) as Shown;
    const { id } = resource;
    if (event === 'updated') {
      this.checkOrder(resource);
      this.items.set(id, data);
      this.seen?.add(id);
      return;
    }
    if (this.removed.has(id) && event === 'left') this.fault(`${id} left after it was removed`);
    this.items.delete(id);
    this[event as 'left' | 'removed'].add(id);
  }

  private checkOrder({ id, generation, status, owner_references: owner }: Shown): void {
    if (this.removed.has(id)) this.fault(`${id} was updated after it was removed`);
    const parent = /^\/clusters\/(\w+)\/nodepools$/.exec(this.list.path)?.[1];
    if (parent !== undefined && owner?.id !== parent) this.fault(`${id} is of another parent`);
    const before = this.versions.get(id);
    const now = new Map<string, string | number>([['generation', generation]]);
    const reported = status.conditions.filter(({ type }) => type.endsWith('Successful'));
    for (const { type, last_updated_time } of reported) now.set(type, last_updated_time);
    for (const [name, value] of now) {
      if (value < (before?.get(name) ?? value)) {
        this.fault(`${name} of ${id} went back from ${before!.get(name)!} to ${value}`);
      }
    }
    this.versions.set(id, now);
  }

  private note(what: string): void {
    this.story.push(`${performance.now().toFixed()} ${what}`);
    if (this.story.length > MAX_STORY) this.story = this.story.slice(MAX_STORY / 2);
  }

  private fault(what: string): void {
    if (this.faults.length < 20) this.faults.push(`${this.list.name}: ${what}`);
  }
}

/** The items of a list by id, in the bytes of its pages. */
export async function listed(url: string, { path, query }: WatchedList) {
  const items = new Map<string, string>();
  for (let page = 1; ; page++) {
    const target = new URL(`/api/hyperfleet/v1${path}`, url);
    const all = { ...query, page: String(page), pageSize: '100', orderBy: 'id' };
    target.search = new URLSearchParams(all).toString();
    const response = await fetch(target);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${target.href}: ${response.status} ${text}`);
    const found = itemsOf(text);
    for (const item of found) items.set((JSON.parse(item) as { id: string }).id, item);
    if (found.length < 100) return items;
  }
}

/** The texts of the objects in `items`. */
function itemsOf(text: string): string[] {
  const items: string[] = [];
  const start = text.indexOf('"items":[') + '"items":['.length;
  let depth = 0;
  let begin = start;
  for (const { 0: token, index } of text.slice(start).matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === ']' && depth === 0) break;
    if (token === '{' || token === '[') {
      if (depth++ === 0) begin = start + index;
    } else if ((token === '}' || token === ']') && --depth === 0) {
      items.push(text.slice(begin, start + index + 1));
    }
  }
  return items;
}
