import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
// eslint-disable-next-line @typescript-eslint/no-require-imports -- a bundler would import a copy
import documentValidation = require('express-openapi-validator/dist/framework/openapi.schema.validator');
import { OpenAPIFramework } from 'express-openapi-validator/dist/framework';
import { SchemaPreprocessor } from 'express-openapi-validator/dist/middlewares/parsers/schema.preprocessor';
import type { operations } from '../../generated/openapi';
import { parseTime } from '../conditions/time';
import { packageRoot } from '../config/package-root';
import { ProblemError } from '../problems/problem';

export type OperationId = keyof operations;

type Json = Record<string, unknown>;
type Document = Json & { paths: Record<string, Json>; components: Record<string, Json> };

interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header';
  schema: Json;
}

/** One operation of the contract, with what each of its requests needs to know. */
export interface Operation {
  id: OperationId;
  method: string;
  /** The route template, `/api/hyperfleet/v1/clusters/{cluster_id}`; labels metrics and logs. */
  path: string;
  /** Anyone may call it. */
  public: boolean;
  /** Media types of its body; empty: it takes none. */
  mediaTypes: readonly string[];
  queryParameters: ReadonlySet<string>;
  /** Those of them that are whole numbers. */
  integerParameters: ReadonlySet<string>;
  /** What the validator knows about the operation, found once instead of at every request. */
  metadata: Json;
}

export interface Match {
  operation: Operation;
  pathParams: Record<string, string>;
}

/** The contract at work: finds the operation of a request, and validates requests and answers. */
export interface Contract {
  /** The resolved document, as served. */
  document: Json;
  operations: readonly Operation[];
  /** @throws ProblemError NTF-000, MTH-001, VAL-006 */
  match(method: string, path: string): Match;
  /** Both pass errors of the validator, which have `status` and `errors`, to `next`. */
  validateRequest: RequestHandler;
  validateResponse: RequestHandler;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

export function readContract(): Json {
  const file = join(packageRoot, 'generated', 'openapi.json');
  return JSON.parse(readFileSync(file, 'utf8')) as Json;
}

/**
 * Builds router and validator from the document. The page size in force shows in the served document.
 * @param defaultPageSize used when a list request names none; also raises the maximum
 */
export async function createContract(defaultPageSize: number): Promise<Contract> {
  const document = readContract() as Document;
  showPageSize(document, defaultPageSize);
  const stages = validatorStages(validatingCopy(document));
  const operations = await Promise.all(
    listOperations(document).map(async (operation) => ({
      ...operation,
      metadata: await learnMetadata(stages.metadata, operation),
    })),
  );
  return {
    document,
    operations,
    match: createRouter(operations),
    validateRequest: stages.request,
    validateResponse: stages.response,
  };
}

function showPageSize(document: Document, defaultPageSize: number): void {
  for (const name of ['PageSize', 'Size']) {
    const schema = (document.components.parameters![name] as { schema: Json }).schema;
    if (name === 'PageSize') schema.default = defaultPageSize;
    schema.maximum = Math.max(schema.maximum as number, defaultPageSize);
  }
}

/**
 * The document as the validator gets it. Parameter defaults would be written into the query, where they
 * could not be told from what the client sent; and an `id` inside an example would be taken for the
 * identifier of a schema, because that is what it meant in the old JSON Schema the validator compiles.
 */
function validatingCopy(document: Document): Document {
  const copy = withoutExamples(document) as Document;
  for (const parameter of Object.values(copy.components.parameters!)) {
    delete (parameter as Parameter).schema.default;
  }
  for (const item of Object.values(copy.paths)) {
    for (const method of METHODS.filter((name) => name in item)) {
      const operation = item[method] as { responses: Json };
      operation.responses = successes(operation.responses);
    }
  }
  return copy;
}

/**
 * Problems are sent as text, past the validation of answers: compiling their schema a dozen times over was
 * most of the work, 200 ms of CPU, of the first request to each operation.
 */
function successes(responses: Json): Json {
  return Object.fromEntries(Object.entries(responses).filter(([status]) => /^[23]/.test(status)));
}

function withoutExamples(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutExamples);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([name]) => name !== 'example' && name !== 'examples')
      .map(([name, value]) => [name, withoutExamples(value)]),
  );
}

interface Stages {
  metadata: RequestHandler;
  request: RequestHandler;
  response: RequestHandler;
}

