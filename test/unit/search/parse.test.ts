import { parseSearch, type SearchTree } from '../../../src/search/parse';

/** The tree in prefix form, with the character each node starts at. */
function show(tree: SearchTree): string {
  const head = `${tree.type}@${tree.position}`;
  switch (tree.type) {
    case 'and':
    case 'or':
      return `${head}(${tree.operands.map(show).join(', ')})`;
    case 'not':
      return `${head}(${show(tree.operand)})`;
    case 'compare':
      return `${head}[${tree.field.text} ${tree.operator} ${value(tree.value)}]`;
    case 'in':
      return `${head}[${tree.field.text} ${sign(tree)}${tree.values.map(value).join(' ')}]`;
    case 'between':
      return `${head}[${tree.field.text} ${sign(tree)}${value(tree.low)} ${value(tree.high)}]`;
    case 'like':
      return `${head}[${tree.field.text} ${sign(tree)}${tree.ignoreCase ? 'any case ' : ''}${value(tree.pattern)}]`;
    case 'null':
      return `${head}[${tree.field.text} ${sign(tree)}]`;
  }
}

const sign = ({ negated }: { negated: boolean }): string => (negated ? 'not ' : '');
const value = (literal: { type: string; text: string; position: number }): string =>
  `${literal.type}:${literal.text}@${literal.position}`;

function tree(phrase: string): string {
  const parsed = parseSearch(phrase);
  return parsed === undefined ? 'nothing' : show(parsed);
}

describe('parsing a search', () => {
  test.each([
    ["name='x'", 'compare@1[name = string:x@6]'],
    ["  name == 'x' ", 'compare@3[name = string:x@11]'],
    ["name != 'x'", 'compare@1[name != string:x@9]'],
    ["name <> 'x'", 'compare@1[name != string:x@9]'],
    ['generation<2', 'compare@1[generation < number:2@12]'],
    ['generation <= -2.5e+3', 'compare@1[generation <= number:-2.5e+3@15]'],
    ['generation > .5', 'compare@1[generation > number:.5@14]'],
    ['generation >= +1.', 'compare@1[generation >= number:+1.@15]'],
    ['created_time > 2026-01-31', 'compare@1[created_time > time:2026-01-31@16]'],
    [
      'created_time>2026-01-31T12:00:00.5+02:00',
      'compare@1[created_time > time:2026-01-31T12:00:00.5+02:00@14]',
    ],
    ['spec.on = TRUE', 'compare@1[spec.on = boolean:TRUE@11]'],
    ["name = 'it''s'", "compare@1[name = string:it's@8]"],
    ['name = "a ""b"" \'c\'"', 'compare@1[name = string:a "b" \'c\'@8]'],
    ["name = '\\'", 'compare@1[name = string:\\@8]'],
    ["name in ('a', 'b')", 'in@1[name string:a@10 string:b@15]'],
    ['generation not in [1,2]', 'in@1[generation not number:1@20 number:2@22]'],
    ['name in ()', 'in@1[name ]'],
    ['name NOT IN []', 'in@1[name not ]'],
    ['generation between 1 and 2', 'between@1[generation number:1@20 number:2@26]'],
    [
      'generation not between 1 and 2 and id is null',
      'and@1(between@1[generation not number:1@24 number:2@30], null@36[id ])',
    ],
    ['deleted_by is null', 'null@1[deleted_by ]'],
    ['deleted_by IS Not NULL', 'null@1[deleted_by not ]'],
    ["name like 'a%'", 'like@1[name string:a%@11]'],
    ["name not like 'a%'", 'like@1[name not string:a%@15]'],
    ["name ILike 'a%'", 'like@1[name any case string:a%@12]'],
    ["name not ilike 'a%'", 'like@1[name not any case string:a%@16]'],
    [
      'a=1 or b=2 and not c=3 or d=4',
      'or@1(compare@1[a = number:1@3], and@8(compare@8[b = number:2@10], not@16(compare@20[c = number:3@22])), compare@27[d = number:4@29])',
    ],
    [
      '(a=1 or b=2) and c=3',
      'and@2(or@2(compare@2[a = number:1@4], compare@9[b = number:2@11]), compare@18[c = number:3@20])',
    ],
    ['not not a=1', 'not@1(not@5(compare@9[a = number:1@11]))'],
    ['not (a=1 and b=2)', 'not@1(and@6(compare@6[a = number:1@8], compare@14[b = number:2@16]))'],
    [
      'a=1 AND b=2 And c=3',
      'and@1(compare@1[a = number:1@3], compare@9[b = number:2@11], compare@17[c = number:3@19])',
    ],
    ["name='😀' and id='x'", 'and@1(compare@1[name = string:😀@6], compare@14[id = string:x@17])'],
    ['', 'nothing'],
    [' \t\n', 'nothing'],
  ])('%s', (phrase, expected) => {
    expect(tree(phrase)).toBe(expected);
  });

  test.each([
    ["labels.shard='1'", ['labels', 'shard']],
    ["labels.app.kubernetes.io/name='x'", ['labels', 'app.kubernetes.io/name']],
    ["labels.my-key='x'", ['labels', 'my-key']],
    ["labels.in='x'", ['labels', 'in']],
    ["labels.a..b-_c='x'", ['labels', 'a..b-_c']],
    ["labels.9='x'", ['labels', '9']],
    ['labels."a.b/c"=\'x\'', ['labels', 'a.b/c']],
    ["labels.'it''s'='x'", ['labels', "it's"]],
    ["spec.a-1.b_2.3='x'", ['spec', 'a-1', 'b_2', '3']],
    ['spec."a.b"."".c=1', ['spec', 'a.b', '', 'c']],
    ["status.conditions.Ready.reason='x'", ['status', 'conditions', 'Ready', 'reason']],
    ['status.conditions."a.bSuccessful"=\'True\'', ['status', 'conditions', 'a.bSuccessful']],
  ])('the parts of the field in %s', (phrase, parts) => {
    const parsed = parseSearch(phrase);
    if (parsed?.type !== 'compare') throw new Error('expected a comparison');
    expect(parsed.field.parts.map((part) => part.text)).toEqual(parts);
  });

  test('50 levels of nesting are read, 51 are not', () => {
    const nested = (levels: number): string => `${'('.repeat(levels)}a=1${')'.repeat(levels)}`;
    expect(tree(nested(50))).toBe('compare@51[a = number:1@53]');
    expect(() => tree(nested(51))).toThrow('found one more at character 51.');
    expect(() => tree(`${'not '.repeat(51)}a=1`)).toThrow('found one more at character 201.');
  });

  test('neighbours do not count as nesting', () => {
    expect(tree(Array(100).fill('not (a=1)').join(' or '))).toContain('or@1(not@1(');
  });
});
