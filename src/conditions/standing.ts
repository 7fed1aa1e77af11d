import type { AdapterCondition, AdapterStatus } from './types';

/** An `Available` condition that is True or False: a report with one is usable. */
export type Availability = AdapterCondition & { status: 'True' | 'False' };

/** The standing of one adapter: its stored report, reduced to what the rules use. */
export interface Standing {
  adapter: string;
  /** The stored report, unless it is ahead of the resource: then it does not count. */
  report: AdapterStatus | undefined;
  /** Set when the report is usable: generation ≤ G and `Available` True or False. */
  available: Availability | undefined;
  /** The report is at exactly G. */
  current: boolean;
  /** `Finalized=True` at G. */
  finalized: boolean;
  /** `Health=False` at G, whatever `Available` says. */
  unhealthy: boolean;
}

export function standingOf(
  adapter: string,
  stored: AdapterStatus | undefined,
  generation: number,
): Standing {
  const report =
    stored !== undefined && stored.observed_generation <= generation ? stored : undefined;
  const current = report?.observed_generation === generation;
  return {
    adapter,
    report,
    available: report && availabilityOf(report),
    current,
    finalized: current && hasCondition(report, 'Finalized', 'True'),
    unhealthy: current && hasCondition(report, 'Health', 'False'),
  };
}

/** The `Available` of a report that is True or False; `undefined` when it counts as not reported. */
function availabilityOf(report: AdapterStatus): Availability | undefined {
  const available = report.conditions.find((condition) => condition.type === 'Available');
  return available !== undefined && isConclusive(available) ? available : undefined;
}

export function hasCondition(
  report: { conditions: readonly { type: string; status: string }[] },
  type: string,
  status: AdapterCondition['status'],
): boolean {
  return report.conditions.some((it) => it.type === type && it.status === status);
}

function isConclusive(condition: AdapterCondition): condition is Availability {
  return condition.status === 'True' || condition.status === 'False';
}

export function generationOf(standing: Standing | undefined): number {
  return standing?.report?.observed_generation ?? 0;
}

export function isFalse(standing: Standing): boolean {
  return standing.available?.status === 'False';
}

export function earliestReport(standings: readonly Standing[]): string | undefined {
  return earliest(standings.flatMap(({ report }) => report?.last_report_time ?? []));
}

export function earliest(times: readonly string[]): string | undefined {
  return times.reduce<string | undefined>(
    (lowest, time) => (lowest === undefined || time < lowest ? time : lowest),
    undefined,
  );
}

/** `[a, b]`, sorted, as the messages show adapters. */
export function names(standings: readonly Standing[]): string {
  return `[${standings
    .map((it) => it.adapter)
    .sort()
    .join(', ')}]`;
}
