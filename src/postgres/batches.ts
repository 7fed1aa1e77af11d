import { isRefused } from './errors';

interface Waiting {
  item: unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

type Write = (items: readonly unknown[]) => Promise<readonly unknown[]>;

interface Group {
  write: Write;
  underWay: number;
  waiting: Waiting[];
  patience: NodeJS.Timeout | undefined;
}

const MAX_ITEMS = 64;
/** Size of an item in characters. Many larger items together would make a slow statement. */
const LARGE_ITEM = 16_384;
/** After this time, items no longer wait for an earlier write: it may hang. */
const PATIENCE_MS = 50;

/**
 * Batches writes: items that arrive while an earlier write of the same group is under way are written together.
 * Under load, many items share one statement, one commit and one round trip; without load, no item waits.
 */
export class Batches {
  private readonly groups = new Map<string, Group>();

  /**
   * @param length of the item in characters; a large one is written alone
   * @param write writes all items or none and returns their results in order; the same for all items of a group
   * @returns the item's result; when PostgreSQL refuses a batch, each item is written alone, so that only bad ones fail
   */
  async join<Item, Result>(
    key: string,
    item: Item,
    length: number,
    write: (items: readonly Item[]) => Promise<readonly Result[]>,
  ): Promise<Result> {
    if (length > LARGE_ITEM) return (await write([item]))[0]!;
    return new Promise<Result>((resolve, reject) => {
      let group = this.groups.get(key);
      if (group === undefined) {
        group = { write: write as Write, underWay: 0, waiting: [], patience: undefined };
        this.groups.set(key, group);
      }
      group.waiting.push({ item, resolve: resolve as Waiting['resolve'], reject });
      if (group.underWay === 0 || group.waiting.length === MAX_ITEMS) {
        void this.send(key, group);
      } else {
        group.patience ??= setTimeout(() => void this.send(key, group), PATIENCE_MS);
      }
    });
  }

  private async send(key: string, group: Group): Promise<void> {
    clearTimeout(group.patience);
    group.patience = undefined;
    const batch = group.waiting;
    group.waiting = [];
    group.underWay++;
    await this.settle(group.write, batch);
    group.underWay--;
    if (group.underWay > 0) return;
    if (group.waiting.length > 0) void this.send(key, group);
    else this.groups.delete(key);
  }

  private async settle(write: Write, batch: readonly Waiting[]): Promise<void> {
    try {
      const results = await write(batch.map(({ item }) => item));
      batch.forEach(({ resolve }, index) => {
        resolve(results[index]);
      });
    } catch (error) {
      if (batch.length > 1 && isRefused(error)) {
        await Promise.all(batch.map((one) => this.settle(write, [one])));
      } else {
        for (const { reject } of batch) reject(error);
      }
    }
  }
}
