import { promisify } from 'node:util';
import type { Request, RequestHandler } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import { parseTime } from '../conditions/time';
import { type Document, type Json, METHODS, type Operation } from './document';

/** What express-openapi-validator keeps about an operation in `req.openapi`. */
export type ValidatorMetadata = Json;

export interface Validator {
  /** Validates requests, and responses that are sent with `res.json`. It passes its errors to `next`. */
  middleware: RequestHandler[];
  /** By operationId. A request carries it in `req.openapi`, with its own `pathParams`. */
  metadata: ReadonlyMap<string, ValidatorMetadata>;
}

/** Sets up express-openapi-validator for a document that the generator has already checked. */
export async function createValidator(
  document: Document,
  operations: readonly Operation[],
): Promise<Validator> {
  let learned = false;
  const middleware = OpenApiValidator.middleware({
    apiSpec: validatingCopy(document) as never,
    validateApiSpec: false,
    validateRequests: { allErrors: true },
    validateResponses: { allErrors: true },
    validateSecurity: false,
    fileUploader: false,
    ajvFormats: { mode: 'full' },
    formats: { 'date-time': { type: 'string', validate: isDateTime } },
    // Our router has found the operation; the validator need not search for it again.
    ignorePaths: () => learned,
  });
  const metadata = new Map<string, ValidatorMetadata>();
  for (const operation of operations) {
    metadata.set(operation.id, await learnMetadata(middleware, operation));
  }
  learned = true;
  return { middleware, metadata };
}

/**
 * The document for the validator. It has no parameter defaults, which would be written into the query and look as if
 * the client had sent them. It has no examples, because an `id` in one would be read as the identifier of a schema. It
 * has no problems, which are not sent with `res.json`: their schemas would be compiled for each operation.
 */
function validatingCopy(document: Document): Document {
  const copy = withoutExamples(document) as Document;
  for (const { schema } of Object.values(copy.components.parameters)) delete schema.default;
  for (const item of Object.values(copy.paths)) {
    for (const method of METHODS.filter((name) => name in item)) {
      const operation = item[method] as { responses: Json };
      operation.responses = Object.fromEntries(
        Object.entries(operation.responses).filter(([status]) => /^[23]/.test(status)),
      );
    }
  }
  return copy;
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

/** A leap second is valid RFC 3339; the rules for reports decide whether it can be used. */
const LEAP_SECOND = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:60(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function isDateTime(text: string): boolean {
  return parseTime(text) !== undefined || LEAP_SECOND.test(text);
}

type Step = (req: Request, res: object, next: (error?: Error) => void) => void;

/**
 * Makes the validator find an operation once, at the start, for a request that has only a method and a path. By itself
 * it would do so at every request, and compile each path template of the document until one matches.
 */
async function learnMetadata(
  middleware: readonly RequestHandler[],
  { method, path }: Operation,
): Promise<ValidatorMetadata> {
  const url = path.replaceAll(/[{}]/g, '');
  const request = {
    ...{ method, path: url, originalUrl: url, url, baseUrl: '' },
    app: { enabled: () => true, param: () => undefined },
  } as unknown as Request & { openapi?: ValidatorMetadata };
  for (const step of middleware) {
    await promisify(step as Step)(request, {});
    if (request.openapi !== undefined) return request.openapi;
  }
  throw new Error(`the validator did not find ${method} ${path}`);
}
