import express, { type NextFunction, type Request, type Response } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import request from 'supertest';
import {
  type EovError,
  fieldsOfValidatorErrors,
  validationDetail,
} from '../../src/contract/field-errors';

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
  res.json(fieldsOfValidatorErrors(error.errors, { query, params, body }));
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
      message: "kind must be one of 'Cluster', 'Pool', not 'Moon'",
      constraint: 'enum',
      value: 'Moon',
    },
    {
      field: 'labels.a.io/b~c',
      message: 'labels.a.io/b~c must have at most 3 characters, not 4',
      constraint: 'maxLength',
      value: 'long',
    },
  ]);
});

it.each<[unknown, string[]]>([
  [
    { ...good, name: 'A' },
    [
      'name must have at least 3 characters, not 1',
      "name must match the pattern ^[a-z]+$, not 'A'",
    ],
  ],
  [{ ...good, name: 7 }, ['name must be a text, not 7']],
  [{ ...good, name: null }, ['name must be a text, not null']],
  [{ ...good, name: ['x'] }, ['name must be a text, not a list']],
  [{ ...good, spec: [] }, ['spec must be an object, not a list']],
  [{ name: 'abc' }, ['spec is required', 'app.io/owner is required']],
  [{ ...good, size: 0 }, ['size must be at least 1, not 0']],
  [{ ...good, size: 6 }, ['size must be at most 5, not 6']],
  [{ ...good, size: 1.5 }, ['size must be a whole number, not 1.5']],
  [{ ...good, size: '3' }, ["size must be a whole number, not '3'"]],
  [{ ...good, ratio: 0 }, ['ratio must be more than 0, not 0']],
  [{ ...good, ratio: 7 }, ['ratio must be a multiple of 5, not 7']],
  [
    { ...good, time: '2026-13-01T00:00:00Z' },
    ["time must be an RFC 3339 time such as 2026-01-31T12:00:00Z, not '2026-13-01T00:00:00Z'"],
  ],
  [{ ...good, note: 7 }, ['note must be a text, not 7']],
  [{ ...good, tags: ['a'] }, ['tags must have at least 2 entries, not 1']],
  [{ ...good, tags: ['a', 'b', 'a'] }, ['tags must not have equal entries: 0 and 2 are the same']],
  [{ ...good, tags: ['a', 2] }, ['tags.1 must be a text, not 2']],
  [{ ...good, labels: { a: '1', b: '2', c: '3' } }, ['labels must have at most 2 members, not 3']],
  [{ ...good, strict: { 'a/b': 1 } }, ['strict.a/b is not a member that is allowed here']],
  [
    { ...good, strict: { in: { 'c/d/e': 1 } } },
    ['strict.in.c/d/e is not a member that is allowed here'],
  ],
])('speaks to people: %j', async (body, expected) => {
  expect(await messages(body)).toEqual(expected);
});

it('does not add that no form fits to what is wrong with the forms', async () => {
  expect(await messages({ ...good, port: 'x' })).toEqual([
    "port must be a whole number, not 'x'",
    "port must match the pattern ^p, not 'x'",
  ]);
});

it('repeats neither long values nor secrets', async () => {
  const response = await fields({ ...good, name: 'X'.repeat(100), password: 'hunter2' });
  expect(response).toEqual([
    {
      field: 'name',
      message: 'name must have at most 8 characters, not 100',
      constraint: 'maxLength',
    },
    {
      field: 'name',
      message: 'name must match the pattern ^[a-z]+$, not a text of 100 characters',
      constraint: 'pattern',
    },
    {
      field: 'password',
      message: 'password must have at least 8 characters, not 7',
      constraint: 'minLength',
    },
  ]);
});

it('names parameters and headers by their name', async () => {
  const url = '/things/too-long?page=0&order=up';
  expect(await messages(good, url, { 'if-match': '"12345"' })).toEqual([
    'must is required',
    'page must be at least 1, not 0',
    "order must be one of 'asc', 'desc', not 'up'",
    'if-match must have at most 4 characters',
    'thing_id must have at most 5 characters, not 8',
  ]);
});

it.each([
  [
    '/things/t?must=1&other=2',
    {
      field: 'other',
      message: 'other is not a parameter of this operation',
      constraint: 'unknown',
      value: '2',
    },
  ],
  [
    '/things/t?must=',
    { field: 'must', message: 'must must not be empty', constraint: 'empty', value: '' },
  ],
  [
    '/things/t?must=a(b',
    {
      field: 'must',
      message: 'must has characters that must be percent-encoded',
      constraint: 'encoding',
      value: 'a(b',
    },
  ],
  [
    '/things/t?must=1&page=x',
    {
      field: 'page',
      message: "page must be a whole number, not 'x'",
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
  expect(fieldsOfValidatorErrors(errors, { query: {}, params: {}, body: undefined })).toEqual([
    { field: 'body', message: 'body is required', constraint: 'required' },
  ]);
});

it('replaces what the validator says about the names of members by one finding', () => {
  const of = (keyword: string, message: string): EovError => ({
    path: '/body/labels',
    message,
    errorCode: `${keyword}.openapi.validation`,
  });
  const errors = [
    of('pattern', 'must match pattern "^a"'),
    of('propertyNames', 'property name must be valid'),
  ];
  const input = { query: {}, params: {}, body: { labels: { b: 'x' } } };
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
  expect(fieldsOfValidatorErrors(errors, { query: {}, params: {}, body: {} })).toHaveLength(100);
  expect(Date.now() - start).toBeLessThan(1000);
});

it('sums the first messages up in a sentence', () => {
  const of = (message: string) => ({ field: 'x', message });
  expect(validationDetail([of('a is required')])).toBe('a is required.');
  expect(validationDetail(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(of))).toBe(
    'a; b; c; d; e; and 2 more.',
  );
});
