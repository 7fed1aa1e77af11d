import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Response } from 'supertest';
import { type Document, listOperations, type Operation, schemaCompiler } from './json-schema';
import { scenariosOf } from './scenarios';
import { type Scenario, startWorld, type World } from './world';

/*
 * Walks the contract: every operation and every response it documents must come from a real request, and
 * the response must be the documented one: status, media type, headers and body.
 */

const contract = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'generated', 'openapi.json'), 'utf8'),
) as Document;
const operations = listOperations(contract);
const checkerOf = schemaCompiler(contract, true);

/** `operationId status`, and the media type where there is one: each is a response to be seen. */
function documentedResponses(list: readonly Operation[]): string[] {
  return list.flatMap(({ id, responses }) =>
    Object.entries(responses).flatMap(([status, { content }]) => {
      const types = Object.keys(content);
      return types.length === 0
        ? [`${id} ${status}`]
        : types.map((type) => `${id} ${status} ${type}`);
    }),
  );
}

const table = operations.flatMap((operation) =>
  Object.entries(scenariosOf(operation)).flatMap(([status, scenarios]) =>
    scenarios.map((scenario) => ({ ...scenario, operation, status })),
  ),
);

/** As much of a response as the contract describes. */
type Described = Pick<Response, 'status' | 'type' | 'headers' | 'text' | 'body'>;

let world: World;
const seen = new Set<string>();
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

test('every operation and every documented status has a request that leads there', () => {
  const tried = new Set(table.map(({ operation, status }) => `${operation.id} ${status}`));
  const documented = operations.flatMap(({ id, responses }) =>
    Object.keys(responses).map((status) => `${id} ${status}`),
  );
  expect(documented.filter((response) => !tried.has(response))).toEqual([]);
  expect([...tried].filter((response) => !documented.includes(response))).toEqual([]);
  expect(operations).toHaveLength(43);
});

describe.each(operations.map((operation) => [operation.id, operation] as const))(
  '%s',
  (id, operation) => {
    const scenarios = table.filter((entry) => entry.operation.id === id);
    it.each(scenarios)('responds with $status: $what', async (scenario) => {
      const response = await scenario.run(world);
      expect(problemsWith(response, scenario, operation)).toEqual([]);
      const type = response.type === '' ? '' : ` ${response.type}`;
      seen.add(`${id} ${scenario.status}${type}`);
    });
  },
);

test('every documented response was really sent, in each of its media types', () => {
  const unseen = documentedResponses(operations).filter((response) => !seen.has(response));
  expect(unseen).toEqual([]);
});

/** Headers that belong to one of the responses which the entry `default` stands for. */
const CONDITIONAL_HEADERS = ['Allow'];
/** Headers that say something only where they are documented. */
const MEANINGFUL_HEADERS = [
  ...['ETag', 'Location', 'Retry-After', 'WWW-Authenticate', 'Allow'],
  ...['HyperFleet-Report-Discarded', 'Accept-Patch'],
];

function problemsWith(
  response: Described,
  { status, code }: Scenario & { status: string },
  { responses }: Operation,
): string[] {
  const problems: string[] = [];
  const note = (fault: string) => problems.push(`${fault} (${response.status} ${response.text})`);
  const expected = status === 'default' ? 405 : Number(status);
  if (response.status !== expected) note(`status ${response.status} instead of ${expected}`);
  const { content, headers } = responses[status]!;

  const schema = content[response.type];
  if (Object.keys(content).length === 0) {
    if (response.text !== '' || response.type !== '') note('a body where none is documented');
  } else if (schema === undefined) {
    note(`media type '${response.type}' is not documented`);
  } else {
    const value: unknown = response.type.endsWith('json') ? response.body : response.text;
    for (const fault of checkerOf(schema)(value)) note(fault);
  }

  for (const name of headers) {
    const needed = !CONDITIONAL_HEADERS.includes(name) || expected === 405;
    if (needed && response.headers[name.toLowerCase()] === undefined) note(`no header ${name}`);
  }
  for (const name of MEANINGFUL_HEADERS) {
    const sent = response.headers[name.toLowerCase()] !== undefined;
    if (sent && !headers.includes(name)) note(`header ${name} is not documented here`);
  }
  if (expected >= 400) {
    const body = response.body as Record<string, unknown> | undefined;
    if (body?.code !== `HYPERFLEET-${code}`) note(`code ${String(body?.code)} instead of ${code}`);
    if (body?.status !== response.status) note('status in the body differs');
    if (body?.trace_id !== response.headers['x-request-id']) note('trace_id differs');
  }
  return problems;
}

describe('the walk itself', () => {
  const cluster = operations.find(({ id }) => id === 'getClusterById')!;
  const found: Described = {
    status: 200,
    type: 'application/json',
    headers: { etag: '"1"', 'x-request-id': 'x' },
    text: '',
    body: contract.components.schemas.Cluster!.example,
  };
  const fault = (response: Partial<Described>) =>
    problemsWith({ ...found, ...response }, { status: '200', what: '', run: jest.fn() }, cluster);

  it('accepts the response of the contract and nothing beside it', () => {
    expect(fault({})).toEqual([]);
    expect(fault({ status: 201 })[0]).toMatch(/status 201 instead of 200/);
    expect(fault({ type: 'text/html' })[0]).toMatch(/media type 'text\/html'/);
    expect(fault({ headers: { 'x-request-id': 'x' } })[0]).toMatch(/no header ETag/);
    const headers = { ...found.headers, location: '/' };
    expect(fault({ headers })[0]).toMatch(/Location is not documented/);
    const body = found.body as Record<string, unknown>;
    expect(fault({ body: { ...body, deleted_time: null } })[0]).toMatch(/deleted_time/);
    expect(fault({ body: { ...body, surprise: 1 } })[0]).toMatch(/additional properties.*surprise/);
    expect(fault({ body: { ...body, created_by: 'nobody' } })[0]).toMatch(/email/);
  });

  it('names what nobody has tried', () => {
    const responses = documentedResponses(operations);
    expect(responses).toContain('getClusterById 304');
    expect(responses).toContain('getOpenapi 200 application/yaml');
    expect(responses).toContain('deleteNodePoolById 412 application/problem+json');
  });
});
