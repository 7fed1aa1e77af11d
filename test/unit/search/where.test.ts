import knexBuilder from 'knex';
import type { Alias } from '../../../src/search/predicate';
import { parseSearch } from '../../../src/search/parse';
import {
  type CompiledSearch,
  compileSearch,
  resolveSearch,
  type Scope,
} from '../../../src/search/where';

const knex = knexBuilder({ client: 'pg' });
const CLUSTERS: Scope = { kind: 'Cluster' };

function compiled(phrase: string, scope = CLUSTERS): CompiledSearch {
  return compileSearch(resolveSearch(parseSearch(phrase), scope.kind), scope);
}

/** The condition alone, and what is bound to it. */
function where(
  phrase: string,
  from: [Alias, ...Alias[]] = ['r'],
  scope = CLUSTERS,
): [string, ...unknown[]] {
  const query = knex.queryBuilder().from('t');
  compiled(phrase, scope).where(query, from);
  const { sql, bindings } = query.toSQL().toNative();
  return [sql.replace('select * from "t" where ', ''), ...bindings];
}

const KIND = '"r"."kind" = $1 and ';

describe('a search becomes SQL whose values are all bindings', () => {
  test.each<[string, ...unknown[]]>([
    ["name = 'x'", '(r.name = $2::text)', 'x'],
    ["name != 'x'", '(NOT (r.name = $2::text))', 'x'],
    ["name in ('x', 'y', 'x')", '(r.name = ANY($2::text[]))', ['x', 'y']],
    ['name in ()', '(FALSE)'],
    ['name not in ()', '(TRUE)'],
    ['name is null', '(FALSE)'],
    ['deleted_by is null', '(r.deleted_by COLLATE "C" IS NULL)'],
    ["deleted_by < 'x'", '(COALESCE(r.deleted_by COLLATE "C" < $2::text, FALSE))', 'x'],
    ["name like 'a\\'", '(r.name LIKE $2::text)', 'a\\\\'],
    ["generation = '2'", '(r.generation = $2::numeric)', '2'],
    ['generation = 9007199254740993', '(r.generation = $2::numeric)', '9007199254740993'],
    [
      'generation between 1 and 2.50',
      '(r.generation >= $2::numeric AND r.generation <= $3::numeric)',
      '1',
      '2.5',
    ],
    ['created_time > 2026-01-31', '(r.created_time > $2::timestamptz)', '2026-01-31T00:00:00.000Z'],
    ["href = '/api/hyperfleet/v1/clusters/2x'", '(r.id = $2)', '2x'],
    ["href = '/api/hyperfleet/v1/nodepools/2x'", '(FALSE)'],
    ["href > 'x'", "(('/api/hyperfleet/v1/clusters/' || r.id) > $2::text)", 'x'],
    ['spec.a."b c" = 1.0', '(r.spec @> (SELECT $2::jsonb))', '{"a":{"b c":1}}'],
    [
      "spec.a = '1'",
      '(r.spec @> (SELECT $2::jsonb) OR r.spec @> (SELECT $3::jsonb))',
      '{"a":"1"}',
      '{"a":1}',
    ],
    ["spec.a = '01'", '(r.spec @> (SELECT $2::jsonb))', '{"a":"01"}'],
    ['spec.a = True', '(r.spec @> (SELECT $2::jsonb))', '{"a":true}'],
    [
      'spec."a\\"."\'" < 3',
      '(COALESCE(jsonb_path_exists(r.spec, $2::jsonpath, $3::jsonb, TRUE), FALSE))',
      'strict $."a\\\\"."\'" ? (@ < $value)',
      '{"value":3}',
    ],
    ['status.conditions.Ready = True', '(s.ready)'],
    ["status.conditions.Reconciled != 'True'", '(NOT s.ready)'],
    ["not status.conditions.LastKnownReconciled = 'False'", '(s.available)'],
    ["status.conditions.Ready = 'Unknown'", '(FALSE)'],
    [
      "status.conditions.DnsSuccessful = 'True'",
      '(s.conditions @> $2::jsonb)',
      '[{"type":"DnsSuccessful","status":"True"}]',
    ],
    [
      'status.conditions.Reconciled.last_updated_time < 2026-01-31',
      '(s.ready_last_updated_time < $2::timestamptz)',
      '2026-01-31T00:00:00.000Z',
    ],
    [
      "name = 'x' or (name = 'y' and (id = 'z' or not name like 'w'))",
      '(r.name = $2::text OR r.name = $3::text AND (r.id = $4::text OR NOT (r.name LIKE $5::text)))',
      'x',
      'y',
      'z',
      'w',
    ],
  ])('%s', (phrase, sql, ...bindings) => {
    expect(where(phrase)).toEqual([`${KIND}${String(sql)}`, 'Cluster', ...bindings]);
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
      expect(sql.match(/\$\d+/g)?.length).toBe(bindings.length);
    }
  });
});

