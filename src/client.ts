import createFetchClient, { type Client, type Middleware } from 'openapi-fetch';
import type { components, operations, paths } from '../generated/openapi';

/** The types of the contract, for users of the client. */
export type { components, operations, paths };

export type Schemas = components['schemas'];
export type Problem = Schemas['Problem'];

export interface ClientOptions {
  /** Where the service answers, for example `http://localhost:8000`. */
  baseUrl: string;
  /** A bearer token, or where to get one; asked before every request, so that it may expire. */
  token?: string | (() => string | Promise<string>);
  /** Replaces the global `fetch`, for example to retry or to trace. */
  fetch?: (request: Request) => Promise<Response>;
}

/** An answer that is a problem. Decide on `code`; the message is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** What the service said; absent when something before it answered, such as a proxy. */
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

/** The lists that can be walked, by path, each with what it holds. */
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

/** Says what to walk: a list below a resource needs to know which. */
type SelectionOf<Path extends keyof paths> = paths[Path]['parameters'] extends {
  path: infer Parameters;
}
  ? [selection: Selection & { path: Parameters }]
  : [selection?: Selection];

export interface Selection {
  /** Only what matches, in the language of the `search` parameter. */
  search?: string;
  /** How many items are fetched at a time; 100 unless said. */
  pageSize?: number;
  signal?: AbortSignal;
}

export type HyperFleetClient = Pick<Client<paths>, 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'> & {
  /**
   * Walks a whole list, page by page, in the order of the key. Each page starts behind the last item of
   * the one before, so that what comes and goes meanwhile makes nothing appear twice or be skipped.
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
 * Lets only good answers through: `const { data: cluster } = await ok(client.GET(…))`.
 * An answer without a body, such as the 204 for a discarded report, is told by its `response.status`.
 * @throws ApiError when the answer is a problem
 */
export async function ok<Answer extends { response: Response; error?: unknown }>(
  answer: Promise<Answer>,
): Promise<Extract<Answer, { error?: undefined }>> {
  const { error, response } = await answer;
  if (!response.ok) throw new ApiError(response.status, isProblem(error) ? error : undefined);
  return (await answer) as Extract<Answer, { error?: undefined }>;
}

function isProblem(error: unknown): error is Problem {
  return typeof error === 'object' && error !== null && 'code' in error && 'type' in error;
}

type PageAnswer =
  | { data: { items: { id?: string; adapter?: string }[] }; error?: never; response: Response }
  | { data?: never; error: unknown; response: Response };

const PAGE_SIZE = 100;

async function* walk<Path extends keyof Lists>(
  client: Client<paths>,
  path: Path,
  { search, pageSize = PAGE_SIZE, signal, path: parameters }: Selection & { path?: object },
): AsyncGenerator<Lists[Path], void, undefined> {
  // Every list takes these parameters; which path it is makes no difference here.
  const get = client.GET as unknown as (path: string, options: object) => Promise<PageAnswer>;
  const key = path.endsWith('/statuses') ? 'adapter' : 'id';
  let last: string | undefined;
  for (;;) {
    const behind = last === undefined ? undefined : `${key} > '${last}'`;
    const terms = [search && `(${search})`, behind].filter(Boolean).join(' and ');
    const query = { orderBy: key, pageSize, ...(terms && { search: terms }) };
    const { data } = await ok(get(path, { params: { path: parameters, query }, signal }));
    const { items } = data;
    yield* items as Lists[Path][];
    if (items.length < pageSize) return;
    last = items.at(-1)![key];
  }
}
