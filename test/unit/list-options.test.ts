import type { Operation } from '../../src/contract/document';
import { listOptions } from '../../src/handlers/list-options';
import { ProblemError } from '../../src/problems/problem';
import { resourceListing } from '../../src/search/fields';
import { planSearch } from '../../src/search/plan';
import { CLUSTER } from '../support/kinds';
import { EVERY_KIND, VERSION } from '../support/search-kinds';

const operation = { defaultPageSize: 20 } as Operation;

/** The condition that a query becomes, and what is bound to it. */
function where(query: Record<string, string>, kinds = [VERSION]): unknown[] {
  const listing = resourceListing(kinds);
  const { search } = listOptions({ operation, query }, listing);
  const { sql, bindings } = planSearch(search, { listing, order: [] });
  return [sql, ...bindings];
}

describe('ref_type and ref_target_id', () => {
  const reference = { ref_type: 'wif_config', ref_target_id: '2x' };

  test('mean the same as a search', () => {
    expect(where(reference)).toEqual(where({ search: "references.wif_config = '2x'" }));
  });

  test('add to a search, whatever its operators', () => {
    const search = "name = 'a' or name = 'b'";
    const both = `references.wif_config = '2x' and (${search})`;
    expect(where({ ...reference, search })).toEqual(where({ search: both }));
    expect(where({ ...reference, search: ' ' })).toEqual(where(reference));
  });

  test('need no quotes, and take no character that a database cannot store', () => {
    const hostile = "x' or '\0";
    expect(where({ ...reference, ref_target_id: hostile }).slice(1)).toEqual([
      "x' or '\uFFFD",
      'wif_config',
    ]);
  });

  test.each([
    [{ ref_type: 'wif_config' }, 'ref_target_id', 'ref_target_id is required with ref_type'],
    [{ ref_target_id: '2x' }, 'ref_type', 'ref_type is required with ref_target_id'],
    [{ ...reference, ref_type: '' }, 'ref_type', 'ref_type must be one of: wif_config, replaces'],
    [
      { ...reference, ref_type: 'constructor' },
      'ref_type',
      'ref_type must be one of: wif_config, replaces',
    ],
  ])('%j is refused: %s', (query, field, message) => {
    expect(problemOf(query)).toMatchObject({
      code: 'VAL-000',
      message: `${message}.`,
      errors: [{ field, message }],
    });
  });

  test('name those of every kind in the list, and that there are none', () => {
    const query = { ...reference, ref_type: 'x' };
    expect(problemOf(query, [...EVERY_KIND])).toMatchObject({
      message: 'ref_type must be one of: wif_config, cluster, replaces.',
    });
    expect(problemOf(query, [CLUSTER])).toMatchObject({
      code: 'VAL-000',
      message: 'ref_type cannot be used: there are no references in this list.',
    });
  });

  function problemOf(query: Record<string, string>, kinds = [VERSION]): ProblemError {
    try {
      where(query, kinds);
    } catch (error) {
      if (error instanceof ProblemError) return error;
      throw error;
    }
    throw new Error('accepted');
  }
});