describe('a search says which tables can answer it', () => {
  test.each<[string, string]>([
    ['', ''],
    ["id = '2x' or href like '%x' or kind = 'Cluster'", ''],
    ["labels.a = 'x' and not labels.b like 'y'", ''],
    ["name = 'x'", 'r'],
    ["status.conditions.Ready = 'True' and id > '2x'", 's'],
    ["status.phase = 'Ready' or spec.a = 1", 'sr'],
  ])('%s', (phrase, tables) => {
    expect([...compiled(phrase).tables].join('')).toBe(tables);
  });

  test('ids and kinds are read from the first table of the query', () => {
    const phrase = "id = '2x' and labels.a in ('x', 'y')";
    const sql = (id: string, kind: string): string =>
      `${kind} and (${id} = $2::text AND EXISTS (SELECT FROM resource_labels x WHERE x.kind = $3 AND x.key = $4 AND x.value = ANY($5::text[]) AND x.resource_id = ${id}))`;
    expect(where(phrase, ['r'])[0]).toBe(sql('r.id', '"r"."kind" = $1'));
    expect(where(phrase, ['s'])[0]).toBe(sql('s.resource_id', '"s"."kind" = $1'));
    expect(where("id = '2x'", ['r', 's'])[0]).toBe(
      '"r"."kind" = $1 and "s"."kind" = $2 and (r.id = $3::text)',
    );
  });

  test('a label that every match carries can lead the query', () => {
    const phrase = "labels.a in ('x', 'y') and labels.b = 'z' and status.phase = 'Ready'";
    expect(compiled(phrase).startsFromLabel).toBe(true);
    expect(where(phrase, ['l', 's'])).toEqual([
      '"l"."kind" = $1 and "s"."kind" = $2 and l.key = $3 and l.value = $4::text and ' +
        '(EXISTS (SELECT FROM resource_labels x WHERE x.kind = $5 AND x.key = $6 AND x.value = ANY($7::text[]) AND x.resource_id = l.resource_id) ' +
        'AND s.phase COLLATE "C" = $8::text)',
      'Cluster',
      'Cluster',
      'b',
      'z',
      'Cluster',
      'a',
      ['x', 'y'],
      'Ready',
    ]);
    expect(where("labels.a = 'x'", ['l'])[0]).toBe(
      '"l"."kind" = $1 and l.key = $2 and l.value = $3::text and (TRUE)',
    );
  });

  test.each([
    "labels.a = 'x' or labels.b = 'y'",
    "labels.a != 'x'",
    "not (labels.a = 'x')",
    "labels.a like 'x'",
  ])('%s leaves no label to lead', (phrase) => {
    expect(compiled(phrase).startsFromLabel).toBe(false);
  });

  test('values of one label are looked up together, however they are written', () => {
    const phrase = "labels.a = 'x' or labels.a in ('y', 'x') or labels.a = 'z'";
    expect(compiled(phrase).startsFromLabel).toBe(true);
    expect(where(phrase, ['l'])).toEqual([
      '"l"."kind" = $1 and l.key = $2 and l.value = ANY($3::text[]) and (TRUE)',
      'Cluster',
      'a',
      ['x', 'y', 'z'],
    ]);
  });

  test('the planner is asked to join with a few labels only', () => {
    const labels = Array.from({ length: 9 }, (_, key) => `labels.k${key} = 'x'`);
    const [sql] = where(labels.join(' and '));
    expect(sql.match(/EXISTS/g)).toHaveLength(9);
    expect(sql.match(/\) IS TRUE/g)).toHaveLength(5);
  });

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
    expect(compiled(phrase).counter).toBe(counter);
  });

  test('a constant search is known as one', () => {
    expect(compiled('name in ()').constant).toBe(false);
    expect(compiled("name in () and name = 'x'").constant).toBe(false);
    expect(compiled('').constant).toBe(true);
    expect(compiled("name = 'x'").constant).toBeUndefined();
  });
});

describe('the scope is part of the condition', () => {
  test('node pools of a cluster', () => {
    const scope: Scope = { kind: 'NodePool', parentId: '2c' };
    expect(where("name = 'x' or name = 'y'", ['r'], scope)).toEqual([
      '"r"."kind" = $1 and (r.owner_id = $2 AND (r.name = $3::text OR r.name = $4::text))',
      'NodePool',
      '2c',
      'x',
      'y',
    ]);
    expect(compiled('', scope).counter).toBeUndefined();
    expect([...compiled("labels.a = 'x'", scope).tables]).toEqual(['r']);
  });

  test('statuses of a resource', () => {
    const scope: Scope = { kind: 'AdapterStatus', parentId: '2c' };
    expect(where("adapter = 'dns'", ['a'], scope)).toEqual([
      '(a.resource_id = $1 AND a.adapter = $2::text)',
      '2c',
      'dns',
    ]);
  });
});
