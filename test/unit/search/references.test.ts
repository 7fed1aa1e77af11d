import { type Listing, resourceListing } from '../../../src/search/fields';
import { parseSearch } from '../../../src/search/parse';
import { planSearch } from '../../../src/search/plan';
import { SearchError } from '../../../src/search/search-error';
import { CLUSTER } from '../../support/kinds';
import { EVERY_KIND, VERSION } from '../../support/search-kinds';

const VERSIONS = resourceListing([VERSION]);

function plan(phrase: string, listing = VERSIONS) {
  return planSearch(parseSearch(phrase), { listing, order: [] });
}

const refersTo = (target: string, id = 'r.id') =>
  `EXISTS (SELECT FROM resource_references x WHERE ${target} AND x.ref_type = ? AND x.referrer_id = ${id})`;
const TO_ONE = refersTo('x.target_id = ?::text');
const TO_SOME = refersTo('x.target_id = ANY(?::text[])');
const TO_ANY = refersTo('x.target_id IS NOT NULL');

test.each<[string, ...unknown[]]>([
  ["references.wif_config = '2x'", `(${TO_ONE})`, '2x', 'wif_config'],
  ["references.'wif_config' = 2", `(${TO_ONE})`, '2', 'wif_config'],
  ["references.wif_config != '2x'", `(NOT (${TO_ONE}))`, '2x', 'wif_config'],
  ["references.wif_config in ('2x', '2y', '2x')", `(${TO_SOME})`, ['2x', '2y'], 'wif_config'],
  ["references.wif_config not in ('2x')", `(NOT (${TO_ONE}))`, '2x', 'wif_config'],
  ['references.wif_config in ()', '(FALSE)'],
  ['references.replaces is null', `(NOT (${TO_ANY}))`, 'replaces'],
  ['references.replaces is not null', `(${TO_ANY})`, 'replaces'],
])('%s', (phrase, ...expected) => {
  const { sql, bindings } = plan(phrase);
  expect([sql, ...bindings]).toEqual(expected);
});

test('the id is that of whichever table is read', () => {
  const { tables, sql } = plan("status.phase = 'Ready' and references.replaces = '2x'");
  expect(tables).toEqual(['s']);
  expect(sql).toContain(refersTo('x.target_id = ?::text', 's.resource_id'));
});

test('the planner is asked to join with a few references and labels only', () => {
  const tests = Array.from({ length: 8 }, (_, key) =>
    key % 2 === 0 ? `labels.k${key} != 'x'` : `references.wif_config != 'x${key}'`,
  );
  const { sql } = plan(tests.join(' and '));
  expect(sql.match(/EXISTS/g)).toHaveLength(8);
  expect(sql.match(/\) IS TRUE/g)).toHaveLength(4);
});

function refusal(phrase: string, listing: Listing): SearchError {
  try {
    plan(phrase, listing);
  } catch (error) {
    if (error instanceof SearchError) return error;
    throw error;
  }
  throw new Error(`accepted: ${phrase}`);
}

test.each([
  "references.wif_config > '2x'",
  "references.wif_config <= '2x'",
  "references.wif_config between '2x' and '2y'",
  "references.wif_config like '2%'",
  "references.wif_config not ilike '2%'",
])('%s is refused, with what is allowed', (test) => {
  const { message, position } = refusal(`id = 'x' or ${test}`, VERSIONS);
  expect(message).toBe(
    'Expected "=", "!=", "in", "not in", "is null" or "is not null" with "references.wif_config" at character 13.',
  );
  expect(position).toBe(13);
});

test.each([
  "references.cluster = '2x'",
  "references.wif_config.id = '2x'",
  "references.constructor = '2x'",
  "references = '2x'",
  "wif_config = '2x'",
])('%s names no reference of a version; the message lists those that do', (phrase) => {
  expect(refusal(phrase, VERSIONS).message).toMatch(
    /^Expected a field, found "\S+" at character 1\. The fields are: .*, owner_id, references\.wif_config, references\.replaces, labels\.<key>, /,
  );
});

test('a list of several kinds has the references of all, each once', () => {
  expect(resourceListing(EVERY_KIND).references).toEqual(['wif_config', 'cluster', 'replaces']);
});

test('nothing is said of references where there are none', () => {
  const { message } = refusal("references.wif_config = '2x'", resourceListing([CLUSTER]));
  expect(message.replace('found "references.wif_config"', '')).not.toContain('references');
});
