import fc from 'fast-check';
import knexBuilder from 'knex';
import type { Listed } from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { type Alias, type Predicate, render, Slot, withSlots } from '../../../src/search/predicate';
import { compileSearch, resolveSearch } from '../../../src/search/where';
import { phraseOfTokens } from '../../support/search-phrases';

const knex = knexBuilder({ client: 'pg' });
const KINDS: readonly Listed[] = ['Cluster', 'NodePool', 'AdapterStatus'];
const FIRST = 2;

interface Compiled {
  text: string;
  bindings: unknown[];
  facts: unknown;
}

/** Everything a list takes from a search. */
function compiled(searched: Predicate, kind: Listed): Compiled {
  const search = compileSearch(searched, { kind });
  const query = knex.queryBuilder().from('t');
  const from: [Alias, ...Alias[]] = kind === 'AdapterStatus' ? ['a'] : ['r', 's'];
  search.where(query, search.startsFromLabel ? ['l', ...from] : from);
  const { sql, bindings } = query.toSQL().toNative();
  const facts = { ...search, where: undefined, tables: [...search.tables] };
  return { text: sql, bindings: [...bindings], facts };
}

function resolved(phrase: string, kind: Listed): Predicate | undefined {
  try {
    return resolveSearch(parseSearch(phrase), kind);
  } catch {
    return undefined;
  }
}

test('a form filled with the values of a search is that search', () => {
  fc.assert(
    fc.property(phraseOfTokens, fc.constantFrom(...KINDS), (phrase, kind) => {
      const searched = resolved(phrase, kind);
      fc.pre(searched !== undefined);
      const form = compiled(withSlots(searched, FIRST), kind);
      const values = render(searched, 'r').bindings;
      const filled = form.bindings.map((it) =>
        it instanceof Slot ? values[it.index - FIRST] : it,
      );
      expect({ ...form, bindings: filled }).toEqual(compiled(searched, kind));
    }),
    { numRuns: 500 },
  );
});

test('searches of the same form have the same SQL', () => {
  const forms = new Map<string, Omit<Compiled, 'bindings'>>();
  let met = 0;
  fc.assert(
    fc.property(phraseOfTokens, fc.constantFrom(...KINDS), (phrase, kind) => {
      const searched = resolved(phrase, kind);
      fc.pre(searched !== undefined);
      const key = `${kind} ${render(searched, 'r').sql}`;
      const { text, facts } = compiled(searched, kind);
      const known = forms.get(key);
      if (known !== undefined) met++;
      expect({ text, facts }).toEqual(known ?? { text, facts });
      forms.set(key, { text, facts });
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
])('%s and %s have the same form: %s', (one, other, same) => {
  const [left, right] = [one, other].map((phrase) => render(resolved(phrase, 'Cluster')!, 'r').sql);
  expect(left === right).toBe(same);
});
