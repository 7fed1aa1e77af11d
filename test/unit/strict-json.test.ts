import fc from 'fast-check';
import { parseStrictJson } from '../../src/http/strict-json';
import { ProblemError, type ProblemField } from '../../src/problems/problem';

/** What is found in a text that is otherwise a JSON object. */
function findings(text: string): ProblemField[] {
  try {
    parseStrictJson(text);
    return [];
  } catch (error) {
    if (!(error instanceof ProblemError) || error.code !== 'VAL-000') throw error;
    return error.errors ?? [];
  }
}

function found(text: string): [string, string | undefined][] {
  return findings(text).map(({ field, constraint }) => [field, constraint]);
}

/** Any JSON value without what is refused. */
const keeper = fc.jsonValue({ maxDepth: 3, stringUnit: 'grapheme' }).filter(isKept);

function isKept(value: unknown): boolean {
  const text = JSON.stringify(value);
  return !/\\u0000|\\ud[89a-f]|__proto__/i.test(text);
}

/** A body: an object with anything in it, and blanks where they may stand. */
const body = fc
  .tuple(fc.dictionary(fc.string({ unit: 'grapheme' }), keeper), fc.constantFrom(0, 1, 2, '\t'))
  .filter(([value]) => isKept(value))
  .map(([value, indent]) => JSON.stringify(value, undefined, indent));

/** Puts a member into the innermost object that is first in the text. */
function withMember(text: string, member: string): string {
  const at = text.indexOf('{') + 1;
  const empty = /^\s*\}/.test(text.slice(at));
  return `${text.slice(0, at)}${member}${empty ? '' : ','}${text.slice(at)}`;
}

describe('a text without anything to object to', () => {
  it('is parsed as JSON.parse does, whatever JSON.stringify writes', () => {
    fc.assert(
      fc.property(body, (text) => {
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('has no findings for any double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(found(JSON.stringify({ number }))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a text that is not JSON', () => {
  it('is told from JSON exactly as JSON.parse does', () => {
    const broken = fc
      .tuple(
        body,
        fc.nat(),
        fc.nat({ max: 3 }),
        fc.constantFrom(...Array.from('{}[]",:0e-.\\ux \ttfn\0')),
      )
      .map(([text, position, cut, insert]) => {
        const at = position % (text.length + 1);
        return text.slice(0, at) + insert + text.slice(at + cut);
      });
    fc.assert(
      fc.property(broken, (text) => {
        const problem = problemOf(text);
        if (isJson(text)) expect(problem?.message ?? '').not.toContain('not valid JSON');
        else expect(problem).toMatchObject({ code: 'VAL-006', message: WITH_PLACE });
      }),
      { numRuns: 2000 },
    );
  });

  const WITH_PLACE = expect.stringMatching(
    /^The body is not valid JSON: .+ at line \d+, column \d+\.$/,
  ) as string;

  function problemOf(text: string): ProblemError | undefined {
    try {
      parseStrictJson(text);
      return undefined;
    } catch (error) {
      if (error instanceof ProblemError) return error;
      throw error;
    }
  }

  function isJson(text: string): boolean {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  }
});

describe('whatever would change', () => {
  const mutations: [string, string, string, string][] = [
    ['a whole number beyond doubles', '"~":9007199254740993', '~', 'precision'],
    ['the same with a fraction of zero', '"~":-9007199254740993.0', '~', 'precision'],
    ['the same with a power of ten', '"~":[9007199254740993e0]', '~.0', 'precision'],
    ['a double that is written otherwise', '"~":1152921504606846976', '~', 'precision'],
    ['a whole number of 400 digits', `"~":${'9'.repeat(400)}`, '~', 'range'],
    ['a number that overflows', '"~":-1e400', '~', 'range'],
    ['a number that becomes zero', '"~":0.5E-400', '~', 'range'],
    ['a long number that becomes zero', `"~":0.${'0'.repeat(330)}1`, '~', 'range'],
    ['a duplicate', '"~":1,"~":1', '~', 'uniqueKeys'],
    ['a duplicate in other writing', '"~":1,"\\u007e" :1', '~', 'uniqueKeys'],
    [
      'an inner duplicate beside texts like members',
      '"~":{"a" :1,"a":": \\":"}',
      '~.a',
      'uniqueKeys',
    ],
    ['a prototype', '"__proto__":{}', '__proto__', 'forbiddenKey'],
    ['a prototype in other writing', '"~":{"\\u005f_proto__":1}', '~.__proto__', 'forbiddenKey'],
    ['a NUL', '"~":["\\u0000"]', '~.0', 'characters'],
    ['a NUL in a name', '"~\\u0000":1', '~\\u0000', 'characters'],
    ['half a pair', '"~":"\\uD83d!"', '~', 'characters'],
    ['the other half', '"~":"\\udE00"', '~', 'characters'],
    ['half a pair in a name', '"~":{"\\ud800":1}', '~.\\ud800', 'characters'],
    [
      'depth',
      `"~":${'['.repeat(100)}{"x":"]"}${']'.repeat(100)}`,
      `~${'.0'.repeat(99)}`,
      'maxDepth',
    ],
  ];

  it.each(mutations)('is found in any body: %s', (_, member, field, constraint) => {
    fc.assert(
      fc.property(
        body.filter((text) => !text.includes('"~')),
        (text) => {
          const changed = withMember(text, member);
          expect(found(changed)).toEqual([[field, constraint]]);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('is judged by what would go out again', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (integer) => {
        const kept = BigInt(Number(integer).toLocaleString('en', { useGrouping: false }));
        expect(found(`{"n":${integer}}`)).toEqual(kept === integer ? [] : [['n', 'precision']]);
      }),
      { numRuns: 1000 },
    );
  });
});

it('explains a finding in words, with the number as it came', () => {
  expect(findings('{"spec":{"nodes":9007199254740993}}')).toEqual([
    {
      field: 'spec.nodes',
      message:
        'spec.nodes is an integer that would change to 9007199254740992; send it as a string',
      constraint: 'precision',
      value: '9007199254740993',
    },
  ]);
});

it('names a repeated key once', () => {
  expect(found('{"a":1,"a":2,"a":3}')).toEqual([['a', 'uniqueKeys']]);
});

it('stops at a hundred findings, with paths of bounded length', () => {
  const fields = findings(`{"${'k'.repeat(5000)}":[${Array<string>(500).fill('1e999').join()}]}`);
  expect(fields).toHaveLength(100);
  expect(Math.max(...fields.map(({ field }) => field.length))).toBeLessThan(300);
});

it('counts depth as the sum of objects and lists around a value, and ignores brackets in strings', () => {
  const nested = (depth: number): string => '{"a":'.repeat(depth) + '0' + '}'.repeat(depth);
  expect(found(nested(100))).toEqual([]);
  expect(found(nested(101))).toEqual([[expect.stringMatching(/^a\.a\./), 'maxDepth']]);
  expect(found(JSON.stringify({ a: '[\\"{'.repeat(200) }))).toEqual([]);
});
