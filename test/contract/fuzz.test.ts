import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import supertest from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { type RawResponse, sendRaw } from '../support/raw-http';
import { hrefOf, type Kind } from '../../src/kinds/kind';
import { type FuzzRequest, type FuzzedOperation, requestTo } from './arbitrary-request';
import { BUILT_IN, DECLARED, serving } from './contracts';
import {
  type Document,
  type Json,
  listOperations,
  neededHeaders,
  type Operation,
  schemaCompiler,
} from './json-schema';
import { B, listsResources, type Made, newBody } from './requests';

/*
 * Sends requests made from the schemas of the contract, good, nearly good and bad, to every operation. Whatever comes,
 * the response is one that the contract describes, and never the server's fault.
 * `npm run fuzz -- --seconds 60` for longer; a failure prints the seed and the smallest request that shows it.
 */

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 8);
const SEED = process.env.FUZZ_SEED === undefined ? undefined : Number(process.env.FUZZ_SEED);
/** New resources come in now and then, because the fuzz deletes what it finds. */
const FRESH_EVERY = 40;

jest.setTimeout(SECONDS * 1000 + 120_000);

type Stored = Pick<Made, 'id' | 'ownerId'>;

function resolve(node: unknown, document: Document): Json {
  const { $ref } = node as { $ref?: string };
  if ($ref === undefined) return node as Json;
  const keys = $ref.slice(2).split('/');
  return resolve(
    keys.reduce<unknown>((at, key) => (at as Json)[key], document),
    document,
  );
}

function fuzzedOperation({ id, method, path }: Operation, document: Document): FuzzedOperation {
  const item = document.paths[path]!;
  const operation = resolve(item[method.toLowerCase()], document);
  const parameters = [item.parameters, operation.parameters].flatMap((list) =>
    ((list ?? []) as unknown[]).map((node) => resolve(node, document)),
  );
  const { content = {} } = resolve(operation.requestBody ?? {}, document) as {
    content?: Record<string, Json>;
  };
  const bodies = Object.entries(content).map(([type, { schema }]) => [type, schema as Json]);
  return {
    ...{ id, method, path },
    parameters: parameters as unknown as FuzzedOperation['parameters'],
    bodies: Object.fromEntries(bodies) as Record<string, Json>,
  };
}

const asStream = (id: string) => `${id} as a stream`;

/** Almost every stream would be refused because of these. */
const NOT_OF_STREAMS = ['page', 'pageSize', 'size', 'order', 'orderBy', 'since'];

/** The same operation, for requests of streams. */
function streaming(operation: FuzzedOperation): FuzzedOperation {
  const parameters = operation.parameters
    .filter(({ name }) => !NOT_OF_STREAMS.includes(name))
    .map((parameter) => (parameter.name === 'watch' ? ALWAYS : parameter));
  return { ...operation, parameters };
}
const ALWAYS = { name: 'watch', in: 'query', schema: { enum: [true] } };

