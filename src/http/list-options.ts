import type { ListOptions } from '../repositories/lists';
import type { Listed } from '../search/fields';
import { parseOrder } from '../search/order';
import { parseSearch, SearchError } from '../search/parse';
import { ProblemError } from '../problems/problem';

/** The query of a list, as the contract accepts it. */
export interface ListQuery {
  page?: number;
  pageSize?: number;
  size?: number;
  orderBy?: string;
  order?: string;
  search?: string;
}

/** @throws ProblemError VAL-000 for two different page sizes, VAL-005 for a bad search or order */
export function listOptions(
  query: ListQuery,
  listed: Listed,
  defaultPageSize: number,
): ListOptions {
  const { page = 1, pageSize, size, orderBy, order, search } = query;
  if (pageSize !== undefined && size !== undefined && pageSize !== size) {
    const message = `pageSize is ${pageSize} and its alias size is ${size}; give one of them`;
    throw new ProblemError('VAL-000', `${message}.`, {
      errors: ['pageSize', 'size'].map((field) => ({ field, message, constraint: 'conflict' })),
    });
  }
  return {
    page,
    pageSize: pageSize ?? size ?? defaultPageSize,
    search: search === undefined ? undefined : parseSearch(search),
    order: readOrder(orderBy, order, listed),
  };
}

/** An error in a search speaks of `search` by default; here it is about the order. */
function readOrder(orderBy: string | undefined, order: string | undefined, listed: Listed) {
  try {
    return parseOrder(orderBy, order, listed);
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
