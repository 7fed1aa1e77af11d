import { type OrderTerm, REPORT_LISTING, resourceListing } from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { planSearch, type SearchScope, type SearchPlan } from '../../../src/search/plan';
import { CLUSTER, NODE_POOL } from '../../support/kinds';

const CLUSTERS: SearchScope = { listing: resourceListing([CLUSTER]), order: [] };
const NODE_POOLS: SearchScope = { listing: resourceListing([NODE_POOL]), order: [] };
const BY_NAME: OrderTerm[] = [{ field: 'name', direction: 'asc' }];

function plan(phrase: string, scope = CLUSTERS): SearchPlan {
  return planSearch(parseSearch(phrase), scope);
}

/** The condition, and what is bound to it. */
function where(phrase: string, scope = CLUSTERS): [string, ...unknown[]] {
  const { sql, bindings } = plan(phrase, scope);
  return [sql, ...bindings];
}

describe('a search becomes SQL whose values are all bindings', () => {
  test.each<[string, ...unknown[]]>([
    ["name = 'x'", '(r.name = ?::text)', 'x'],
    ["name != 'x'", '(NOT (r.name = ?::text))', 'x'],
    ["name in ('x', 'y', 'x')", '(r.name = ANY(?::text[]))', ['x', 'y']],
    ['name in ()', '(FALSE)'],
    ['name not in ()', '(TRUE)'],
    ['name is null', '(FALSE)'],
    ['deleted_by is null', '(r.deleted_by COLLATE "C" IS NULL)'],
    ["deleted_by < 'x'", '(COALESCE(r.deleted_by COLLATE "C" < ?::text, FALSE))', 'x'],
    ["name like 'a\\'", '(r.name LIKE ?::text)', 'a\\\\'],
    ["generation = '2'", '(r.generation = ?::numeric)', '2'],
    ['generation = 9007199254740993', '(r.generation = ?::numeric)', '9007199254740993'],
    [
      'generation between 1 and 2.50',
      '(r.generation >= ?::numeric AND r.generation <= ?::numeric)',
      '1',
      '2.5',
    ],
    ['created_time > 2026-01-31', '(r.created_time > ?::timestamptz)', '2026-01-31T00:00:00.000Z'],
    ["href = '/api/hyperfleet/v1/clusters/2x'", '(r.id = ?)', '2x'],
    ["href = '/api/hyperfleet/v1/nodepools/2x'", '(FALSE)'],
    ["href > 'x'", "(('/api/hyperfleet/v1/clusters/' || r.id) > ?::text)", 'x'],
    ['spec.a."b c" = 1.0', '(r.spec @> (SELECT ?::jsonb))', '{"a":{"b c":1}}'],
    ["spec.a = '1'", '(r.spec @> ANY ((SELECT ?::jsonb[])::jsonb[]))', ['{"a":"1"}', '{"a":1}']],
    ["spec.a = '01'", '(r.spec @> (SELECT ?::jsonb))', '{"a":"01"}'],
    ['spec.a = True', '(r.spec @> (SELECT ?::jsonb))', '{"a":true}'],
    [
      'spec."a\\"."\'" < 3',
      '(COALESCE(jsonb_path_exists(r.spec, ?::jsonpath, ?::jsonb, TRUE), FALSE))',
      'strict $."a\\\\"."\'" ? (@ < $value)',
      '{"value":3}',
    ],
    ['status.conditions.Ready = True', '(s.ready)'],
    ["status.conditions.Reconciled != 'True'", '(NOT s.ready)'],
    ["not status.conditions.LastKnownReconciled = 'False'", '(s.available)'],
    ["status.conditions.Ready = 'Unknown'", '(FALSE)'],
    [
      "status.conditions.DnsSuccessful = 'True'",
      '(s.conditions @> ?::jsonb)',
      '[{"type":"DnsSuccessful","status":"True"}]',
    ],
    [
      'status.conditions.Reconciled.last_updated_time < 2026-01-31',
      '(s.ready_last_updated_time < ?::timestamptz)',
      '2026-01-31T00:00:00.000Z',
    ],
    [
      "name = 'x' or (name = 'y' and (id = 'z' or not name like 'w'))",
      '(r.name = ?::text OR r.name = ?::text AND (r.id = ?::text OR NOT (r.name LIKE ?::text)))',
      'x',
      'y',
      'z',
      'w',
    ],
  ])('%s', (phrase, sql, ...bindings) => {
    expect(where(phrase)).toEqual([sql, ...bindings]);
  });

  test('hostile text stays a binding wherever it stands', () => {
    const text = "x'; DROP TABLE resources; -- ? ?? $1 \\? :a";
    const quoted = `'${text.replaceAll("'", "''")}'`;
    for (const test of [
      `name = ${quoted}`,
      `labels.${quoted} like ${quoted}`,
      `spec.${quoted} like ${quoted}`,
      `spec.${quoted} > 1`,
      `status.conditions.${quoted}.reason = ${quoted}`,
    ]) {
      const [sql, ...bindings] = where(test);
      expect(sql).not.toContain('DROP');
      expect(sql.match(/(?<!\\)\?/g)).toHaveLength(bindings.length);
    }
  });
});

