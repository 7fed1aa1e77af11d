import createFetchClient, { type Client, type Middleware } from 'openapi-fetch';
import type { components, operations, paths } from '../generated/openapi';

/** The types of the contract, for users of the client. */
export type { components, operations, paths };

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];

export interface ClientOptions {
  /** Where the service is, for example `http://localhost:8000`. */
  baseUrl: string;
  /** A bearer token, or a function that returns one; called before every request, so tokens may expire. */
  token?: string | (() => string | Promise<string>);
  /** Replaces the global `fetch`, for example to retry or to trace. */
  fetch?: (request: Request) => Promise<Response>;
}

/** The error for a response that is not a success. Rely on `code`; the message is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** The body; absent when the response is not from the service, but from a proxy, for example. */
    readonly problem?: Problem,
  ) {
    super(problem ? `${problem.code}: ${problem.detail}` : `HTTP ${status}`);
    this.name = 'ApiError';
  }

  /** For example `HYPERFLEET-NTF-001`. */
  get code(): string | undefined {
    return this.problem?.code;
  }
}

/** The lists of the API by path, each with the type of its items. */
type Lists = {
  [
    Path in keyof paths as paths[Path] extends PagedList<unknown> ? Path : never
  ]: paths[Path] extends PagedList<infer Item> ? Item : never;
};

interface PagedList<Item> {
  get: {
    parameters: { query?: { page?: number; search?: string } };
    responses: { 200: { content: { 'application/json': { items: Item[] } } } };
  };
}

/** Arguments that select a list: one below a resource requires the ids in its path. */
type SelectionOf<Path extends keyof paths> = paths[Path]['parameters'] extends {
  path: infer Parameters;
}
  ? [selection: Selection & { path: Parameters }]
  : [selection?: Selection];

export interface Selection {
  /** Yield only matches of this expression, as in the parameter `search`. */
  search?: string;
  /** Number of items per request; default 100. */
  pageSize?: number;
  signal?: AbortSignal;
}

export type HyperFleetClient = Pick<Client<paths>, 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'> & {
  /**
   * Iterates over a whole list, page by page, in the order of the key. Each page starts after the last item of
   * the previous one, so that resources created or removed meanwhile cause neither duplicates nor gaps.
   * @throws ApiError
   */
  each<Path extends keyof Lists>(
    path: Path,
    ...selection: SelectionOf<Path>
  ): AsyncGenerator<Lists[Path], void, undefined>;
};

/** A client for every operation of the contract, with its types. */
export function createClient({ baseUrl, token, fetch }: ClientOptions): HyperFleetClient {
  const client = createFetchClient<paths>({ baseUrl, fetch });
  if (token !== undefined) client.use(authentication(token));
  const { GET, POST, PUT, PATCH, DELETE } = client;
  const each: HyperFleetClient['each'] = (path, ...[selection]) =>
    walk(client, path, selection ?? {});
  return { GET, POST, PUT, PATCH, DELETE, each };
}

function authentication(token: NonNullable<ClientOptions['token']>): Middleware {
  return {
    async onRequest({ request }) {
      const current = typeof token === 'string' ? token : await token();
      request.headers.set('Authorization', `Bearer ${current}`);
    },
  };
}

/**
 * Passes on the result of a successful request: `const { data: cluster } = await ok(client.GET(…))`.
 * For a response without a body, such as the 204 for a discarded report, look at `response.status`.
 * @throws ApiError when the response is not a success
 */
export async function ok<Result extends { response: Response; error?: unknown }>(
  pending: Promise<Result>,
): Promise<Extract<Result, { error?: undefined }>> {
  const result = await pending;
  const { error, response } = result;
  if (!response.ok) throw new ApiError(response.status, isProblem(error) ? error : undefined);
  return result as Extract<Result, { error?: undefined }>;
}

function isProblem(error: unknown): error is Problem {
  return typeof error === 'object' && error !== null && 'code' in error && 'type' in error;
}

type PageResult =
  | { data: { items: { id?: string; adapter?: string }[] }; error?: never; response: Response }
  | { data?: never; error: unknown; response: Response };

const PAGE_SIZE = 100;

async function* walk<Path extends keyof Lists>(
  client: Client<paths>,
  path: Path,
  { search, pageSize = PAGE_SIZE, signal, path: parameters }: Selection & { path?: object },
): AsyncGenerator<Lists[Path], void, undefined> {
  // All lists have these parameters, so one signature fits all paths.
  const get = client.GET as unknown as (path: string, options: object) => Promise<PageResult>;
  const key = path.endsWith('/statuses') ? 'adapter' : 'id';
  let last: string | undefined;
  for (;;) {
    const after = last === undefined ? undefined : `${key} > '${last}'`;
    const terms = [search && `(${search})`, after].filter(Boolean).join(' and ');
    const query = { orderBy: key, pageSize, ...(terms && { search: terms }) };
    const { data } = await ok(get(path, { params: { path: parameters, query }, signal }));
    const { items } = data;
    yield* items as Lists[Path][];
    if (items.length < pageSize) return;
    last = items.at(-1)![key];
  }
}
