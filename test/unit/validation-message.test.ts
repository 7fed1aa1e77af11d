import express, { type NextFunction, type Request, type Response } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import request from 'supertest';
import { type EovError, fieldsOfValidatorErrors } from '../../src/contract/field-errors';
import { refuseFields } from '../../src/problems/problem';

const schema = {
  type: 'object',
  required: ['name', 'spec', 'app.io/owner'],
  properties: {
    name: { type: 'string', minLength: 3, maxLength: 8, pattern: '^[a-z]+$' },
    kind: { type: 'string', enum: ['Cluster', 'Pool'] },
    spec: { type: 'object' },
    'app.io/owner': { type: 'string' },
    size: { type: 'integer', minimum: 1, maximum: 5 },
    ratio: { type: 'number', exclusiveMinimum: true, minimum: 0, multipleOf: 5 },
    time: { type: 'string', format: 'date-time' },
    port: { anyOf: [{ type: 'integer' }, { type: 'string', pattern: '^p' }] },
    tags: { type: 'array', minItems: 2, maxItems: 3, uniqueItems: true, items: { type: 'string' } },
    note: { type: 'string', nullable: true },
    password: { type: 'string', minLength: 8 },
    labels: {
      type: 'object',
      maxProperties: 2,
      additionalProperties: { type: 'string', maxLength: 3 },
    },
    strict: {
      type: 'object',
      additionalProperties: false,
      properties: { in: { type: 'object', additionalProperties: false } },
    },
  },
};

const apiSpec = {
  openapi: '3.0.3',
  info: { title: 'x', version: '1' },
  paths: {
    '/things/{thing_id}': {
      post: {
        parameters: [
          {
            name: 'thing_id',
            in: 'path',
            required: true,
            schema: { type: 'string', maxLength: 5 },
          },
          { name: 'page', in: 'query', schema: { type: 'integer', minimum: 1 } },
          { name: 'order', in: 'query', schema: { type: 'string', enum: ['asc', 'desc'] } },
          { name: 'must', in: 'query', required: true, schema: { type: 'string' } },
          { name: 'if-match', in: 'header', schema: { type: 'string', maxLength: 4 } },
        ],
        requestBody: { required: true, content: { 'application/json': { schema } } },
        responses: { 200: { description: 'ok' } },
      },
    },
  },
};

const app = express();
app.use(express.json({ strict: false }));
app.use(
  OpenApiValidator.middleware({
    apiSpec: apiSpec as unknown as Parameters<typeof OpenApiValidator.middleware>[0]['apiSpec'],
    validateRequests: { allErrors: true },
    ajvFormats: { mode: 'full' },
  }),
);
app.use((_req: Request, res: Response) => void res.json([]));
app.use((error: { errors: EovError[] }, req: Request, res: Response, next: NextFunction) => {
  if (!Array.isArray(error.errors)) {
    next(error);
    return;
  }
  const { query, body } = req;
  const { pathParams: params } = (req as unknown as { openapi: { pathParams: unknown } }).openapi;
  res.json(fieldsOfValidatorErrors(error.errors, { query, params, headers: {}, body }));
});

const good = { name: 'abc', spec: {}, 'app.io/owner': 'me' };

async function fields(body: unknown, url = '/things/t?must=1', headers = {}): Promise<unknown[]> {
  const response = await request(app)
    .post(url)
    .set({ 'content-type': 'application/json', ...headers })
    .send(JSON.stringify(body));
  return response.body;
}

async function messages(body: unknown, url?: string, headers?: object): Promise<unknown[]> {
  return (await fields(body, url, headers)).map((field) => (field as { message: string }).message);
}

it('says nothing about a request that keeps the contract', async () => {
  expect(await fields(good)).toEqual([]);
});

it('names the field from the top of the body, the rule, and what came', async () => {
  expect(await fields({ ...good, kind: 'Moon', labels: { 'a.io/b~c': 'long' } })).toEqual([
    {
      field: 'kind',
      message: 'kind must be equal to one of the allowed values: Cluster, Pool (got "Moon")',
      constraint: 'enum',
      value: 'Moon',
    },
    {
      field: 'labels.a.io/b~c',
      message: 'labels.a.io/b~c must NOT have more than 3 characters (got "long")',
      constraint: 'maxLength',
      value: 'long',
    },
  ]);
});

it.each<[unknown, string[]]>([
  [
    { ...good, name: 'A' },
    [
      'name must NOT have fewer than 3 characters (got "A")',
      'name must match pattern "^[a-z]+$" (got "A")',
    ],
  ],
  [{ ...good, name: 7 }, ['name must be string (got 7)']],
  [{ ...good, name: null }, ['name must be string (got null)']],
  [{ ...good, name: ['x'] }, ['name must be string']],
  [{ ...good, spec: [] }, ['spec must be object']],
  [{ name: 'abc' }, ['spec is required', 'app.io/owner is required']],
  [{ ...good, size: 0 }, ['size must be >= 1 (got 0)']],
  [{ ...good, size: 6 }, ['size must be <= 5 (got 6)']],
  [{ ...good, size: 1.5 }, ['size must be integer (got 1.5)']],
  [{ ...good, size: '3' }, ['size must be integer (got "3")']],
  [{ ...good, ratio: 0 }, ['ratio must be > 0 (got 0)']],
  [{ ...good, ratio: 7 }, ['ratio must be multiple of 5 (got 7)']],
  [
    { ...good, time: '2026-13-01T00:00:00Z' },
    ['time must be an RFC 3339 time, such as 2026-01-15T10:00:00Z (got "2026-13-01T00:00:00Z")'],
  ],
  [{ ...good, note: 7 }, ['note must be string (got 7)']],
  [{ ...good, tags: ['a'] }, ['tags must NOT have fewer than 2 items']],
  [
    { ...good, tags: ['a', 'b', 'a'] },
    ['tags must NOT have duplicate items (items ## 2 and 0 are identical)'],
  ],
  [{ ...good, tags: ['a', 2] }, ['tags.1 must be string (got 2)']],
  [
    { ...good, labels: { a: '1', b: '2', c: '3' } },
    ['labels must NOT have more than 2 properties'],
  ],
  [{ ...good, strict: { 'a/b': 1 } }, ['strict.a/b is not allowed (got 1)']],
  [{ ...good, strict: { in: { 'c/d/e': 1 } } }, ['strict.in.c/d/e is not allowed (got 1)']],
])('says what is wrong: %j', async (body, expected) => {
  expect(await messages(body)).toEqual(expected);
});

