import { earliestReport, names } from './standing';
import type { Standing } from './standing';
import type { AggregateInput, Outcome } from './types';

/** B0. No required adapter has reported anything that counts, or none is required. */
export function awaiting({ required, ref }: AggregateInput): Outcome {
  const [reason, message] =
    required.length === 0
      ? ['NoRequiredAdapters', 'No adapters are required']
      : ['AwaitingAdapters', 'Waiting for adapters to report status'];
  return { status: 'False', reason, message, observed_generation: 0, last_updated_time: ref };
}

/**
 * B1. Ready: every adapter of R has a usable report at G with Available=True; when deleting, a
 * report at G with Finalized=True, whatever its Available, and no children are left.
 */
export function decideReady(input: AggregateInput, standings: readonly Standing[]): Outcome {
  const { generation, deleting } = input;
  // When deleting, a finalized report counts even without Available: Ready leaves B0 with it.
  const counting = standings.filter(
    (it) => it.available !== undefined || (deleting && it.finalized),
  );
  if (counting.length === 0) return awaiting(input);

  const missing = standings.filter((it) =>
    deleting ? !it.finalized : !(it.current && it.available?.status === 'True'),
  );
  return {
    ...explainReady(input, missing, counting),
    observed_generation: generation,
    // The earliest, so that one stuck adapter shows however often the others report.
    last_updated_time: earliestReport(counting.filter((it) => it.current)) ?? input.ref,
  };
}

function explainReady(
  { deleting, hasChildren }: AggregateInput,
  missing: readonly Standing[],
  counting: readonly Standing[],
): Pick<Outcome, 'status' | 'reason' | 'message'> {
  if (missing.length > 0) {
    const wanted = deleting ? 'Finalized=True' : 'Available=True';
    return {
      status: 'False',
      reason: 'MissingRequiredAdapters',
      message: `Required adapters not reporting ${wanted}: ${names(missing)}. Currently reporting: ${names(counting)}`,
    };
  }
  if (deleting && hasChildren) {
    return {
      status: 'False',
      reason: 'WaitingForChildren',
      message: 'Waiting for the removal of its children',
    };
  }
  return {
    status: 'True',
    reason: 'ResourceReady',
    message: 'All adapters report ready at current generation',
  };
}
