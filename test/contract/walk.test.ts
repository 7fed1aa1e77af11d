import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Response } from 'supertest';
import { type Document, listOperations, type Operation, schemaCompiler } from './json-schema';
import { type Scenario, scenariosOf } from './scenarios';
import { startWorld, type World } from './world';

/*
 * Walks the contract: every operation and every answer it documents must be got by a real request, and
 * the answer must be the documented one: status, media type, headers and body.
 */

const contract = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'generated', 'openapi.json'), 'utf8'),
) as Document;
const operations = listOperations(contract);
const checkerOf = schemaCompiler(contract, true);

/** `operationId status`, and the media type where there is one: each is an answer to be seen. */
function documentedAnswers(list: readonly Operation[]): string[] {
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
  expect(documented.filter((answer) => !tried.has(answer))).toEqual([]);
  expect([...tried].filter((answer) => !documented.includes(answer))).toEqual([]);
  expect(operations).toHaveLength(28);
});

describe.each(operations.map((operation) => [operation.id, operation] as const))(
  '%s',
  (id, operation) => {
    const scenarios = table.filter((entry) => entry.operation.id === id);
    it.each(scenarios)('answers $status: $what', async (scenario) => {
      const answer = await scenario.run(world);
      expect(problemsWith(answer, scenario, operation)).toEqual([]);
      const type = answer.type === '' ? '' : ` ${answer.type}`;
      seen.add(`${id} ${scenario.status}${type}`);
    });
  },
);

test('every documented answer was really given, in each of its media types', () => {
  const unseen = documentedAnswers(operations).filter((answer) => !seen.has(answer));
  expect(unseen).toEqual([]);
});

/** Headers that belong to one of the answers which the entry `default` stands for. */
const CONDITIONAL_HEADERS = ['Allow'];
/** Headers that say something only where they are documented. */
const MEANINGFUL_HEADERS = [
  ...['ETag', 'Location', 'Retry-After', 'WWW-Authenticate', 'Allow'],
  'HyperFleet-Report-Discarded',
];

function problemsWith(
  answer: Described,
  { status, code }: Scenario & { status: string },
  { responses }: Operation,
): string[] {
  const problems: string[] = [];
  const note = (fault: string) => problems.push(`${fault} (${answer.status} ${answer.text})`);
  const expected = status === 'default' ? 405 : Number(status);
  if (answer.status !== expected) note(`status ${answer.status} instead of ${expected}`);
  const { content, headers } = responses[status]!;

  const schema = content[answer.type];
  if (Object.keys(content).length === 0) {
    if (answer.text !== '' || answer.type !== '') note('a body where none is documented');
  } else if (schema === undefined) {
    note(`media type '${answer.type}' is not documented`);
  } else {
    const value: unknown = answer.type.endsWith('json') ? answer.body : answer.text;
    for (const fault of checkerOf(schema)(value)) note(fault);
  }

  for (const name of headers) {
    const needed = !CONDITIONAL_HEADERS.includes(name) || expected === 405;
    if (needed && answer.headers[name.toLowerCase()] === undefined) note(`no header ${name}`);
  }
  for (const name of MEANINGFUL_HEADERS) {
    const sent = answer.headers[name.toLowerCase()] !== undefined;
    if (sent && !headers.includes(name)) note(`header ${name} is not documented here`);
  }
  if (expected >= 400) {
    const body = answer.body as Record<string, unknown> | undefined;
    if (body?.code !== `HYPERFLEET-${code}`) note(`code ${String(body?.code)} instead of ${code}`);
    if (body?.status !== answer.status) note('status in the body differs');
    if (body?.trace_id !== answer.headers['x-request-id']) note('trace_id differs');
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
  const fault = (answer: Partial<Described>) =>
    problemsWith({ ...found, ...answer }, { status: '200', what: '', run: jest.fn() }, cluster);

  it('accepts the answer of the contract and nothing beside it', () => {
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
    const answers = documentedAnswers(operations);
    expect(answers).toContain('getClusterById 304');
    expect(answers).toContain('getOpenapi 200 application/yaml');
    expect(answers).toContain('deleteNodePoolById 412 application/problem+json');
  });
});
