import fc from 'fast-check';
import {
  type Listing,
  type OrderTerm,
  REPORT_LISTING,
  resourceListing,
} from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { planSearch, type SearchScope, type SearchPlan } from '../../../src/search/plan';
import { SearchError } from '../../../src/search/search-error';
import { CLUSTER, NODE_POOL } from '../../support/kinds';
import { EVERY_KIND } from '../../support/search-kinds';
import { phraseOfTokens } from '../../support/search-phrases';

const CLUSTERS = resourceListing([CLUSTER]);
const EVERYTHING = resourceListing(EVERY_KIND);
const LISTINGS: readonly Listing[] = [
  CLUSTERS,
  resourceListing([NODE_POOL]),
  EVERYTHING,
  REPORT_LISTING,
];

function plan(phrase: string, scope: SearchScope): SearchPlan | undefined {
  try {
    return planSearch(parseSearch(phrase), scope);
  } catch (error) {
    if (error instanceof SearchError) return undefined;
    throw error;
  }
}

/** A list, but for its search and its page. */
const scopes: fc.Arbitrary<SearchScope> = fc.constantFrom(...LISTINGS).chain((listing) =>
  fc.record({
    listing: fc.constant(listing),
    parentId: fc.constantFrom(undefined, '2c'),
    order: fc.constantFrom<OrderTerm[]>(
      [],
      ...Array.from(listing.sortable.keys(), (field): OrderTerm[] => [{ field, direction: 'asc' }]),
    ),
  }),
);

test('plans of a list with the same SQL differ in their bindings only', () => {
  const known = new Map<string, Omit<SearchPlan, 'bindings'>>();
  let met = 0;
  fc.assert(
    fc.property(phraseOfTokens, scopes, (phrase, scope) => {
      const planned = plan(phrase, scope);
      fc.pre(planned !== undefined);
      const { bindings, ...rest } = planned;
      expect(rest.sql.match(/(?<!\\)\?/g) ?? []).toHaveLength(bindings.length);
      const ofParent = scope.parentId !== undefined;
      const key = JSON.stringify([scope.listing.kinds, ofParent, scope.order, rest.sql]);
      const before = known.get(key);
      if (before !== undefined) met++;
      expect(rest).toEqual(before ?? rest);
      known.set(key, rest);
    }),
    { numRuns: 1000 },
  );
  expect(met).toBeGreaterThan(100);
});

test.each([
  ["name = 'a'", "name = 'b'", true],
  ["name = 'a'", 'name = 1', true],
  ["name = 'a'", "name in ('a', 'b')", false],
  ["name in ('a', 'b')", "name in ('a', 'b', 'c')", true],
  ["name = 'a'", "name != 'a'", false],
  ["name = 'a'", "id = 'a'", false],
  ["labels.a = 'x'", "labels.b = 'y'", true],
  ["labels.a = 'x'", "labels.a in ('x', 'y')", false],
  ['spec.a = 1', "spec.b.c = 'x'", true],
  ['spec.a = 1', 'spec.a > 1', false],
  ["status.conditions.Ready = 'True'", "status.conditions.Ready = 'False'", false],
  ["status.conditions.Other = 'True'", "status.conditions.More = 'False'", true],
  ["references.wif_config = 'x'", "references.replaces = 'y'", true],
  ["references.wif_config = 'x'", "references.wif_config in ('x', 'y')", false],
  ["kind = 'Cluster'", "kind = 'Ghost'", true],
  ["href = '/api/hyperfleet/v1/clusters/x'", "href = '/api/hyperfleet/v1/versions/y'", true],
])('%s and %s have the same SQL: %s', (one, other, same) => {
  const scope = { listing: EVERYTHING, order: [] };
  const [left, right] = [one, other].map((phrase) => plan(phrase, scope)!.sql);
  expect(left === right).toBe(same);
});
