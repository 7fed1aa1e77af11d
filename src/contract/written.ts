import { LRUCache } from 'lru-cache';
import { type ResourceRow, toResource } from '../repositories/rows';
import type { Service } from './handler';

/** A resource at one version, or its reports, written out as the JSON of a response. It has passed the contract. */
export class Written {
  constructor(
    /** The id of the resource; for reports, with what was asked for. */
    readonly id: string,
    readonly version: number,
    readonly json: Buffer,
  ) {}
}

/** A resource at one version, or its reports, yet to be written out. */
export class Unwritten {
  constructor(
    readonly id: string,
    readonly version: number,
    readonly resource: object,
    /** It was read. What has just been stored has the same content, but its keys are in the order in which they came. */
    readonly wasRead: boolean,
  ) {}
}

/** A stored resource as the contract shows it. */
export function show(
  row: ResourceRow,
  { config, kinds }: Pick<Service, 'config' | 'kinds'>,
  wasRead = false,
): Unwritten {
  const resource = toResource(row, kinds, config.conditionAliases);
  return new Unwritten(row.id, row.version, resource, wasRead);
}

/** A resource in a response. */
export type Shown = Written | Unwritten;

/** What an entry takes besides its JSON and its id, in bytes. */
const OVERHEAD = 300;

/** Of what is written out while the cache is full. */
const SHARE_KEPT = 1 / 8;

/** What this process has written out most recently, each in one version. */
export class WrittenResources {
  private readonly cache: LRUCache<string, Written> | undefined;

  /** @param maxBytes all entries together; 0: nothing is kept */
  constructor(maxBytes: number) {
    if (maxBytes === 0) return;
    this.cache = new LRUCache({
      maxSize: maxBytes,
      // What reports are asked for may be as long as a URL.
      sizeCalculation: ({ id, json }) => 2 * id.length + json.length + OVERHEAD,
    });
  }

  get enabled(): boolean {
    return this.cache !== undefined;
  }

  has(id: string): boolean {
    return this.cache?.has(id) === true;
  }

  /** The resource, if it is held in this version. */
  find(id: string, version: number): Written | undefined {
    const held = this.cache?.get(id);
    return held?.version === version ? held : undefined;
  }

  /**
   * Whether it is to be kept once it is written out. Of what would push something else out, only a share is: a poll over
   * more than fits would otherwise push out its own beginning and never find anything.
   */
  takes({ id, wasRead }: Unwritten): boolean {
    const { cache } = this;
    if (cache === undefined || !wasRead) return false;
    const { size, calculatedSize, maxSize } = cache;
    // Another one, of average size, does not fit.
    const isFull = calculatedSize + calculatedSize / size > maxSize;
    return !isFull || cache.has(id) || Math.random() < SHARE_KEPT;
  }

  keep(written: Written): void {
    this.cache?.set(written.id, written);
  }

  /** For when the same version may mean something else: another database has taken the place of the one before. */
  clear(): void {
    this.cache?.clear();
  }
}