it('has one line for a value that has none of several forms', async () => {
  expect(await fields({ ...good, port: 'x' })).toEqual([
    {
      field: 'port',
      message: 'port must match a schema in anyOf (got "x")',
      constraint: 'anyOf',
      value: 'x',
    },
  ]);
});

it('does not show the keyword that the validator has for the type of times, and says what is wanted', async () => {
  expect(await fields({ ...good, time: 7 })).toEqual([
    {
      field: 'time',
      message: 'time must be an RFC 3339 time, such as 2026-01-15T10:00:00Z (got 7)',
      constraint: 'type',
      value: 7,
    },
  ]);
});

it('repeats neither long values nor secrets', async () => {
  const response = await fields({ ...good, name: 'X'.repeat(100), password: 'hunter2' });
  expect(response).toEqual([
    {
      field: 'name',
      message: 'name must NOT have more than 8 characters',
      constraint: 'maxLength',
    },
    {
      field: 'name',
      message: 'name must match pattern "^[a-z]+$"',
      constraint: 'pattern',
    },
    {
      field: 'password',
      message: 'password must NOT have fewer than 8 characters',
      constraint: 'minLength',
    },
  ]);
});

it('names parameters and headers by their name', async () => {
  const url = '/things/too-long?page=0&order=up';
  expect(await messages(good, url, { 'if-match': '"12345"' })).toEqual([
    'must is required',
    'page must be >= 1 (got 0)',
    'order must be equal to one of the allowed values: asc, desc (got "up")',
    'if-match must NOT have more than 4 characters',
    'thing_id must NOT have more than 5 characters (got "too-long")',
  ]);
});

it.each([
  [
    '/things/t?must=1&other=2',
    {
      field: 'other',
      message: 'other is not a parameter of this operation (got "2")',
      constraint: 'unknown',
      value: '2',
    },
  ],
  [
    '/things/t?must=',
    { field: 'must', message: 'must must not be empty (got "")', constraint: 'empty', value: '' },
  ],
  [
    '/things/t?must=a(b',
    {
      field: 'must',
      message: 'must has characters that must be percent-encoded (got "a(b")',
      constraint: 'encoding',
      value: 'a(b',
    },
  ],
  [
    '/things/t?must=1&page=x',
    {
      field: 'page',
      message: 'page must be integer (got "x")',
      constraint: 'type',
      value: 'x',
    },
  ],
])('explains parameters outside of schemas: %s', async (url, expected) => {
  expect(await fields(good, url)).toEqual([expected]);
});

it('calls a missing body by its name', () => {
  const errors = [
    {
      path: '/body',
      message: "must have required property 'body'",
      errorCode: 'required.openapi.validation',
    },
  ];
  expect(
    fieldsOfValidatorErrors(errors, { query: {}, params: {}, headers: {}, body: undefined }),
  ).toEqual([{ field: 'body', message: 'body is required', constraint: 'required' }]);
});

it('has one line for names of properties that are not allowed', () => {
  const of = (keyword: string, message: string): EovError => ({
    path: '/body/labels',
    message,
    errorCode: `${keyword}.openapi.validation`,
  });
  const errors = [
    of('pattern', 'must match pattern "^a"'),
    of('propertyNames', 'property name must be valid'),
  ];
  const input = { query: {}, params: {}, headers: {}, body: { labels: { b: 'x' } } };
  expect(fieldsOfValidatorErrors(errors, input)).toMatchObject([
    { field: 'labels', constraint: 'propertyNames' },
  ]);
});

it('stays small and quick for a body with a hundred thousand faults', () => {
  const errors = Array.from({ length: 100_000 }, (_, index) => ({
    path: `/body/conditions/${index}/type`,
    message: "must have required property 'type'",
    errorCode: 'required.openapi.validation',
  }));
  const start = Date.now();
  expect(
    fieldsOfValidatorErrors(errors, { query: {}, params: {}, headers: {}, body: {} }),
  ).toHaveLength(100);
  expect(Date.now() - start).toBeLessThan(1000);
});

it('sums the first messages up in a sentence', () => {
  const of = (message: string) => ({ field: 'x', message });
  expect(() => refuseFields([of('a is required')])).toThrow(/^a is required\.$/);
  expect(() => refuseFields(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(of))).toThrow(
    /^a; b; c; d; e; and 2 more\.$/,
  );
  expect(() => refuseFields([])).not.toThrow();
});
