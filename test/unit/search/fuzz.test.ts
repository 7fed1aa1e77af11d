import fc from 'fast-check';
import { REPORT_LISTING, resourceListing, type Listing } from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { planSearch } from '../../../src/search/plan';
import { SearchError } from '../../../src/search/search-error';
import { CLUSTER, NODE_POOL } from '../../support/kinds';
import { EVERY_KIND } from '../../support/search-kinds';
import { phraseOfBytes, phraseOfTokens } from '../../support/search-phrases';

const LISTINGS = [
  resourceListing([CLUSTER]),
  resourceListing([NODE_POOL]),
  resourceListing(EVERY_KIND),
  REPORT_LISTING,
];

const LIMIT_MS = 50;

/**
 * Processor time of what a request does with the phrase, because a busy machine must not fail the test.
 * Compiling and collecting count too, so the best of a few runs is what the phrase itself costs.
 */
function milliseconds(phrase: string, listing: Listing): number {
  let best = Infinity;
  for (let run = 0; run < 5 && best >= LIMIT_MS; run++) {
    const start = process.cpuUsage();
    tryToPlan(phrase, listing);
    best = Math.min(best, process.cpuUsage(start).user / 1000);
  }
  return best;
}

/** Returns why the phrase is refused, undefined when it is not. */
function tryToPlan(phrase: string, listing: Listing): SearchError | undefined {
  try {
    planSearch(parseSearch(phrase), { listing, order: [] });
    return undefined;
  } catch (error) {
    if (error instanceof SearchError) return error;
    throw error;
  }
}

function expectNoHarm(phrase: string): void {
  const length = Array.from(phrase).length;
  for (const listing of LISTINGS) {
    expect(milliseconds(phrase, listing)).toBeLessThan(LIMIT_MS);
    const position = tryToPlan(phrase, listing)?.position ?? 1;
    expect(position).toBeGreaterThanOrEqual(1);
    expect(position).toBeLessThanOrEqual(length + 1);
  }
}

describe('whatever the phrase', () => {
  test.each([
    ['of tokens', phraseOfTokens],
    ['of bytes', phraseOfBytes],
  ])('%s, it is accepted or refused, within 50 ms', (_title, phrases) => {
    fc.assert(fc.property(phrases, expectNoHarm), { numRuns: 3000 });
  });

  const LENGTH = 16_000;
  const filled = (unit: string): string => unit.repeat(Math.floor(LENGTH / unit.length));
  test.each([
    '(',
    ')',
    '()',
    '[',
    'not ',
    'not(',
    "'",
    '"',
    "''",
    '1',
    '-',
    '.',
    'a.',
    'spec.a.',
    'a',
    ' ',
    '1 ',
    '=',
    '~',
    '%',
    '\\',
    "'a' ",
    'name=1 or ',
    "name='x' and not ",
    'spec.a=1 or ',
    'spec.a in (',
    "labels.a='b' and ",
    '(name=1) or ',
    'not name=1 and ',
    "name in ('",
    '1e',
    '2026-01-01',
    '+1',
    '😀',
    'is not ',
    ',',
  ])('16,000 characters of %s do no harm', (unit) => {
    expectNoHarm(filled(unit));
    expectNoHarm(`name='${filled(unit).slice(0, LENGTH - 100)}`);
    expectNoHarm(`name in (${filled(unit)}`);
    expectNoHarm(`${filled(unit).slice(0, LENGTH - 20)}name=1`);
  });
});
