import { type Listing, REPORT_LISTING, resourceListing } from '../../../src/search/fields';
import { parseOrder } from '../../../src/search/order';
import { SearchError } from '../../../src/search/search-error';
import { CLUSTER, NODE_POOL } from '../../support/kinds';

const CLUSTERS = resourceListing([CLUSTER]);
const NODE_POOLS = resourceListing([NODE_POOL]);

function order(
  orderBy: string | undefined,
  direction: string | undefined,
  listing: Listing,
): string {
  return parseOrder(orderBy, direction, listing)
    .map((term) => `${term.field} ${term.direction}`)
    .join(', ');
}

describe('the order of a list', () => {
  test.each<[string | undefined, string | undefined, string]>([
    [undefined, undefined, 'created_time desc, id desc'],
    ['', ' ', 'created_time desc, id desc'],
    [undefined, 'asc', 'created_time asc, id asc'],
    [undefined, 'DESC', 'created_time desc, id desc'],
    ['name', undefined, 'name asc, id asc'],
    ['name', 'desc', 'name desc, id desc'],
    ['name Desc', undefined, 'name desc, id desc'],
    ['name asc, generation', 'desc', 'name asc, generation desc, id desc'],
    ['updated_by desc,created_by', undefined, 'updated_by desc, created_by asc, id asc'],
    [' updated_time   desc ', undefined, 'updated_time desc, id desc'],
    ['deleted_time desc,deleted_by', undefined, 'deleted_time desc, deleted_by asc, id asc'],
    ['kind,href', 'desc', 'kind desc, href desc, id desc'],
    ['id', undefined, 'id asc'],
    ['id desc, name', undefined, 'id desc'],
    ['name desc, id asc', undefined, 'name desc, id asc'],
    // The newest clients put the whole expression into order.
    [undefined, 'created_time desc', 'created_time desc, id desc'],
    [undefined, 'deleted_time desc', 'deleted_time desc, id desc'],
    [undefined, 'name', 'name asc, id asc'],
    ['', 'name desc, generation', 'name desc, generation asc, id asc'],
  ])('orderBy=%s order=%s', (orderBy, direction, expected) => {
    expect(order(orderBy, direction, CLUSTERS)).toBe(expected);
  });

  test('node pools can be ordered by their owner', () => {
    expect(order('owner_id', undefined, NODE_POOLS)).toBe('owner_id asc, id asc');
  });

  test.each<[string | undefined, string | undefined, string]>([
    [undefined, undefined, 'adapter asc'],
    [undefined, 'desc', 'adapter desc'],
    ['last_report_time desc', undefined, 'last_report_time desc, adapter desc'],
    [
      'observed_generation,created_time',
      'desc',
      'observed_generation desc, created_time desc, adapter desc',
    ],
  ])('of reports: orderBy=%s order=%s', (orderBy, direction, expected) => {
    expect(order(orderBy, direction, REPORT_LISTING)).toBe(expected);
  });

  const FIELDS =
    'The fields are: id, name, href, kind, generation, created_time, created_by, updated_time, updated_by, deleted_time, deleted_by.';

  test.each<[string | undefined, string | undefined, string]>([
    ['colour', undefined, `Expected a field to order by, found "colour" at character 1. ${FIELDS}`],
    [
      'name, owner_id',
      undefined,
      `Expected a field to order by, found "owner_id" at character 7. ${FIELDS}`,
    ],
    [
      'status.phase',
      undefined,
      `Expected a field to order by, found "status.phase" at character 1. ${FIELDS}`,
    ],
    ['name,', undefined, `Expected a field to order by, found none at character 6. ${FIELDS}`],
    [undefined, 'up', `Expected a field to order by, found "up" at character 1. ${FIELDS}`],
    [
      'name up',
      undefined,
      'Expected "asc", "desc" or a comma after the field, found "up" at character 6.',
    ],
    ['name asc desc', undefined, 'Expected a comma after the field, found "desc" at character 10.'],
    [
      'name, id, name desc',
      undefined,
      'Expected each field once, found "name" again at character 11.',
    ],
    [
      'name',
      'name desc',
      'Expected "asc" or "desc" for order, because orderBy is given too, found "name desc" at character 1.',
    ],
  ])('orderBy=%s order=%s is refused', (orderBy, direction, message) => {
    const refused = (): unknown => parseOrder(orderBy, direction, CLUSTERS);
    expect(refused).toThrow(SearchError);
    expect(refused).toThrow(message);
  });

  test('reports have fields of their own', () => {
    expect(() => parseOrder('id', undefined, REPORT_LISTING)).toThrow(
      'The fields are: adapter, observed_generation, created_time, last_report_time.',
    );
  });
});
