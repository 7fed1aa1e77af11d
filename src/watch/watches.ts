import type { Response } from 'express';
import { readCursor } from '../changes/snapshot';
import {
  type Membership,
  MembershipReader,
  watchedList,
  type WatchedList,
} from '../changes/membership';
import type { Service, WatchOpener, WatchRequest } from '../contract/handler';
import { selectionOf } from '../http/write-json';
import { type Step, ListSteps } from '../lists/steps';
import type { Version } from '../lists/versions';
import { ProblemError } from '../problems/problem';
import { getVersion } from '../repositories/resources';
import { EventWriter } from './events';
import { Lane } from './lane';
import { CHUNK, Tail } from './tail';
import { Watch } from './watch';

/** Streams that read at once what comes first in them: many begin together when a replica stops. */
const READING = 2;

/** One timer for all streams: a thousand would wake the process a thousand times. */
const SILENCES_MS = 1000;

type WatchService = Omit<Service, 'watches'>;

/** The open watches of the process. */
export class Watches implements WatchOpener {
  private readonly open = new Set<Watch>();
  /** Open ones, and those that are about to be. */
  private count = 0;
  private closed = false;
  private readonly silences = setInterval(() => {
    for (const watch of this.open) watch.breakSilence();
  }, SILENCES_MS).unref();
  private readonly writer: EventWriter;
  private readonly tail: Tail;
  private readonly lane = new Lane(READING);

  constructor(private readonly service: WatchService) {
    this.writer = new EventWriter(service);
    this.tail = new Tail(service, this.writer, this.lane);
    service.metrics.addWatchGauge(() => this.count);
  }

  async begin(request: WatchRequest): Promise<(response: Response) => void> {
    const { scope, search, since } = request;
    const list = watchedList(scope, search);
    this.admit();
    try {
      const [kind] = scope.kinds;
      if (scope.ownerId !== undefined) {
        await getVersion(this.service.db, { kind: kind!.parent!, id: scope.ownerId });
      }
      const start =
        since === undefined ? await this.fromState(request) : await this.fromCursor(list, since);
      return (response) => {
        const watch = this.create(list, request, response);
        this.open.add(watch);
        watch.open(request.tokenExpiresAt);
        if (watch.ended) return;
        start(watch).catch((error: unknown) => this.tail.abandon(watch, error));
      };
    } catch (error) {
      this.count--;
      throw error;
    }
  }

  /** Ends all streams. Clients that may, come back. */
  endAll(): void {
    for (const watch of this.open) watch.end();
  }

  /** Ends all streams, and admits no others. */
  close(): void {
    this.closed = true;
    clearInterval(this.silences);
    this.endAll();
  }

  private admit(): void {
    const { maxWatches } = this.service.config;
    if (this.closed) throw unavailable('The server is stopping.');
    if (this.count >= maxWatches) throw unavailable(`${maxWatches} watches are open already.`);
    this.count++;
  }

  private create(
    list: WatchedList,
    { fields, operation }: WatchRequest,
    response: Response,
  ): Watch {
    const reader = new MembershipReader([list]);
    const selection = selectionOf(fields, operation);
    const watch: Watch = new Watch(list, reader, selection, fields, response, () => {
      this.open.delete(watch);
      this.count--;
      this.tail.leave(watch);
    });
    return watch;
  }

  private async fromCursor(list: WatchedList, cursor: string) {
    const position = readCursor(cursor);
    const found = position && (await this.lane.run(() => this.tail.changesOf(list, position)));
    if (found === 'standby') throw onStandby();
    if (found === undefined || found === 'gone') {
      throw new ProblemError(
        'GON-001',
        'The changes since this cursor are not known any more: list again.',
      );
    }
    if (found.tooMany) {
      throw new ProblemError('GON-001', 'Too much has changed since this cursor: list again.');
    }
    return (watch: Watch) => this.tail.follow(watch, position!, found);
  }

  private async fromState({ scope, search, signal }: WatchRequest) {
    const steps = new ListSteps(scope, search, CHUNK);
    const first = await this.lane.run(() => steps.read(this.service.db, '', signal));
    if (first === undefined) throw onStandby();
    return async (watch: Watch) => {
      await this.sendState(watch, steps, first);
      await this.tail.follow(watch, first.position);
    };
  }

  private async sendState(watch: Watch, steps: ListSteps, first: Step): Promise<void> {
    let { versions } = first;
    for (;;) {
      const current = versions;
      await this.lane.run(async () => watch.push(await this.framesOf(watch, current)));
      await watch.drained();
      if (versions.length < CHUNK || watch.ended) return;
      const last = versions.at(-1)!.id;
      const next = await this.lane.run(() => steps.read(this.service.db, last));
      if (next === undefined) {
        watch.end();
        return;
      }
      ({ versions } = next);
    }
  }

  /** Cached resources are not read again. What has changed since the versions were read is sent as it is now. */
  private async framesOf(watch: Watch, versions: readonly Version[]): Promise<Buffer[]> {
    const { db, written } = this.service;
    const held = versions.map(({ id, version }) => written.find(id, version));
    const missing = versions.filter((_, index) => held[index] === undefined);
    const frames = held.flatMap((item) =>
      item === undefined ? [] : [this.writer.updated(item, watch.selection)],
    );
    if (missing.length === 0) return frames;
    const ids = missing.map(({ id }) => id);
    for (const { row, memberships } of await watch.reader.read(db, ids)) {
      frames.push(this.writer.ofRow(row)(watch, memberships[0] as Membership)!);
    }
    return frames;
  }
}

function unavailable(detail: string): ProblemError {
  return new ProblemError('SVC-001', detail, { headers: { 'Retry-After': '2' } });
}

function onStandby(): ProblemError {
  return unavailable('The database is a standby, which cannot be watched.');
}
