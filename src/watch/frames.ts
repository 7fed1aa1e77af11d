import type { Removed } from '../changes/changes';
import { type Position, toCursor } from '../changes/snapshot';

/** Events of a stream in the format of the HTML standard, and what is written between them. */

export type EventName = 'updated' | 'left' | 'removed' | 'synced';

export function eventFrame(event: EventName, ...data: readonly (Buffer | string)[]): Buffer {
  const parts = [`event: ${event}\ndata: `, ...data, '\n\n'];
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** Says that a resource is not, or no longer, in the list. */
export function nameFrame(
  event: 'left' | 'removed',
  { kind, id }: Pick<Removed, 'kind' | 'id'>,
  href: string,
): Buffer {
  return eventFrame(event, JSON.stringify({ kind, id, href }));
}

/** Only this event has an id: a client resumes after the last one. */
export function syncedFrame(position: Position): Buffer {
  const cursor = toCursor(position);
  return Buffer.from(`id: ${cursor}\nevent: synced\ndata: ${JSON.stringify({ cursor })}\n\n`);
}

/** Shows both sides that the connection is alive. */
export const COMMENT = Buffer.from(':\n\n');

/** How long a browser waits before it connects again. */
export function retryFrame(ms: number): Buffer {
  return Buffer.from(`retry: ${ms}\n\n`);
}
