import { parseSearch } from '../../../src/search/parse';
import { SearchError } from '../../../src/search/search-error';

function refusal(phrase: string): SearchError {
  try {
    parseSearch(phrase);
  } catch (error) {
    if (error instanceof SearchError) return error;
    throw error;
  }
  throw new Error(`accepted: ${phrase}`);
}

const OPERATORS = '(=, !=, <, <=, >, >=, in, between, like, ilike, is)';

/** Phrase, the character its message names, and the message itself. */
const REFUSED: [string, number, string][] = [
  // Half-written phrases
  ['name', 5, `Expected an operator after "name" ${OPERATORS}, found the end at character 5.`],
  ['name=', 6, 'Expected a value after "=", found the end at character 6.'],
  ["name='x' and", 13, 'Expected a field, "not" or "(", found the end at character 13.'],
  [
    "name='x' id='y'",
    10,
    'Expected "and", "or" or the end of the search, found "id" at character 10.',
  ],
  ['not', 4, 'Expected a field, "not" or "(", found the end at character 4.'],
  ['()', 2, 'Expected a field, "not" or "(", found ")" at character 2.'],
  [
    "(name='x'",
    10,
    'Expected "and", "or" or the ")" that closes the "(" of character 1, found the end at character 10.',
  ],
  ["name='x')", 9, 'Expected "and", "or" or the end of the search, found ")" at character 9.'],
  [
    "name = 'x",
    8,
    "Expected a closing ' for the string that starts at character 8. Write a ' inside the string twice.",
  ],
  ['name is', 8, 'Expected "null" or "not null" after "is", found the end at character 8.'],
  ['name is not true', 13, 'Expected "null" after "is not", found "true" at character 13.'],
  [
    "name not = 'x'",
    10,
    'Expected "in", "between", "like" or "ilike" after "not", found "=" at character 10.',
  ],
  ["name in 'x'", 9, 'Expected "(" or "[" after "in", found "\'x\'" at character 9.'],
  [
    "name in ('x'",
    13,
    'Expected "," or the ")" that closes the list of character 9, found the end at character 13.',
  ],
  [
    "name in ('x']",
    13,
    'Expected "," or the ")" that closes the list of character 9, found "]" at character 13.',
  ],
  ["name in ['x',]", 14, 'Expected a value in the list, found "]" at character 14.'],
  [
    'generation between 1',
    21,
    'Expected "and" and the upper bound, found the end at character 21.',
  ],
  [
    'generation between 1 or 2',
    22,
    'Expected "and" and the upper bound, found "or" at character 22.',
  ],
  ['labels.=1', 8, 'Expected a label key after the dot, found "=" at character 8.'],
  ['spec.a.', 8, 'Expected a name after the dot, found the end at character 8.'],
  // What the language leaves out
  [
    "name ~= 'x'",
    6,
    'Found the operator "~=" at character 6. Regular expressions are not supported; use like or ilike with % and _.',
  ],
  [
    "name ~! 'x'",
    6,
    'Found the operator "~!" at character 6. Regular expressions are not supported; use like or ilike with % and _.',
  ],
  [
    "name =~ 'x'",
    6,
    'Found the operator "=~" at character 6. Regular expressions are not supported; use like or ilike with % and _.',
  ],
  [
    'generation + 1 = 2',
    12,
    'Found an unexpected "+" at character 12. Arithmetic is not supported; compare a field with a plain value.',
  ],
  [
    'generation -1 = 2',
    12,
    `Expected an operator after "generation" ${OPERATORS}, found "-1" at character 12. Arithmetic is not supported.`,
  ],
  [
    'generation = 1+1',
    14,
    'Expected a number, a date or a time, found "1+1" at character 14. A string must be in quotes; arithmetic is not supported.',
  ],
  [
    'generation = 2 * 3',
    16,
    'Found an unexpected "*" at character 16. Arithmetic is not supported; compare a field with a plain value.',
  ],
  [
    "lower(name) = 'x'",
    6,
    `Expected an operator after "lower" ${OPERATORS}, found "(" at character 6. Functions are not supported.`,
  ],
  [
    'name = updated_by',
    8,
    'Expected a value after "=", found "updated_by" at character 8. A string must be in quotes (\'updated_by\'); fields cannot be compared with each other.',
  ],
  [
    'name = null',
    8,
    'Expected a value after "=", found "null" at character 8. Write "is null" or "is not null".',
  ],
  [
    "'x' = name",
    1,
    'Expected a field, "not" or "(", found "\'x\'" at character 1. A comparison starts with the field, unquoted.',
  ],
  [
    '1 = 1',
    1,
    'Expected a field, "not" or "(", found "1" at character 1. A comparison starts with the field, unquoted.',
  ],
  ["name = 'x' && id = 'y'", 12, 'Found an unexpected "&&" at character 12. Write "and".'],
  ["!(name = 'x')", 1, 'Found an unexpected "!" at character 1. Write "not".'],
  [
    "name = 'x'; drop table resources",
    11,
    'Found an unexpected ";" at character 11. A search is one expression.',
  ],
  [
    "name = 'x' -- and id = 'y'",
    12,
    'Found an unexpected "-" at character 12. Arithmetic is not supported; compare a field with a plain value.',
  ],
  ['name = `x`', 8, 'Found an unexpected "`" at character 8.'],
  ["name = 'a\0b'", 10, 'Found a character that a string cannot contain at character 10.'],
  ["name = 'a\ud800b'", 10, 'Found a character that a string cannot contain at character 10.'],
  // Limits
  [
    Array(101).fill('id=1').join(' or '),
    801,
    'Expected at most 100 comparisons, found one more at character 801. Compare one field with several values by "in".',
  ],
  [
    `name in (${Array(250).fill('1').join()}) or id in (${Array(251).fill('2').join()})`,
    1021,
    'Expected at most 500 values in lists, found one more at character 1021.',
  ],
  [
    '('.repeat(4096),
    51,
    'Expected at most 50 levels of parentheses and "not", found one more at character 51.',
  ],
];

describe('a phrase that is not a search is refused, with what was expected and where', () => {
  const cases = REFUSED.map(([phrase, ...rest]) => [phrase.slice(0, 60), phrase, ...rest] as const);
  test.each(cases)('%s', (_title, phrase, position, message) => {
    const error = refusal(phrase);
    expect(error.message.slice(0, message.length)).toBe(message);
    expect(error.position).toBe(position);
  });
});
