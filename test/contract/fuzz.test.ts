import fc from 'fast-check';
import supertest from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';
import { type RawResponse, sendRaw } from '../support/raw-http';
import { readContract } from '../../src/contract/document';
import { type FuzzRequest, type FuzzedOperation, requestTo } from './arbitrary-request';
import { type Document, type Json, listOperations, schemaCompiler } from './json-schema';

/*
 * Sends requests made from the schemas of the contract, good, nearly good and bad, to every operation. Whatever comes,
 * the answer is one that the contract describes, and never the server's fault.
 * `npm run fuzz -- --seconds 60` for longer; a failure prints the seed and the smallest request that shows it.
 */

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 8);
const SEED = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);
/** New resources come in now and then, because the fuzz deletes what it finds. */
const FRESH_EVERY = 40;

jest.setTimeout(SECONDS * 1000 + 120_000);

const document = readContract(20) as unknown as Document;
const operations = listOperations(document);
const checkerOf = schemaCompiler(document, true);
const B = '/api/hyperfleet/v1';

let app: TestApp;
const clusters: string[] = [];
const pools: { id: string; owner: string }[] = [];
const answers = new Map<number, number>();
const succeeded = new Set<string>();
let sent = 0;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

async function refresh(): Promise<void> {
  const create = async (path: string, body: object) => {
    const response = await supertest(app.url).post(path).send(body);
    return response.body.id as string;
  };
  const cluster = await create(`${B}/clusters`, newCluster());
  const marked = await create(`${B}/clusters`, newCluster());
  const below = `${B}/clusters/${cluster}/nodepools`;
  const pool = await create(below, newNodePool());
  const markedPool = await create(below, newNodePool());
  for (const path of [`${B}/clusters/${marked}`, `${below}/${markedPool}`]) {
    await supertest(app.url).delete(path);
  }
  clusters.unshift(cluster, marked);
  pools.unshift({ id: pool, owner: cluster }, { id: markedPool, owner: cluster });
  clusters.splice(6);
  pools.splice(6);
}

function resolve(node: unknown): Json {
  const { $ref } = node as { $ref?: string };
  if ($ref === undefined) return node as Json;
  const keys = $ref.slice(2).split('/');
  return resolve(keys.reduce<unknown>((at, key) => (at as Json)[key], document));
}

const fuzzed: FuzzedOperation[] = operations.map(({ id, method, path }) => {
  const item = document.paths[path]!;
  const operation = resolve(item[method.toLowerCase()]);
  const parameters = [item.parameters, operation.parameters].flatMap((list) =>
    ((list ?? []) as unknown[]).map(resolve),
  );
  const { content = {} } = resolve(operation.requestBody ?? {}) as {
    content?: Record<string, Json>;
  };
  const bodies = Object.entries(content).map(([type, { schema }]) => [type, schema as Json]);
  return {
    ...{ id, method, path },
    parameters: parameters as unknown as FuzzedOperation['parameters'],
    bodies: Object.fromEntries(bodies) as Record<string, Json>,
  };
});

/** Puts resources that exist in the places of their parameters. */
function pathOf({ path, ids }: FuzzRequest): string {
  const left = [...ids];
  const pool = pools[Number(ids.at(-1)) % pools.length] ?? pools[0]!;
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const id = left.shift()!;
    if (typeof id === 'string') return id;
    if (name === 'nodepool_id') return pool.id;
    if (name !== 'cluster_id') return 'VAL-000';
    return path.includes('nodepool_id') ? pool.owner : clusters[id % clusters.length]!;
  });
}

function sendFuzz(request: FuzzRequest): Promise<RawResponse> {
  const { method, query, headers, body } = request;
  const path = query === '' ? pathOf(request) : `${pathOf(request)}?${query}`;
  return sendRaw(app.url, { method, path, headers, body });
}

/** What the contract does not allow an answer to be. */
function faultsOf(request: FuzzRequest, answer: RawResponse): string[] {
  const { status, type, text } = answer;
  if (status >= 500) return [`status ${status}: ${text}`];
  const { responses } = operations.find(({ id }) => id === request.operation)!;
  const documented = responses[status] ?? (status >= 400 ? responses.default : undefined);
  if (documented === undefined) return [`status ${status} is not documented: ${text}`];
  const types = Object.keys(documented.content);
  if (types.length === 0) return text === '' ? [] : [`a body with ${status}: ${text}`];
  const schema = documented.content[type];
  if (schema === undefined) return [`the type '${type}' is not documented for ${status}`];
  const faults = checkerOf(schema)(answer.body ?? text);
  for (const name of documented.headers.filter((header) => header !== 'Allow')) {
    if (answer.headers[name.toLowerCase()] === undefined) faults.push(`no header ${name}`);
  }
  return faults.map((fault) => `${fault} in ${status} ${text.slice(0, 500)}`);
}

/** Fails with the smallest request that gets an answer it should not get. */
function fuzz(
  list: FuzzedOperation[],
  limits: { numRuns: number; seconds: number },
): Promise<void> {
  const request = fc.oneof(...list.map((operation) => requestTo(operation, document)));
  return fc.assert(
    fc.asyncProperty(request, async (made) => {
      if (sent++ % FRESH_EVERY === 0) await refresh();
      const answer = await sendFuzz(made);
      answers.set(answer.status, (answers.get(answer.status) ?? 0) + 1);
      if (answer.status < 400) succeeded.add(made.operation);
      expect(faultsOf(made, answer)).toEqual([]);
    }),
    { numRuns: limits.numRuns, interruptAfterTimeLimit: limits.seconds * 1000, seed: SEED },
  );
}

const unsuccessful = () => fuzzed.filter(({ id }) => !succeeded.has(id));

test(`for ${SECONDS} s no request gets an answer that the contract does not describe`, async () => {
  await fuzz(fuzzed, { numRuns: 1e9, seconds: SECONDS });
});

test('the requests were good enough to succeed and bad enough to be refused', async () => {
  // On a slow machine the time may not have been enough for all.
  for (let round = 0; round < 10 && unsuccessful().length > 0; round++) {
    await fuzz(unsuccessful(), { numRuns: 100, seconds: 10 });
  }
  expect(unsuccessful()).toEqual([]);
  const statuses = Object.fromEntries(answers);
  process.stdout.write(`Fuzz: ${sent} requests, by status ${JSON.stringify(statuses)}\n`);
  for (const status of [200, 201, 202, 204, 400, 404, 415]) {
    expect([...answers.keys()]).toContain(status);
  }
});

test('the service still serves', async () => {
  const answer = await supertest(app.url).get(`${B}/clusters?pageSize=500`);
  expect(answer.status).toBe(200);
  expect(answer.body.total).toBe(answer.body.size);
});
