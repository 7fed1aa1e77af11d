import type { Operation } from '../contract/document';
import { ProblemError } from '../problems/problem';
import type { ListOptions } from '../repositories/lists';
import type { Listing } from '../search/fields';
import { parseOrder } from '../search/order';
import { parseSearch } from '../search/parse';
import { SearchError } from '../search/search-error';

interface ListRequest {
  operation: Operation;
  query: {
    page?: number;
    pageSize?: number;
    size?: number;
    orderBy?: string;
    order?: string;
    search?: string;
  };
}

/**
 * Reads the query of a list.
 * @throws ProblemError VAL-000 for two different page sizes, VAL-005 for a bad search or order
 */
export function listOptions({ operation, query }: ListRequest, listing: Listing): ListOptions {
  const { page = 1, pageSize, size, orderBy, order, search } = query;
  if (pageSize !== undefined && size !== undefined && pageSize !== size) {
    const message = `pageSize is ${pageSize}, but its alias size is ${size}; use only one of them`;
    throw new ProblemError('VAL-000', `${message}.`, {
      errors: ['pageSize', 'size'].map((field) => ({ field, message, constraint: 'conflict' })),
    });
  }
  return {
    page,
    pageSize: pageSize ?? size ?? operation.defaultPageSize!,
    search: search === undefined ? undefined : parseSearch(search),
    order: readOrder(orderBy, order, listing),
  };
}

/** A SearchError is a problem with the field `search`, unless it is converted here. */
function readOrder(orderBy: string | undefined, order: string | undefined, listing: Listing) {
  try {
    return parseOrder(orderBy, order, listing);
  } catch (error) {
    if (!(error instanceof SearchError)) throw error;
    const { message } = error;
    const field = orderBy === undefined ? 'order' : 'orderBy';
    throw new ProblemError('VAL-005', message, {
      errors: [{ field, message, constraint: 'syntax' }],
      cause: error,
    });
  }
}
