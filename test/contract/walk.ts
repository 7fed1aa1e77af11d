import type { KindContract } from './contracts';
import {
  type Document,
  listOperations,
  neededHeaders,
  type Operation,
  schemaCompiler,
} from './json-schema';
import { scenariosOf } from './scenarios';
import { type Described, type Scenario, startWorld, type World } from './world';

/*
 * Walks a contract: every operation and every response it documents must come from a real request, and
 * the response must be the documented one: status, media type, headers and body.
 */

/** `operationId status`, and the media type where there is one: each is a response to be seen. */
export function documentedResponses(list: readonly Operation[]): string[] {
  return list.flatMap(({ id, responses }) =>
    Object.entries(responses).flatMap(([status, { content }]) => {
      const types = Object.keys(content);
      return types.length === 0
        ? [`${id} ${status}`]
        : types.map((type) => `${id} ${status} ${type}`);
    }),
  );
}

/** Defines the tests that walk a contract. */
export function walk(contract: KindContract): void {
  const operations = listOperations(contract.document);
  const problemsWith = problemFinder(contract.document);
  const table = operations.flatMap((operation) =>
    Object.entries(scenariosOf(operation, contract.kinds)).flatMap(([status, scenarios]) =>
      scenarios.map((scenario) => ({ ...scenario, operation, status })),
    ),
  );

  let world: World;
  const seen = new Set<string>();
  beforeAll(async () => {
    world = await startWorld(contract);
  });
  afterAll(() => world.stop());

  test('the service serves this contract', async () => {
    expect(await world.made({ path: '/openapi' })).toEqual(contract.document);
  });

  test('every operation and every documented status has a request that leads there', () => {
    const tried = new Set(table.map(({ operation, status }) => `${operation.id} ${status}`));
    const documented = operations.flatMap(({ id, responses }) =>
      Object.keys(responses).map((status) => `${id} ${status}`),
    );
    expect(documented.filter((response) => !tried.has(response))).toEqual([]);
    expect([...tried].filter((response) => !documented.includes(response))).toEqual([]);
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
}

/** Headers that say something only where they are documented. */
const MEANINGFUL_HEADERS = [
  ...['ETag', 'Location', 'Retry-After', 'WWW-Authenticate', 'Allow'],
  ...['HyperFleet-Report-Discarded', 'HyperFleet-Cursor', 'Accept-Patch'],
];

export function problemFinder(document: Document) {
  const checkerOf = schemaCompiler(document, true);
  return (
    response: Described,
    { status, code, fields = [] }: Scenario & { status: string },
    { responses }: Operation,
  ): string[] => {
    const problems: string[] = [];
    const note = (fault: string) => problems.push(`${fault} (${response.status} ${response.text})`);
    const expected = status === 'default' ? 405 : Number(status);
    if (response.status !== expected) note(`status ${response.status} instead of ${expected}`);
    const documented = responses[status]!;
    const { content } = documented;

    const schema = content[response.type];
    if (Object.keys(content).length === 0) {
      if (response.text !== '' || response.type !== '') note('a body where none is documented');
    } else if (schema === undefined) {
      note(`media type '${response.type}' is not documented`);
    } else {
      const value: unknown = response.type.endsWith('json') ? response.body : response.text;
      for (const fault of checkerOf(schema)(value)) note(fault);
    }

    const needed = neededHeaders(documented, expected, response.type);
    for (const name of needed) {
      if (response.headers[name.toLowerCase()] === undefined) note(`no header ${name}`);
    }
    for (const name of MEANINGFUL_HEADERS) {
      const sent = response.headers[name.toLowerCase()] !== undefined;
      if (sent && !needed.includes(name)) note(`header ${name} is not documented here`);
    }
    if (expected >= 400) {
      const body = response.body as Record<string, unknown> | undefined;
      if (body?.code !== `HYPERFLEET-${code}`)
        note(`code ${String(body?.code)} instead of ${code}`);
      const named = ((body?.errors ?? []) as { field: string }[]).map(({ field }) => field);
      for (const field of fields) {
        if (!named.includes(field)) note(`no error of ${field}`);
      }
      if (body?.status !== response.status) note('status in the body differs');
      if (body?.trace_id !== response.headers['x-request-id']) note('trace_id differs');
    }
    return problems;
  };
}
