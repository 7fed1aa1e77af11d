import { resolveField, type Listing } from './fields';
import { columnTests, labelTests, referenceTests, type Tests } from './operators';
import type { SearchTree } from './parse';
import { all, any, not, type Predicate } from './predicate';
import { specTests } from './spec';
import type { FieldName } from './tokens';

/** Gives the names and values of a search their meaning in a list. @throws SearchError when they have none */
export function resolveSearch(tree: SearchTree, listing: Listing): Predicate {
  switch (tree.type) {
    case 'and':
      return all(tree.operands.map((operand) => resolveSearch(operand, listing)));
    case 'or':
      return any(tree.operands.map((operand) => resolveSearch(operand, listing)));
    case 'not':
      return not(resolveSearch(tree.operand, listing));
    case 'compare': {
      const tests = testsOf(tree.field, listing);
      if (tree.operator === '=') return tests.oneOf([tree.value]);
      if (tree.operator === '!=') return not(tests.oneOf([tree.value]));
      return tests.order(tree.operator, tree.value);
    }
    default: {
      const matches = test(tree, testsOf(tree.field, listing));
      return tree.negated ? not(matches) : matches;
    }
  }
}

function test(
  tree: Extract<SearchTree, { type: 'in' | 'between' | 'like' | 'null' }>,
  tests: Tests,
): Predicate {
  switch (tree.type) {
    case 'in':
      return tests.oneOf(tree.values);
    case 'between':
      return all([tests.order('>=', tree.low), tests.order('<=', tree.high)]);
    case 'like':
      return tests.like(tree.pattern, tree.ignoreCase);
    case 'null':
      return tests.isNull();
  }
}

function testsOf(name: FieldName, listing: Listing): Tests {
  const field = resolveField(name, listing);
  switch (field.type) {
    case 'column':
      return columnTests(field.column, name);
    case 'label':
      return labelTests(field.kinds, field.key);
    case 'reference':
      return referenceTests(field.referenceType, name);
    case 'spec':
      return specTests(field.path, name);
  }
}
