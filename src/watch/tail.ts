import { type Changes, findChanges, type Removed } from '../changes/changes';
import type { Position } from '../changes/snapshot';
import { type Membership, MembershipReader, type WatchedList } from '../changes/membership';
import type { Service } from '../contract/handler';
import { isUnreachable } from '../postgres/errors';
import { reasonsOf } from '../telemetry/log';
import type { EventWriter } from './events';
import { Horizon } from './horizon';
import type { Lane } from './lane';
import { Loop } from './loop';
import { Outbox } from './outbox';
import type { Watch } from './watch';

const TICK_MS = 100;
/** After a tick that failed. */
const RETRY_MS = 1000;
/** A stream without changes learns this often where it stands. */
const SYNC_MS = 30_000;
/** How often such streams are looked for. */
const LOOK_MS = 1000;
/** Resources that are read at once: their specs may be large. */
export const CHUNK = 100;
/** More changes than these at once are sent to each stream at the pace of its client. */
const MAX_TICK = 1000;
/** Listing again is cheaper than catching up with more. */
const MAX_CATCH_UP = 50_000;

/** Streams that show the same list. */
interface Group {
  list: WatchedList;
  watches: Set<Watch>;
}

/**
 * Follows the changes in the database for all streams of the process. Ticks and what single streams read take turns, so
 * that nothing comes between what a stream was sent last and the next tick.
 */
export class Tail {
  private readonly groups = new Map<string, Group>();
  /** The streams of all groups have been sent everything up to here. */
  private position: Position | undefined;
  /** For the lists of all groups, in their order; undefined when these have changed. */
  private reader: MembershipReader | undefined;
  private readonly loop = new Loop(() => this.tick());
  private readonly horizon = new Horizon();
  private failing = false;
  /** When it was looked for streams that are due, in ms since the epoch. */
  private lookedAt = 0;

  constructor(
    private readonly service: Pick<Service, 'db' | 'log' | 'metrics'>,
    private readonly writer: EventWriter,
    private readonly lane: Lane,
  ) {
    service.metrics.addHorizonGauge(() => (this.groups.size === 0 ? 0 : this.horizon.age()));
  }

  changesOf({ kinds }: WatchedList, since: Position) {
    return findChanges(this.service.db, kinds, since, MAX_CATCH_UP);
  }

  /**
   * Sends a stream what has changed since a position, and from then on whatever changes.
   * @param found the changes, if they have been looked for already
   */
  async follow(watch: Watch, from: Position, found?: Changes): Promise<void> {
    let since = from;
    let changes = found ?? (await this.loop.run(() => this.tryToJoin(watch, since)));
    while (changes !== undefined) {
      const { changed, removed, position } = changes;
      const groups = [alone(watch)];
      const outbox = new Outbox();
      for (let start = 0; start < changed.length; start += CHUNK) {
        const ids = changed.slice(start, start + CHUNK);
        await this.lane.run(() => this.collect(outbox, ids, since, groups, watch.reader));
        outbox.send();
        await watch.drained();
        if (watch.ended) return;
      }
      this.collectRemoved(outbox, removed, groups);
      outbox.addSynced([watch], position);
      outbox.send();
      since = position;
      changes = await this.loop.run(() => this.tryToJoin(watch, since));
    }
  }

  /** The stream is followed no longer. */
  leave(watch: Watch): void {
    const group = this.groups.get(watch.list.key);
    if (group?.watches.delete(watch) !== true || group.watches.size > 0) return;
    this.groups.delete(watch.list.key);
    this.reader = undefined;
    if (this.groups.size === 0) this.loop.stop();
  }

  /** @returns changes that are too many to be sent in one turn; undefined when the stream is followed, or has ended */
  private async tryToJoin(watch: Watch, since: Position): Promise<Changes | undefined> {
    const changes = await this.changesOf(watch.list, since);
    if (typeof changes === 'string' || changes.tooMany) {
      watch.end();
      return undefined;
    }
    const { changed, removed, position } = changes;
    if (changed.length > CHUNK) return changes;
    const groups = [alone(watch)];
    const outbox = new Outbox();
    await this.collect(outbox, changed, since, groups, watch.reader);
    this.collectRemoved(outbox, removed, groups);
    outbox.addSynced([watch], position);
    outbox.send();
    if (!watch.ended) this.join(watch, position);
    return undefined;
  }

