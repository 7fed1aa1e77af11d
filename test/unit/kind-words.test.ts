import { pluralNoun, withArticle } from '../../src/kinds/words';

it.each([
  ['node pool', 'nodepools', 'node pools'],
  ['network policy', 'networkpolicies', 'network policies'],
  ['DNS zone', 'dnszones', 'DNS zones'],
  ['channel', 'channels', 'channels'],
  ['channel', 'releases', 'releases'],
  ['node pool', 'pools', 'pools'],
  ['node pool', 'node', 'node'],
])('several of a %s with the plural %s are %s', (noun, plural, many) => {
  expect(pluralNoun({ noun, plural })).toBe(many);
});

it.each([
  ...['a channel', 'an adapter', 'an idle channel', 'an HTTP route', 'a DNS zone', 'an upgrade'],
  ...['a user', 'a unit', 'a usage report', 'an S3 bucket', 'a URL', 'a euro', 'an entry'],
])('%s has the right article', (phrase) => {
  expect(withArticle(phrase.slice(phrase.indexOf(' ') + 1))).toBe(phrase);
});