describe.each([
  ['the built-in kinds', BUILT_IN],
  ['five declared kinds', DECLARED],
])('the contract of %s', (_, { document, kinds, entities }) => {
  const operations = listOperations(document);
  const checkerOf = schemaCompiler(document, true);
  // Which kinds there are is not in the document.
  const told = structuredClone(document);
  const { kind } = told.components.schemas.ResourceCreateRequest!.properties as Record<
    string,
    Json
  >;
  kind!.enum = [...kinds.keys()];
  const fuzzed = new Map(
    operations.flatMap((operation) => {
      const page = fuzzedOperation(operation, document);
      const { id } = operation;
      return listsResources(operation)
        ? [[id, page] as const, [asStream(id), streaming(page)] as const]
        : [[id, page] as const];
    }),
  );

  let app: TestApp;
  /** The newest first. */
  const fleet = new Map(Array.from(kinds.values(), ({ name }): [string, Stored[]] => [name, []]));
  const counts = new Map<number, number>();
  const succeeded = new Set<string>();
  let sent = 0;

  beforeAll(async () => {
    app = await startTestApp({ env: serving(entities) });
  });
  afterAll(() => app.stop());

  /** Of each kind a new resource, and one that is marked. */
  async function refresh(): Promise<void> {
    for (const kind of kinds.values()) {
      const all = fleet.get(kind.name)!;
      const marked = await create(kind);
      await supertest(app.url).delete(hrefOf(kind, marked.id));
      all.unshift(await create(kind), marked);
      all.splice(6);
    }
  }

  async function create(kind: Kind): Promise<Stored> {
    const { parent, plural } = kind;
    const ownerId = parent === undefined ? '' : fleet.get(parent.name)![0]!.id;
    const path = parent === undefined ? B : hrefOf(parent, ownerId);
    const response = await supertest(app.url).post(`${path}/${plural}`).send(newBody(kind));
    return { id: response.body.id as string, ownerId };
  }

  /** Puts resources that exist in the places of their parameters. */
  function pathOf({ operation, path, ids }: FuzzRequest): string {
    const { kind: name } = operations.find(({ id }) => id === operation)!;
    const kind = name === undefined ? undefined : kinds.get(name)!;
    const stored = kind === undefined ? [...fleet.values()].flat() : fleet.get(kind.name)!;
    const { id, ownerId } = stored[Number(ids.at(-1)) % stored.length] ?? stored[0]!;
    const left = [...ids];
    return path.replace(/\{(\w+)\}/g, (_, parameter: string) => {
      const given = left.shift()!;
      if (typeof given === 'string') return given;
      if (parameter === 'id') return 'VAL-000';
      return parameter === kind?.parent?.idParameter ? ownerId : id;
    });
  }

  function sendFuzz(request: FuzzRequest): Promise<RawResponse> {
    const { method, query, headers, body } = request;
    const path = query === '' ? pathOf(request) : `${pathOf(request)}?${query}`;
    return sendRaw(app.url, { method, path, headers, body });
  }

  /** What the contract does not allow a response to be. */
  function faultsOf(request: FuzzRequest, response: RawResponse): string[] {
    const { status, type, text } = response;
    if (status >= 500) return [`status ${status}: ${text}`];
    const { responses } = operations.find(({ id }) => id === request.operation)!;
    const documented = responses[status] ?? (status >= 400 ? responses.default : undefined);
    if (documented === undefined) return [`status ${status} is not documented: ${text}`];
    const types = Object.keys(documented.content);
    if (types.length === 0) return text === '' ? [] : [`a body with ${status}: ${text}`];
    const schema = documented.content[type];
    if (schema === undefined) return [`the type '${type}' is not documented for ${status}`];
    const reduced = /(?:^|&)fields=/.test(request.query);
    const faults = checkerOf(schema)(response.body ?? text).filter(
      (fault) => !reduced || !fault.includes('must have required property'),
    );
    for (const name of neededHeaders(documented, status, type)) {
      if (response.headers[name.toLowerCase()] === undefined) faults.push(`no header ${name}`);
    }
    return faults.map((fault) => `${fault} in ${status} ${text.slice(0, 500)}`);
  }

  /** Fails with the smallest request that gets a response it should not get. */
  function fuzz(
    list: [name: string, FuzzedOperation][],
    limits: { numRuns: number; seconds: number },
  ): Promise<void> {
    const request = fc.oneof(...list.map(([, operation]) => requestTo(operation, told)));
    return fc.assert(
      fc.asyncProperty(request, async (made) => {
        if (sent++ % FRESH_EVERY === 0) await refresh();
        const response = await sendFuzz(made);
        counts.set(response.status, (counts.get(response.status) ?? 0) + 1);
        const streams = response.type === 'text/event-stream';
        const name = streams ? asStream(made.operation) : made.operation;
        if (response.status < 400) succeeded.add(name);
        expect(faultsOf(made, response)).toEqual([]);
      }),
      { numRuns: limits.numRuns, interruptAfterTimeLimit: limits.seconds * 1000, seed: SEED },
    );
  }

  const unsuccessful = () => [...fuzzed].filter(([name]) => !succeeded.has(name));

  test(`for ${SECONDS} s no request gets a response that the contract does not describe`, async () => {
    await fuzz([...fuzzed], { numRuns: 1e9, seconds: SECONDS });
  });

  test('the requests were good enough to succeed and bad enough to be refused', async () => {
    // The time may not have been enough for all, and some are rarely made well.
    for (const end = Date.now() + 100_000; unsuccessful().length > 0 && Date.now() < end;) {
      await fuzz(unsuccessful(), { numRuns: 100, seconds: 10 });
    }
    expect(unsuccessful().map(([name]) => name)).toEqual([]);
    const statuses = Object.fromEntries(counts);
    process.stdout.write(`Fuzz: ${sent} requests, by status ${JSON.stringify(statuses)}\n`);
    for (const status of [200, 201, 202, 204, 400, 404, 415]) {
      expect([...counts.keys()]).toContain(status);
    }
  });

  test('the service still serves, and no stream is left open', async () => {
    const response = await supertest(app.url).get(`${B}/clusters?pageSize=500`);
    expect(response.status).toBe(200);
    expect(response.body.total).toBe(response.body.size);
    const watches = app.service.metrics.registry.getSingleMetric('hyperfleet_api_watches')!;
    const open = async () => (await watches.get()).values[0]!.value;
    for (let wait = 0; wait < 50 && (await open()) > 0; wait++) await sleep(100);
    expect(await open()).toBe(0);
  });
});
