import { type OrderTerm, resourceListing } from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { planSearch, type SearchPlan } from '../../../src/search/plan';
import { CLUSTER, NODE_POOL } from '../../support/kinds';
import { CHANNEL, EVERY_KIND } from '../../support/search-kinds';

const BOTH = resourceListing([CLUSTER, NODE_POOL]);

function plan(phrase: string, order: OrderTerm[] = [], listing = BOTH): SearchPlan {
  return planSearch(parseSearch(phrase), { listing, order });
}

test.each<[string, ...unknown[]]>([
  ["kind = 'NodePool'", '(r.kind = ?)', 'NodePool'],
  ["kind in ('NodePool', 'x')", '(r.kind = ? OR r.kind = ?)', 'NodePool', 'x'],
  ["kind != 'NodePool'", '(NOT (r.kind = ?))', 'NodePool'],
  ["kind > 'D'", '(r.kind COLLATE "C" > ?::text)', 'D'],
  ["href = '/api/hyperfleet/v1/nodepools/2x'", '(r.id = ? AND r.kind = ?)', '2x', 'NodePool'],
  ["href = '/api/hyperfleet/v1/channels/2x'", '(FALSE)'],
  [
    "href like '%x'",
    "((CASE r.kind WHEN 'Cluster' THEN '/api/hyperfleet/v1/clusters/' WHEN 'NodePool' THEN '/api/hyperfleet/v1/nodepools/' END || r.id) LIKE ?::text)",
    '%x',
  ],
  ["owner_id = '2x'", '((r.owner_id IS NOT NULL AND r.owner_id = ?))', '2x'],
  ["owner_id > '2x'", '(COALESCE(r.owner_id > ?::text, FALSE))', '2x'],
  ['owner_id is null', '(r.owner_id IS NULL)'],
  [
    'status.observed_generation = 1',
    "(greatest(s.observed_generation, CASE s.kind WHEN 'Cluster' THEN 0 WHEN 'NodePool' THEN 1 END) = ?::numeric)",
    '1',
  ],
  ["labels.a = 'x'", 'l.key = ? and l.value = ?::text and (TRUE)', 'a', 'x'],
  [
    "labels.a like 'x'",
    '(EXISTS (SELECT FROM resource_labels x WHERE x.kind = ANY(?) AND x.key = ? AND x.value LIKE ?::text AND x.resource_id = r.id))',
    ['Cluster', 'NodePool'],
    'a',
    'x',
  ],
])('%s', (phrase, ...expected) => {
  const { sql, bindings } = plan(phrase);
  expect([sql, ...bindings]).toEqual(expected);
});

test.each([
  ['', true],
  ['name in ()', true],
  // Their indexes begin with the kind.
  ["status.conditions.Ready = 'True'", false],
  ["labels.a = 'x'", false],
])('an index returns the matches of %s in order: %s', (phrase, ordered) => {
  expect(plan(phrase).ordered).toBe(ordered);
});

test.each([
  ["id = '2x'", true],
  ["href = '/api/hyperfleet/v1/nodepools/2x'", true],
  ["name = 'x'", false],
  ["kind = 'Cluster'", false],
])('%s finds one resource: %s', (phrase, unique) => {
  expect(plan(phrase).unique).toBe(unique);
});

test('kind and href are read from the row, so its table is', () => {
  for (const field of ['kind', 'href']) {
    const ready = plan("status.conditions.Ready = 'True'", [{ field, direction: 'asc' }]);
    expect(ready.tables).toEqual(['r', 's']);
    expect(ready.conditionTables).toEqual(['s']);
  }
});

test('kinds that are alike need no CASE, and have no owner without a parent', () => {
  const listing = resourceListing([CLUSTER, CHANNEL]);
  expect(plan('status.observed_generation = 1', [], listing).sql).toBe(
    '(greatest(s.observed_generation, 0) = ?::numeric)',
  );
  expect(listing.fields.has('owner_id')).toBe(false);
});

test('a listing is made once', () => {
  expect(resourceListing([...EVERY_KIND])).toBe(resourceListing(EVERY_KIND));
  expect(resourceListing([CLUSTER])).not.toBe(BOTH);
});
