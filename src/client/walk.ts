import { ok } from './api-error';

export interface Selection {
  /**
   * Yield only matches of this expression, as in the parameter `search`, but with at most 99 comparisons and 49 levels
   * of parentheses: the condition that finds the next page takes one of each.
   */
  search?: string;
  /** Number of items per request, at least 1; default 100. */
  pageSize?: number;
  signal?: AbortSignal;
}

type PageResult =
  | { data: { items: { id?: string; adapter?: string }[] }; error?: never; response: Response }
  | { data?: never; error: unknown; response: Response };

export type GetPage = (path: string, options: object) => Promise<PageResult>;

const PAGE_SIZE = 100;

/** Yields the items of a list, page by page. @throws ApiError; RangeError for a page size below 1 */
export async function* walk(
  get: GetPage,
  path: string,
  { search, pageSize = PAGE_SIZE, signal, path: parameters }: Selection & { path?: object },
): AsyncGenerator<unknown, void, undefined> {
  if (pageSize < 1) throw new RangeError('pageSize must be at least 1');
  const key = path.endsWith('/statuses') ? 'adapter' : 'id';
  let last: string | undefined;
  for (;;) {
    const after = last === undefined ? undefined : `${key} > '${last}'`;
    const terms = [search?.trim() && `(${search})`, after].filter(Boolean).join(' and ');
    const query = { orderBy: key, pageSize, ...(terms && { search: terms }) };
    const { data } = await ok(get(path, { params: { path: parameters, query }, signal }));
    const { items } = data;
    yield* items;
    if (items.length < pageSize) return;
    last = items.at(-1)![key];
  }
}
