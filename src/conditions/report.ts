import { conditionTypeOf } from '../kinds/adapter-names';
import { hasCondition } from './standing';
import { parseTime } from './time';
import type { AdapterCondition, AdapterStatus } from './types';

/** A report as received: valid by the contract, except for what `judgeReport` still checks. */
export interface Report {
  adapter: string;
  observed_generation: number;
  /** RFC 3339, as sent or already normalised; the time of receipt when the sender gave none. */
  observed_time: string;
  conditions: readonly ReportedCondition[];
  metadata?: AdapterStatus['metadata'];
  data?: AdapterStatus['data'];
}

type ReportedCondition = Pick<AdapterCondition, 'type' | 'status' | 'reason' | 'message'>;

export interface ReportContext {
  /** The resource's generation. */
  generation: number;
  /** The resource is marked for deletion. */
  deleting: boolean;
  /** Every report stored for the resource. */
  stored: readonly AdapterStatus[];
  /** Names of the adapters required for its kind. */
  required: readonly string[];
  receivedAt: string;
}

export type DiscardReason = 'stale_generation' | 'stale_time' | 'available_unknown';

export interface FieldError {
  field: string;
  message: string;
  constraint?: string;
  value?: string;
}

export type Verdict =
  | { outcome: 'accepted'; status: AdapterStatus }
  | { outcome: 'discarded'; reason: DiscardReason }
  | { outcome: 'refused'; code: 'VAL-000' | 'CNF-002'; detail: string; errors?: FieldError[] };

const MAX_CLOCK_SKEW_MS = 5 * 60_000;
const EPOCH = '1970-01-01T00:00:00.000Z';

/**
 * Decides what happens to a report on a resource that exists. The first rule that applies decides:
 * 1. generation below 1: refused. (Whether the resource exists is checked before: an adapter that
 *    lost its cluster reports generation 0 and must learn that it is gone.)
 * 2. a condition type twice, or an adapter name whose condition type (B3) is already that of
 *    another adapter of this resource or of a required one: refused
 * 3. observed_time before 1970, more than 5 minutes ahead, or not an existing time (`:60`): refused
 * 4. generation ahead of the resource: refused as a conflict
 * 5. generation older than the stored report's: discarded
 * 6. same generation, older than the stored report: discarded; equal times are accepted, because
 *    clients report whole seconds
 * 7. Available=Unknown while a report is stored: discarded, unless the resource is marked for
 *    deletion and the report says Finalized=True
 * 8. otherwise accepted, replacing the stored report completely
 */
export function judgeReport(report: Report, context: ReportContext): Verdict {
  const { generation, deleting } = context;
  if (report.observed_generation < 1) {
    return invalid([
      {
        field: 'observed_generation',
        message: 'observed_generation must be at least 1',
        constraint: 'minimum',
        value: String(report.observed_generation),
      },
    ]);
  }

  const ambiguities = [...repeatedTypes(report), ...nameCollision(report, context)];
  if (ambiguities.length > 0) return invalid(ambiguities);

  const observed = observedTime(report, context.receivedAt);
  if (typeof observed !== 'string') return invalid([observed]);

  if (report.observed_generation > generation) {
    const detail = `observed_generation ${report.observed_generation} is ahead of the resource, which is at generation ${generation}`;
    return { outcome: 'refused', code: 'CNF-002', detail };
  }

  const stored = context.stored.find((it) => it.adapter === report.adapter);
  if (stored !== undefined) {
    if (report.observed_generation < stored.observed_generation) {
      return { outcome: 'discarded', reason: 'stale_generation' };
    }
    if (
      report.observed_generation === stored.observed_generation &&
      observed < stored.last_report_time
    ) {
      return { outcome: 'discarded', reason: 'stale_time' };
    }
    const finalized = deleting && hasCondition(report, 'Finalized', 'True');
    if (hasCondition(report, 'Available', 'Unknown') && !finalized) {
      return { outcome: 'discarded', reason: 'available_unknown' };
    }
  }
  return { outcome: 'accepted', status: statusOf(report, observed, stored) };
}

/** Rule 2: each repeated type, named once. */
function repeatedTypes({ conditions }: Report): FieldError[] {
  const occurrences = new Map<string, number>();
  return conditions.flatMap(({ type }, index) => {
    const count = (occurrences.get(type) ?? 0) + 1;
    occurrences.set(type, count);
    if (count !== 2) return [];
    return {
      field: `conditions.${index}.type`,
      message: `condition type "${type}" occurs more than once`,
      constraint: 'unique',
      value: type,
    };
  });
}

/** Rule 2: two adapters with one condition type could not be distinguished. */
function nameCollision({ adapter }: Report, { stored, required }: ReportContext): FieldError[] {
  const type = conditionTypeOf(adapter);
  const collides = (other: string) => other !== adapter && conditionTypeOf(other) === type;
  const other = required.find(collides) ?? stored.find((it) => collides(it.adapter))?.adapter;
  if (other === undefined) return [];
  return [
    {
      field: 'adapter',
      message: `adapter "${adapter}" would share the condition type ${type} with adapter "${other}"`,
      constraint: 'unique',
      value: adapter,
    },
  ];
}

/** Rule 3: the time as `parseTime` returns it, or what is wrong with it. */
function observedTime({ observed_time: text }: Report, receivedAt: string): string | FieldError {
  const wrong = (message: string, constraint: string): FieldError => ({
    field: 'observed_time',
    message: `observed_time ${message}`,
    constraint,
    value: text,
  });
  const observed = parseTime(text);
  if (observed === undefined)
    return wrong('must be an existing time, without leap second', 'format');
  if (observed < EPOCH) return wrong('must not be before 1970', 'minimum');
  if (Date.parse(observed) - Date.parse(receivedAt) > MAX_CLOCK_SKEW_MS) {
    return wrong('must not be more than 5 minutes ahead of the server', 'maximum');
  }
  return observed;
}

/** Built property by property, so that nothing unknown is stored. */
function statusOf(
  report: Report,
  observed: string,
  stored: AdapterStatus | undefined,
): AdapterStatus {
  const before = new Map(stored?.conditions.map((condition) => [condition.type, condition]));
  return {
    adapter: report.adapter,
    observed_generation: report.observed_generation,
    conditions: report.conditions.map(({ type, status, reason, message }) => {
      const known = before.get(type);
      return {
        type,
        status,
        ...(reason !== undefined && { reason }),
        ...(message !== undefined && { message }),
        last_transition_time: known?.status === status ? known.last_transition_time : observed,
      };
    }),
    ...(report.metadata !== undefined && { metadata: report.metadata }),
    data: report.data ?? {},
    created_time: stored?.created_time ?? observed,
    last_report_time: observed,
  };
}

function invalid(errors: FieldError[]): Verdict {
  const detail = errors.map((error) => error.message).join('; ');
  return { outcome: 'refused', code: 'VAL-000', detail, errors };
}