describe('a plan says which tables are to be read', () => {
  test.each<[string, string, string]>([
    ['', 'r', 'r'],
    ["id = '2x' or href like '%x' or kind = 'Cluster'", 'r', 'r'],
    ["labels.a != 'x' and not labels.b like 'y'", 'r', 'r'],
    ["name = 'x'", 'r', 'r'],
    ["status.conditions.Ready = 'True' and id > '2x'", 's', 'rs'],
    ["status.phase = 'Ready' or spec.a = 1", 'rs', 'rs'],
    ["labels.a = 'x'", 'l', 'lr'],
    ["labels.a = 'x' and status.phase = 'Ready'", 'ls', 'lrs'],
  ])('%s: %s, in the order of names %s', (phrase, tables, tablesByName) => {
    expect(plan(phrase).tables.join('')).toBe(tables);
    const byName = plan(phrase, { ...CLUSTERS, order: BY_NAME });
    expect(byName.tables.join('')).toBe(tablesByName);
    expect(byName.conditionTables.join('')).toBe(tables);
  });

  test('ids are read from the first of them', () => {
    const exists = (id: string): string =>
      `EXISTS (SELECT FROM resource_labels x WHERE x.kind = ? AND x.key = ? AND x.value LIKE ?::text AND x.resource_id = ${id})`;
    const phrase = "id > '2x' and labels.a like 'y'";
    const ready = `${phrase} and status.conditions.Ready = True`;
    expect(where(phrase)[0]).toBe(`(r.id > ?::text AND ${exists('r.id')})`);
    expect(where(ready)[0]).toBe(
      `(s.resource_id > ?::text AND ${exists('s.resource_id')} AND s.ready)`,
    );
    expect(where(ready, { ...CLUSTERS, order: BY_NAME })[0]).toBe(
      `(r.id > ?::text AND ${exists('r.id')} AND s.ready)`,
    );
    expect(where(`labels.b = 'z' and ${phrase}`)[0]).toBe(
      `l.key = ? and l.value = ?::text and (l.resource_id > ?::text AND ${exists('l.resource_id')})`,
    );
  });

  test('a label that every match carries leads', () => {
    expect(where("labels.a in ('x', 'y') and labels.b = 'z' and status.phase = 'Ready'")).toEqual([
      'l.key = ? and l.value = ?::text and ' +
        '(EXISTS (SELECT FROM resource_labels x WHERE x.kind = ? AND x.key = ? AND x.value = ANY(?::text[]) AND x.resource_id = l.resource_id) ' +
        'AND s.phase COLLATE "C" = ?::text)',
      'b',
      'z',
      'Cluster',
      'a',
      ['x', 'y'],
      'Ready',
    ]);
    expect(where("labels.a = 'x'")).toEqual([
      'l.key = ? and l.value = ?::text and (TRUE)',
      'a',
      'x',
    ]);
  });

  test.each([
    "labels.a = 'x' or labels.b = 'y'",
    "labels.a != 'x'",
    "not (labels.a = 'x')",
    "labels.a like 'x'",
  ])('%s leaves no label to lead', (phrase) => {
    expect(plan(phrase).tables).toEqual(['r']);
  });

  test('values of one label are looked up together, however they are written', () => {
    expect(where("labels.a = 'x' or labels.a in ('y', 'x') or labels.a = 'z'")).toEqual([
      'l.key = ? and l.value = ANY(?::text[]) and (TRUE)',
      'a',
      ['x', 'y', 'z'],
    ]);
  });

  test('the planner is asked to join with a few labels only', () => {
    const labels = Array.from({ length: 9 }, (_, key) => `labels.k${key} = 'x'`);
    const [sql] = where(`name = 'x' or ${labels.join(' or ')}`);
    expect(sql.match(/EXISTS/g)).toHaveLength(9);
    expect(sql.match(/\) IS TRUE/g)).toHaveLength(5);
  });
});

