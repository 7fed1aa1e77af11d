import type { Removed } from '../changes/changes';
import type { Membership } from '../changes/membership';
import type { Service } from '../contract/handler';
import { type Shown, show } from '../contract/written';
import { itemPieces } from '../http/write-json';
import { hrefOf } from '../kinds/kind';
import type { ResourceRow } from '../repositories/rows';
import type { EventCounts } from '../telemetry/metrics';
import { eventFrame, nameFrame } from './frames';
import { ResourceSchemas } from './resource-schemas';
import type { Watch } from './watch';

type WriterService = Pick<Service, 'config' | 'contract' | 'kinds' | 'metrics' | 'written'>;

/** Writes the events about resources, and counts those that are sent. */
export class EventWriter {
  private readonly counts: EventCounts = { updated: 0, left: 0, removed: 0 };
  private readonly schemas: ResourceSchemas;

  constructor(private readonly service: WriterService) {
    this.schemas = new ResourceSchemas(service.contract.document);
    service.metrics.addWatchEventCounter(this.counts);
  }

  /** The events about a resource that was read; each is written once, however many streams send it. */
  ofRow(row: ResourceRow): (watch: Watch, membership: Membership) => Buffer | undefined {
    const updated = new Map<string | undefined, Buffer>();
    let shown: Shown | undefined;
    let left: Buffer | undefined;
    return ({ fields, selection }, membership) => {
      if (membership === '-') return undefined;
      if (membership === 'o') return this.count('left', (left ??= this.name('left', row)));
      const written = updated.get(fields);
      if (written !== undefined) return this.count('updated', written);
      shown ??= this.valid(row);
      const frame = this.updated(shown, selection);
      updated.set(fields, frame);
      return frame;
    };
  }

  updated(item: Shown, selection: Watch['selection']): Buffer {
    const frame = eventFrame('updated', ...itemPieces(item, selection, this.service.written));
    return this.count('updated', frame);
  }

  removed(resource: Removed): Buffer {
    return this.name('removed', resource);
  }

  /** Counts an event that is sent. */
  count(event: keyof EventCounts, frame: Buffer): Buffer {
    this.counts[event]++;
    return frame;
  }

  /** @throws Error for a resource that the contract does not allow */
  private valid(row: ResourceRow): Shown {
    const item = show(row, this.service, true);
    this.schemas.assertValid(row.kind, item.resource);
    return item;
  }

  private name(event: 'left' | 'removed', resource: Pick<Removed, 'kind' | 'id'>): Buffer {
    return nameFrame(event, resource, hrefOf(this.service.kinds.get(resource.kind)!, resource.id));
  }
}
