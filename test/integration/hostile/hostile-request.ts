/** A request that nobody honest sends, or only by mistake, and what must come of it. */
export interface HostileRequest {
  what: string;
  method?: string;
  /** As it is sent, but for the names of the resources. */
  path: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON; text and bytes as they are. */
  body?: unknown;
  /** Sent with `Transfer-Encoding: chunked`. */
  chunked?: true;
  status: number;
  /** Of the problem, without its prefix; absent: no problem. */
  code?: string;
  /** Fields at fault that the problem must name. */
  fields?: string[];
}

export const API = '/api/hyperfleet/v1';
export const CLUSTERS = `${API}/clusters`;
/** Replaced by real paths when a request is sent. */
export const CLUSTER = ':cluster';
export const MARKED = ':marked';
export const POOL = ':pool';
export const CLUSTER_ID = ':cluster-id';
export const POOL_ID = ':pool-id';

/** Rows of `[what, …]` as requests, the common part of which is given once. */
export function table<Row extends readonly unknown[]>(
  rows: readonly Row[],
  request: (...row: Row) => Omit<HostileRequest, 'what'>,
  what: (...row: Row) => string = (...row) => String(row[0]),
): HostileRequest[] {
  return rows.map((row) => ({ what: what(...row), ...request(...row) }));
}
