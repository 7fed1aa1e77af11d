import fc, { type Arbitrary } from 'fast-check';
import { fitting, junk, nearlyFitting } from './arbitrary-json';
import type { Document, Json } from './json-schema';

/** A request to an operation; which resource it is about is settled when it is sent. */
export interface FuzzRequest {
  operation: string;
  method: string;
  /** With the parameters of the path still in it. */
  path: string;
  /** One for each of them: a number picks one of those that exist, a text is what it is. */
  ids: (number | string)[];
  query: string;
  headers: Record<string, string>;
  body: unknown;
}

interface Parameter {
  name: string;
  in: string;
  schema: Json;
}

export interface FuzzedOperation {
  id: string;
  method: string;
  path: string;
  parameters: Parameter[];
  /** Schemas by media type. */
  bodies: Record<string, Json>;
}

const SEARCHES = [
  "name='abc'",
  "name like 'a%' and not (labels.env='x')",
  "labels.env in ('a','b') or labels.a.b/c='1'",
  "status.conditions.Ready='True'",
  "status.conditions.Ready.last_updated_time < '2030-01-01T00:00:00Z'",
  "status.phase in ('Ready','NotReady')",
  'spec.a > 1',
  "spec.a.b ilike '%x_'",
  'deleted_time is not null',
  'generation between 1 and 3',
  "created_time >= '2020-01-01'",
  "id > '2'",
  "adapter='validation'",
  'observed_generation >= 1',
];
const ORDERS = [
  'name',
  'id desc',
  'created_time,name desc',
  'generation',
  'deleted_time desc,deleted_by',
  'kind,href desc',
  'adapter desc',
  'asc',
  'desc',
];
const CURSORS = ['1.00000001.1~1~0', '62f3c0a1b2d40.00000001.16384~315~0~2', 'none'];
const FIELDS = ['id', 'name,spec', 'labels.env,status.phase', 'adapter,data', 'spec.a.b', 'status'];

const known: Record<string, readonly string[]> = {
  search: SEARCHES,
  orderBy: ORDERS,
  order: ORDERS,
  fields: FIELDS,
  since: CURSORS,
};

function parameterValue({ name, schema }: Parameter, document: Document): Arbitrary<string> {
  const good = known[name]
    ? fc.constantFrom(...known[name])
    : fitting(schema, document).map(String);
  return fc.oneof(
    { weight: 6, arbitrary: good.map(encode) },
    { weight: 1, arbitrary: junk.map((value) => encode(asText(value))) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('%ff', '%', "'", '%00', '+', '1e9', '%F0%9F%92%A5', ''),
    },
  );
}

/** Not `String`, which fails for an object that has a `toString` of its own. */
function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Lone surrogates have no encoding. */
function encode(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, '\uFFFD'));
}

function queryOf(parameters: readonly Parameter[], document: Document): Arbitrary<string> {
  const pairs = parameters.map((parameter) =>
    fc.option(
      parameterValue(parameter, document).map((value) => `${parameter.name}=${value}`),
      { freq: 2 },
    ),
  );
  const odd = fc.option(fc.constantFrom('unknown=1', 'page=1', '__proto__=1', '&&', '='), {
    freq: 2,
  });
  const seldom = fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, odd);
  return fc.tuple(...pairs, seldom).map((parts) => parts.filter((part) => part !== null).join('&'));
}

const HEADER_VALUES: Record<string, readonly string[]> = {
  'If-Match': ['*', '"1"', '"2"', 'W/"1"', 'garbage', ''],
  'If-None-Match': ['*', '"1"', '"1", "2"', 'W/"1"', '"'],
  Accept: ['application/json', 'application/yaml', 'text/html', '*/*', 'x'],
  'Last-Event-ID': [...CURSORS, 'a b', ''],
  'X-Request-Id': ['mine', 'not mine', 'x'.repeat(200)],
};

const headers: Arbitrary<Record<string, string>> = fc
  .tuple(
    ...Object.entries(HEADER_VALUES).map(([name, values]) =>
      fc.oneof(
        { weight: 4, arbitrary: fc.constant({}) },
        fc.constantFrom(...values).map((value) => ({ [name]: value })),
      ),
    ),
  )
  .map((all) => Object.assign({}, ...all) as Record<string, string>);

interface Body {
  type: string;
  body: unknown;
}

function bodyOf(bodies: Record<string, Json>, document: Document): Arbitrary<Body | undefined> {
  const types = Object.keys(bodies);
  if (types.length === 0) return fc.constant(undefined);
  const ofType = types.map((type) => {
    const body = fc.oneof(
      { weight: 6, arbitrary: fitting(bodies[type]!, document) },
      { weight: 4, arbitrary: nearlyFitting(bodies[type]!, document) },
      { weight: 1, arbitrary: fc.jsonValue() },
    );
    return body.map((value) => ({ type, body: JSON.stringify(value) }));
  });
  const anyType = fc.constantFrom(...types, 'text/plain', 'application/json; charset=x', '');
  return fc.oneof(
    { weight: 9, arbitrary: fc.oneof(...ofType) },
    fc.record({ type: anyType, body: fc.oneof(fc.json(), fc.string({ unit: 'binary' })) }),
    fc.constant(undefined),
  );
}

const resourceId: Arbitrary<number | string> = fc.oneof(
  { weight: 12, arbitrary: fc.nat(1000) },
  fc.constantFrom('2unknown', '%2e%2e', '%00', '%ff', "'", '__proto__', 'VAL-000', 'NTF-001'),
  fc.string({ unit: 'grapheme', minLength: 1 }).map(encode),
);

export function requestTo(operation: FuzzedOperation, document: Document): Arbitrary<FuzzRequest> {
  const { id, method, path, parameters, bodies } = operation;
  const places = path.match(/\{\w+\}/g) ?? [];
  return fc
    .record({
      ids: fc.array(resourceId, { minLength: places.length, maxLength: places.length }),
      query: queryOf(
        parameters.filter((parameter) => parameter.in === 'query'),
        document,
      ),
      headers,
      body: bodyOf(bodies, document),
    })
    .map(({ body, headers: given, ...rest }) => ({
      ...{ operation: id, method, path, ...rest },
      headers: body === undefined ? given : { ...given, 'Content-Type': body.type },
      body: body?.body,
    }));
}