describe('a plan says what else is known of the matches', () => {
  test.each<[string, string | undefined]>([
    ['', 'all'],
    ['kind in () or name not in ()', 'all'],
    ["status.conditions.Ready = 'True'", 'ready'],
    ["not (status.conditions.Ready != 'False')", 'not_ready'],
    ['status.conditions.LastKnownReconciled in (true)', 'available'],
    ["status.conditions.Available = 'False'", 'not_available'],
    ["status.conditions.Available in ('False', 'True')", undefined],
    ["status.conditions.Ready = 'True' and name = 'x'", undefined],
    ['name in ()', undefined],
  ])('%s is counted by the counter %s', (phrase, counter) => {
    expect(plan(phrase).counter).toBe(counter);
  });

  test('a constant search is known as one', () => {
    expect(plan('name in ()').constant).toBe(false);
    expect(plan("name in () and name = 'x'").constant).toBe(false);
    expect(plan('').constant).toBe(true);
    expect(plan("name = 'x'").constant).toBeUndefined();
  });

  test.each([
    ['', true],
    ['name in ()', true],
    ["status.conditions.Ready = 'True'", true],
    ["labels.a = 'x'", true],
    ["labels.a in ('x', 'y')", false],
    ["labels.a = 'x' and status.conditions.Ready = 'True'", false],
    ["name = 'x'", false],
  ])('an index returns the matches of %s in order: %s', (phrase, ordered) => {
    expect(plan(phrase).ordered).toBe(ordered);
  });

  test.each([
    ["id = '2x'", true, true],
    ["href = '/api/hyperfleet/v1/nodepools/2x' and generation > 1", true, true],
    ["name = 'x'", false, true],
    ["name in ('x', 'y')", false, false],
    ["not name = 'x'", false, false],
  ])('%s finds one node pool: %s, one of a cluster: %s', (phrase, anywhere, inCluster) => {
    expect(plan(phrase, NODE_POOLS).unique).toBe(anywhere);
    expect(plan(phrase, { ...NODE_POOLS, parentId: '2c' }).unique).toBe(inCluster);
  });
});

describe('the parent is part of the condition', () => {
  test('node pools of a cluster', () => {
    const scope: SearchScope = { ...NODE_POOLS, parentId: '2c' };
    expect(where("name = 'x' or name = 'y'", scope)).toEqual([
      '(r.owner_id = ? AND (r.name = ?::text OR r.name = ?::text))',
      '2c',
      'x',
      'y',
    ]);
    expect(plan('', scope).counter).toBeUndefined();
    expect(plan("labels.a = 'x'", scope).tables).toEqual(['l', 'r']);
  });

  test('reports about a resource', () => {
    const scope: SearchScope = { listing: REPORT_LISTING, parentId: '2c', order: [] };
    expect(where("adapter = 'dns'", scope)).toEqual([
      '(a.resource_id = ? AND a.adapter = ?::text)',
      '2c',
      'dns',
    ]);
    expect(where('adapter in ()', scope)).toEqual(['(FALSE)']);
    expect(plan('adapter in ()', scope).tables).toEqual(['a']);
  });
});