  private join(watch: Watch, position: Position): void {
    const { list } = watch;
    const group = this.groups.get(list.key);
    if (group !== undefined) {
      group.watches.add(watch);
      return;
    }
    // The others stand at an earlier position. From there on, this stream may be sent something twice.
    if (this.groups.size === 0) this.position = position;
    this.groups.set(list.key, { list, watches: new Set([watch]) });
    this.reader = undefined;
    this.loop.start();
  }

  private async tick(): Promise<number> {
    try {
      await this.advance(this.position!);
      this.failing = false;
      return TICK_MS;
    } catch (error) {
      if (!this.failing) this.warn('reading changes failed; watches are paused', error);
      this.failing = true;
      return RETRY_MS;
    }
  }

  /** Lets each stream read for itself what comes next. */
  private scatter(): void {
    const since = this.position!;
    for (const watch of watchesOf(this.groups.values())) {
      this.leave(watch);
      this.follow(watch, since).catch((error: unknown) => this.abandon(watch, error));
    }
  }

  private async advance(since: Position): Promise<void> {
    const began = performance.now();
    const groups = [...this.groups.values()];
    // Before anything is awaited: streams may leave at any time.
    const reader = (this.reader ??= new MembershipReader(groups.map(({ list }) => list)));
    const kinds = [...new Set(groups.flatMap(({ list }) => list.kinds))];
    const changes = await findChanges(this.service.db, kinds, since, MAX_TICK);
    if (typeof changes === 'string') {
      for (const watch of watchesOf(groups)) watch.end();
      return;
    }
    const { changed, removed, position, tooMany } = changes;
    this.horizon.see(position);
    if (tooMany) {
      this.scatter();
      return;
    }
    const outbox = new Outbox();
    try {
      for (let start = 0; start < changed.length; start += CHUNK) {
        // The last ones are sent together with what follows.
        outbox.send();
        await this.collect(outbox, changed.slice(start, start + CHUNK), since, groups, reader);
      }
    } catch (error) {
      if (isUnreachable(error)) throw error;
      // One search that fails or is slow must not hold up the others: each stream goes on alone, or ends.
      this.warn('reading changes for all watches failed; each reads its own', error);
      this.scatter();
      return;
    }
    this.collectRemoved(outbox, removed, groups);
    this.position = position;
    const found = outbox.told.size > 0;
    outbox.addSynced(new Set([...outbox.told, ...this.due(groups)]), position);
    outbox.send();
    if (found) this.service.metrics.observeWatchDelay((performance.now() - began) / 1000);
  }

  /** Ends a stream that cannot go on. */
  abandon(watch: Watch, error: unknown): void {
    this.warn('watch ended: its list cannot be read', error);
    watch.end();
  }

  private warn(message: string, error: unknown): void {
    this.service.log.warn(message, { error: reasonsOf(error) });
  }

  /** Streams that have not been told for long where they stand. */
  private due(groups: readonly Group[]): Watch[] {
    const now = Date.now();
    if (now - this.lookedAt < LOOK_MS) return [];
    this.lookedAt = now;
    return watchesOf(groups).filter(({ syncedAt }) => now - syncedAt! >= SYNC_MS);
  }

  private async collect(
    outbox: Outbox,
    ids: readonly string[],
    since: Position,
    groups: readonly Group[],
    reader: MembershipReader,
  ): Promise<void> {
    if (ids.length === 0) return;
    for (const { row, memberships } of await reader.read(this.service.db, ids, since.snapshot)) {
      const frameFor = this.writer.ofRow(row);
      groups.forEach(({ watches }, index) => {
        for (const watch of watches) {
          const frame = frameFor(watch, memberships[index] as Membership);
          if (frame !== undefined) outbox.add(watch, frame);
        }
      });
    }
  }

  private collectRemoved(
    outbox: Outbox,
    removed: readonly Removed[],
    groups: readonly Group[],
  ): void {
    for (const resource of removed) {
      const frame = this.writer.removed(resource);
      for (const { list, watches } of groups) {
        const { kinds, ownerId } = list;
        if (!kinds.includes(resource.kind)) continue;
        if (ownerId !== undefined && ownerId !== resource.owner_id) continue;
        for (const watch of watches) outbox.add(watch, this.writer.count('removed', frame));
      }
    }
  }
}

function alone(watch: Watch): Group {
  return { list: watch.list, watches: new Set([watch]) };
}

function watchesOf(groups: Iterable<Group>): Watch[] {
  return [...groups].flatMap(({ watches }) => [...watches]);
}
