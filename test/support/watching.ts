import type { WatchEvent } from '../../src/client';

type Event = WatchEvent<{ id?: string; name: string; generation: number }>;

/** Reads a watch as lines like `updated oslo 2`, with the names of resources that it has seen. */
export class Watching {
  private readonly names = new Map<string, string>();

  constructor(private readonly events: AsyncIterator<Event, void>) {}

  /** The lines up to one that matches, and that one. */
  async until(end: RegExp): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const { value } = await this.events.next();
      if (!value) throw new Error(`The watch ended before ${end.source}: ${lines.join(', ')}`);
      const line = this.line(value);
      lines.push(line);
      if (end.test(line)) return lines;
    }
  }

  private line(event: Event): string {
    if (event.type === 'synced') return event.type;
    if (event.type !== 'updated') return `${event.type} ${this.names.get(event.id) ?? event.id}`;
    const { id, name, generation } = event.resource;
    this.names.set(id!, name);
    return `${event.type} ${name} ${generation}`;
  }
}
