import type { Operation } from '../contract/document';
import { ProblemError } from '../problems/problem';
import type { ListOptions } from '../lists/lists';
import type { Listing } from '../search/fields';
import { parseOrder } from '../search/order';
import { parseSearch, type SearchTree } from '../search/parse';
import { SearchError } from '../search/search-error';

export interface ListRequest {
  operation: Operation;
  query: {
    page?: number;
    pageSize?: number;
    size?: number;
    orderBy?: string;
    order?: string;
    search?: string;
    ref_type?: string;
    ref_target_id?: string;
  };
}

/**
 * Reads the query of a list.
 * @throws ProblemError VAL-000 for two different page sizes or an incomplete or unknown reference, VAL-005 for a bad
 *   search or order
 */
export function listOptions({ operation, query }: ListRequest, listing: Listing): ListOptions {
  const { page = 1, pageSize, size, orderBy, order } = query;
  if (pageSize !== undefined && size !== undefined && pageSize !== size) {
    const message = `pageSize is ${pageSize}, but its alias size is ${size}; use only one of them`;
    throw invalid(message, 'conflict', 'pageSize', 'size');
  }
  return {
    page,
    pageSize: pageSize ?? size ?? operation.defaultPageSize!,
    search: searchOf(query, listing),
    order: readOrder(orderBy, order, listing),
  };
}

function invalid(message: string, constraint: string, ...fields: string[]): ProblemError {
  const errors = fields.map((field) => ({ field, message, constraint }));
  return new ProblemError('VAL-000', `${message}.`, { errors });
}

/** The search and the reference that a list asks for, as one tree. */
export function searchOf(query: ListRequest['query'], listing: Listing): SearchTree | undefined {
  const search = query.search === undefined ? undefined : parseSearch(query.search);
  const reference = referenceOf(query, listing);
  if (search === undefined || reference === undefined) return search ?? reference;
  return { type: 'and', operands: [reference, search], position: 1 };
}

/** `references.<ref_type> = '<ref_target_id>'` */
function referenceOf(
  { ref_type: type, ref_target_id: id }: ListRequest['query'],
  { references }: Listing,
): SearchTree | undefined {
  if (type === undefined && id === undefined) return undefined;
  if (type === undefined) throw missing('ref_type', 'ref_target_id');
  if (id === undefined) throw missing('ref_target_id', 'ref_type');
  if (!references.includes(type)) {
    const message =
      references.length === 0
        ? 'ref_type cannot be used: there are no references in this list'
        : `ref_type must be one of: ${references.join(', ')}`;
    throw invalid(message, 'enum', 'ref_type');
  }
  const position = 1;
  const parts = ['references', type].map((text) => ({ text, quoted: false, position }));
  return {
    type: 'compare',
    field: { parts, text: `references.${type}`, position },
    operator: '=',
    // PostgreSQL refuses NUL; no id has it, nor what stands for it.
    value: { type: 'string', text: id.replaceAll('\0', '\uFFFD'), position },
    position,
  };
}

function missing(field: string, other: string): ProblemError {
  return invalid(`${field} is required with ${other}`, 'dependentRequired', field);
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