/** Days up to the 28th: every month has them. */
const CANONICAL =
  /^[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/**
 * RFC 3339, like the validator's own check of the format but with a short way for the form in which every
 * answer writes times: a cluster has about twenty (measured: 5 % of the CPU of a read).
 */
function isDateTime(text: string): boolean {
  if (CANONICAL.test(text)) return true;
  return parseTime(text) !== undefined || LEAP_SECOND.test(text);
}

/** A leap second is RFC 3339 too; whether it can be used is for the rules of reports to say. */
const LEAP_SECOND = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:60(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

/**
 * The validator prepares to hold our document against the schema of all OpenAPI documents although it is told not
 * to: a sixth of the time it takes to start. The generator has done it already.
 */
Object.assign(documentValidation, { OpenAPISchemaValidator: Object });

/** It would also look through the document for references to other files: the generator has left none. */
Object.assign(OpenAPIFramework.prototype, {
  loadSpec: (apiDoc: Document) => Promise.resolve(apiDoc),
});

/** It also compiles every schema that is referred to, only to read the schema back: a tenth of that time. */
Object.assign(SchemaPreprocessor.prototype, {
  resolveSchema(this: { apiDoc: Document }, node: unknown) {
    return dereference(this.apiDoc, node);
  },
});

/** The validator's middleware, taken apart: authentication and the body parser go between its stages. */
function validatorStages(apiSpec: Document): Stages {
  const stages = OpenApiValidator.middleware({
    apiSpec: apiSpec as unknown as Parameters<typeof OpenApiValidator.middleware>[0]['apiSpec'],
    // `propertyNames` would be refused.
    validateApiSpec: false,
    validateRequests: { allErrors: true },
    validateResponses: { allErrors: true },
    validateSecurity: false,
    fileUploader: false,
    ajvFormats: { mode: 'full' },
    formats: { 'date-time': { type: 'string', validate: isDateTime } },
  }) as unknown as RequestHandler[];
  const stage = (name: string): RequestHandler => {
    const found = stages.find((candidate) => candidate.name === `${name}Middleware`);
    if (!found) throw new Error(`the OpenAPI validator has no ${name} stage`);
    return found;
  };
  return { metadata: stage('metadata'), request: stage('request'), response: stage('response') };
}

/**
 * Asks the validator once which schemas belong to an operation. Asked per request, as it is made to be, it
 * would compile every path template anew each time (measured: a fifth of the CPU of a read).
 */
function learnMetadata(
  metadata: RequestHandler,
  { method, path }: Pick<Operation, 'method' | 'path'>,
): Promise<Json> {
  const url = path.replaceAll(/[{}]/g, '');
  const request = {
    ...{ method, path: url, originalUrl: url, url, baseUrl: '' },
    app: { enabled: () => true },
  } as unknown as Request & { openapi: Json };
  return new Promise((resolve, reject) => {
    void metadata(
      request,
      {} as Response,
      ((error: unknown) => {
        if (error) reject(error instanceof Error ? error : new Error('unusable contract'));
        else resolve(request.openapi);
      }) as NextFunction,
    );
  });
}

/** What `node` refers to in the document, or `node` itself. */
function dereference(document: Document, node: unknown): unknown {
  const ref = (node as { $ref?: string } | undefined)?.$ref;
  if (ref === undefined) return node;
  const path = ref.slice('#/'.length).split('/');
  return dereference(
    document,
    path.reduce<unknown>((at, key) => (at as Json)[key], document),
  );
}

function listOperations(document: Document): Omit<Operation, 'metadata'>[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => {
      const operation = item[method] as Json;
      const body =
        operation.requestBody === undefined
          ? undefined
          : (dereference(document, operation.requestBody) as { content: Json });
      const parameters = [item.parameters, operation.parameters]
        .flatMap((list) => (list ?? []) as unknown[])
        .map((parameter) => dereference(document, parameter) as Parameter);
      const query = parameters.filter((parameter) => parameter.in === 'query');
      return {
        id: operation.operationId as OperationId,
        method: method.toUpperCase(),
        path,
        public: Array.isArray(operation.security) && operation.security.length === 0,
        mediaTypes: body ? Object.keys(body.content) : [],
        queryParameters: new Set(query.map(({ name }) => name)),
        integerParameters: new Set(
          query.filter(({ schema }) => schema.type === 'integer').map(({ name }) => name),
        ),
      };
    }),
  );
}

interface RouteNode {
  fixed: Map<string, RouteNode>;
  parameter?: { name: string; node: RouteNode };
  operations: Map<string, Operation>;
}

/**
 * Matches segment by segment, case included. Fixed segments are compared as they stand in the URL, so
 * no encoding of them opens a route; a parameter is decoded after the path is split.
 */
function createRouter(operations: readonly Operation[]): Contract['match'] {
  const newNode = (): RouteNode => ({ fixed: new Map(), operations: new Map() });
  const root = newNode();
  for (const operation of operations) {
    let node = root;
    for (const segment of operation.path.split('/').slice(1)) {
      const name = /^\{(.+)\}$/.exec(segment)?.[1];
      let next = name === undefined ? node.fixed.get(segment) : node.parameter?.node;
      if (next === undefined) {
        next = newNode();
        if (name === undefined) node.fixed.set(segment, next);
        else node.parameter = { name, node: next };
      }
      node = next;
    }
    node.operations.set(operation.method, operation);
  }

  return (method, path) => {
    const pathParams: Record<string, string> = {};
    const segments = (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path).split('/');
    let node: RouteNode | undefined = segments[0] === '' ? root : undefined;
    for (let index = 1; index < segments.length && node; index++) {
      const segment = segments[index]!;
      const fixed: RouteNode | undefined = node.fixed.get(segment);
      if (fixed === undefined && node.parameter && segment !== '') {
        pathParams[node.parameter.name] = decodeSegment(segment);
        node = node.parameter.node;
      } else {
        node = fixed;
      }
    }
    if (!node || node.operations.size === 0) {
      throw new ProblemError('NTF-000', 'There is no such route.');
    }
    const operation = node.operations.get(method === 'HEAD' ? 'GET' : method);
    if (operation) return { operation, pathParams };
    const allowed = [...node.operations.keys()].flatMap((name) =>
      name === 'GET' ? ['GET', 'HEAD'] : [name],
    );
    const known = allowed.join(', ');
    throw new ProblemError('MTH-001', `This route does not take this method; it takes ${known}.`, {
      headers: { Allow: known },
    });
  };
}

function decodeSegment(segment: string): string {
  try {
    // PostgreSQL refuses to look for a NUL; nothing has one, so anything unknown does in its place.
    return decodeURIComponent(segment).replaceAll('\0', '\uFFFD');
  } catch {
    throw new ProblemError('VAL-006', 'The path is not properly percent-encoded.');
  }
}
