import { Agent } from 'node:http';
import supertest, { type Response, type Test } from 'supertest';

export const API_BASE = '/api/hyperfleet/v1';

/** The methods of supertest that send a request. */
export type Method = 'get' | 'head' | 'post' | 'put' | 'patch' | 'delete' | 'options';

/** The media type of a PATCH that names only what changes. */
export const MERGE_PATCH = 'application/merge-patch+json';

/** Real clients keep their connections open; supertest by itself does not. */
const connections = new Agent({ keepAlive: true, maxSockets: 64 });

/** supertest for paths below the base path: `await api(app).get('/clusters')`. */
export function api({ url }: { url: string }) {
  return supertest.agent(url + API_BASE).use((request: Test) => request.agent(connections));
}

/** Sends a request now: by itself it is sent only when it is awaited. */
export function begin(request: Test): Promise<Response> {
  return request.then((response) => response);
}

/** How many responses have each status. */
export function tally(responses: readonly { status: number }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
