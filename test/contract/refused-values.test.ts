import type { Response } from 'supertest';
import { type Document, listOperations, type Schema } from '../../src/contract/document';
import { DECLARED } from './contracts';
import { listOperations as listTried } from './json-schema';
import { kindsFor, requestTo } from './requests';
import { type ContractRequest, startWorld, type World } from './world';

/*
 * Walks the contract and sends values of every type in place of every property and every query parameter: a refusal
 * names the rule in words of the contract, and nothing of the validator behind it.
 */

const { document, kinds } = DECLARED;
const operations = listOperations(document as unknown as Document);
const tried = new Map(
  listTried(document).map((operation) => {
    const [kind] = kindsFor(operation, kinds);
    return [operation.id, { operation, kind: kind!, kinds }];
  }),
);
const requestFor = (id: string) => requestTo(tried.get(id)!, world);

const VALUES = [5, 1.5, 2 ** 40, true, null, '', 'wrong!', 'x'.repeat(2000), [5], { a: 5 }];
const TEXTS = ['', '5', '-1', '1.5', 'wrong!', '99999999999', '%22', 'x'.repeat(5000)];

const JSON_SCHEMA = [
  ...['type', 'enum', 'format', 'pattern', 'required', 'additionalProperties', 'not'],
  ...[
    'dependentRequired',
    'minimum',
    'maximum',
    'minLength',
    'maxLength',
    'maxItems',
    'minProperties',
    'maxProperties',
  ],
];
/** For what JSON Schema does not cover. */
const OF_THE_SERVICE = ['unknown', 'single', 'empty', 'encoding', 'syntax', 'unique'];

/** Names of schemas that say nothing to a client, such as `ConditionRequest`. */
const SCHEMA_NAMES = Object.keys(document.components.schemas).filter(
  (name) => /[a-z][A-Z]/.test(name) && !kinds.has(name),
);
const INSIDE = new RegExp(
  `x-eov|openapi\\.validation|serdes|#/|/(body|components|properties|schemas|items)/|Error:|${SCHEMA_NAMES.join('|')}`,
  'i',
);

let world: World;
beforeAll(async () => {
  world = await startWorld(DECLARED);
});
afterAll(() => world.stop());

type Place = readonly (string | number)[];

function placesIn(schema: Schema, at: Place = []): Place[] {
  return [
    at,
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
      placesIn(property, [...at, name]),
    ),
    ...(schema.items ? placesIn(schema.items, [...at, 0]) : []),
    ...(typeof schema.additionalProperties === 'object'
      ? placesIn(schema.additionalProperties, [...at, 'some-key'])
      : []),
  ];
}

/** The same body with another value at one place. */
function changed(body: unknown, [name, ...rest]: Place, value: unknown): unknown {
  if (name === undefined) return value;
  const inner = (body as Record<string, unknown> | undefined)?.[name];
  const next = changed(inner, rest, value);
  return typeof name === 'number' ? [next] : { ...(body as object | undefined), [name]: next };
}

interface Problem {
  detail: string;
  errors?: { field: string; message: string; constraint: string }[];
}

function faultsOf({ status, body, text }: Response): string[] {
  if (status < 400) return [];
  const { detail, errors = [] } = body as Problem;
  const words = [detail, ...errors.map(({ message }) => message)];
  const constraints = errors.map(({ constraint }) => constraint);
  return [
    ...(status < 500 ? [] : [text]),
    ...words.filter((said) => INSIDE.test(said)),
    ...constraints.filter((name) => ![...JSON_SCHEMA, ...OF_THE_SERVICE].includes(name)),
  ];
}

test.each(operations.map((operation) => [operation.id, operation] as const))(
  '%s',
  async (id, { bodies, query }) => {
    const request = await requestFor(id);
    const bad: ContractRequest[] = [...bodies].flatMap(([mediaType, schema]) =>
      placesIn(schema).flatMap((place) =>
        VALUES.map((value) => ({
          ...request,
          headers: { 'Content-Type': mediaType },
          body: JSON.stringify(changed(request.body, place, value)),
        })),
      ),
    );
    const odd = [...query.keys(), 'unknown'].flatMap((name) =>
      TEXTS.map((text) => ({ ...request, path: `${request.path}?${name}=${text}` })),
    );
    let refused = 0;
    for (const sent of [...bad, ...odd]) {
      const response = await world.send(sent);
      if (response.status === 400) refused++;
      expect({ sent, faults: faultsOf(response) }).toEqual({ sent, faults: [] });
    }
    expect(refused).toBeGreaterThan(bad.length / 3);
  },
);

describe('a time', () => {
  const WANTED = 'must be an RFC 3339 time, such as 2026-01-15T10:00:00Z';

  test.each([
    [5, 'type'],
    [true, 'type'],
    [{}, 'type'],
    ['', 'format'],
    ['yesterday', 'format'],
    ['2026-02-30T00:00:00Z', 'format'],
  ])('%j is refused with what is wanted instead', async (value, constraint) => {
    const request = await requestFor('postClusterStatuses');
    for (const place of [['observed_time'], ['metadata', 'started_time']]) {
      const response = await world.send({
        ...request,
        body: JSON.stringify(changed(request.body, place, value)),
      });
      const { errors } = response.body as Problem;
      const field = place.join('.');
      expect(errors).toEqual([expect.objectContaining({ field, constraint })]);
      expect(errors![0]!.message).toContain(`${field} ${WANTED}`);
    }
  });
});

test('a parameter that is refused is refused once', async () => {
  const request = await requestFor('getClusters');
  const { body } = await world.send({ ...request, path: `${request.path}?page=wrong!` });
  expect((body as Problem).errors).toEqual([
    expect.objectContaining({ field: 'page', constraint: 'type' }),
  ]);
});
