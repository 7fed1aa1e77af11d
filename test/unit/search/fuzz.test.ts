import fc from 'fast-check';
import { REPORT_LISTING, resourceListing } from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { planSearch } from '../../../src/search/plan';
import { SearchError } from '../../../src/search/search-error';
import { CLUSTER, NODE_POOL } from '../../support/kinds';
import { EVERY_KIND } from '../../support/search-kinds';
import { phraseOfBytes, phraseOfTokens } from '../../support/search-phrases';

/**
 * Processor time, because a busy machine must not fail the test. Compiling and collecting count too, so
 * the best of a few runs is what the phrase itself costs.
 */
function milliseconds(work: () => void): number {
  let best = Infinity;
  for (let run = 0; run < 5 && best >= 50; run++) {
    const start = process.cpuUsage();
    work();
    best = Math.min(best, process.cpuUsage(start).user / 1000);
  }
  return best;
}

const LISTINGS = [
  resourceListing([CLUSTER]),
  resourceListing([NODE_POOL]),
  resourceListing(EVERY_KIND),
  REPORT_LISTING,
];

function plan(phrase: string): void {
  for (const listing of LISTINGS) {
    try {
      planSearch(parseSearch(phrase), { listing, order: [] });
    } catch (error) {
      if (!(error instanceof SearchError)) throw error;
      const { position, message } = error;
      if (position < 1 || position > Array.from(phrase).length + 1) {
        throw new Error(`no such character: ${message}`, { cause: error });
      }
    }
  }
}

describe('whatever the phrase', () => {
  test.each([
    ['of tokens', phraseOfTokens],
    ['of bytes', phraseOfBytes],
  ])('%s, it is accepted or refused, within 50 ms', (_title, phrases) => {
    fc.assert(
      fc.property(phrases, (phrase) => {
        expect(milliseconds(() => plan(phrase))).toBeLessThan(50);
      }),
      { numRuns: 3000 },
    );
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
    for (const phrase of [
      filled(unit),
      `name='${filled(unit).slice(0, LENGTH - 100)}`,
      `name in (${filled(unit)}`,
    ]) {
      expect(milliseconds(() => plan(phrase))).toBeLessThan(50);
    }
    expect(milliseconds(() => plan(`${filled(unit).slice(0, LENGTH - 20)}name=1`))).toBeLessThan(
      50,
    );
  });
});
