import { awaiting } from './ready';
import { earliestReport, generationOf, isFalse, names } from './standing';
import type { Standing } from './standing';
import type { AggregateInput, Outcome, ResourceCondition } from './types';

/**
 * B2. Available, over R's usable reports:
 * 1. an adapter of R has none: False
 * 2. all at one generation: True if all are True, else False
 * 3. mixed generations: the previous condition, unchanged, if it is True and no report is False at
 *    the generation it observed; otherwise False. So a rollout alone never looks like an outage.
 */
export function decideAvailable(
  input: AggregateInput,
  standings: readonly Standing[],
  previous: ResourceCondition | undefined,
): Outcome {
  const usable = standings.filter((it) => it.available !== undefined);
  if (usable.length === 0) return awaiting(input);
  if (usable.length < standings.length) return notAvailable(input, standings, usable, previous);

  const first = generationOf(usable[0]);
  const mixed = usable.some((it) => generationOf(it) !== first);
  if (mixed && previous?.status === 'True') {
    const tracked = previous.observed_generation;
    const failing = usable.some((it) => isFalse(it) && generationOf(it) === tracked);
    if (!failing) return previous;
  }
  return mixed || usable.some(isFalse)
    ? notAvailable(input, standings, usable, previous)
    : available(input, usable);
}

function available({ kind, ref }: AggregateInput, usable: readonly Standing[]): Outcome {
  return {
    status: 'True',
    reason: 'ResourceAvailable',
    message: `${kind} is accessible`,
    observed_generation: generationOf(usable[0]),
    last_updated_time: earliestReport(usable) ?? ref,
  };
}

/** False by B2: at the highest reported generation, and dated by its reports only if one is False. */
function notAvailable(
  { ref }: AggregateInput,
  standings: readonly Standing[],
  usable: readonly Standing[],
  previous: ResourceCondition | undefined,
): Outcome {
  const highest = Math.max(...usable.map(generationOf));
  const newest = usable.filter((it) => generationOf(it) === highest);
  const updated = newest.some(isFalse) ? earliestReport(newest) : previous?.last_updated_time;
  return {
    status: 'False',
    ...explainNotAvailable(standings, usable),
    observed_generation: highest,
    last_updated_time: updated ?? ref,
  };
}

function explainNotAvailable(
  standings: readonly Standing[],
  usable: readonly Standing[],
): { reason: string; message: string } {
  const missing = standings.filter((it) => it.available === undefined);
  if (missing.length > 0) {
    return {
      reason: 'MissingRequiredAdapters',
      message: `Required adapters not reporting Available: ${names(missing)}. Currently reporting: ${names(usable)}`,
    };
  }
  const failing = usable.filter(isFalse);
  if (failing.length > 0) {
    return {
      reason: 'AdapterReportedNotAvailable',
      message: `Required adapters reporting Available=False: ${names(failing)}`,
    };
  }
  const positions = usable.map((it) => `${it.adapter} at ${generationOf(it)}`).sort();
  return {
    reason: 'AdaptersNotAtSameGeneration',
    message: `Required adapters report different generations: [${positions.join(', ')}]`,
  };
}
