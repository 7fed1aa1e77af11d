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

/** Sets express-openapi-validator up for a document that the generator has already checked. */
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
 * The document as the validator gets it. Parameter defaults would be written into the query, where they could not be
 * told from what the client sent. An `id` inside an example would be taken for the identifier of a schema. Problems are
 * not sent with `res.json`, so their schemas need not be compiled for each operation.
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

export function withoutExamples(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutExamples);
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node)
      .filter(([name]) => name !== 'example' && name !== 'examples')
      .map(([name, value]) => [name, withoutExamples(value)]),
  );
}

/** The form in which every response writes times. Days up to the 28th: every month has them. */
const CANONICAL =
  /^[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** A cluster has some twenty times, so those of our own form take a short way. No leap seconds: Go cannot read them. */
export function isDateTime(text: string): boolean {
  return CANONICAL.test(text) || parseTime(text) !== undefined;
}

type Step = (req: Request, res: object, next: (error?: Error) => void) => void;

/**
 * Lets the validator find an operation once, at the start, with a request that has only a method and a path. At every
 * request, as it would by itself, it compiles each path template of the document until one matches.
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
  throw new Error(`the validator does not know ${method} ${path}`);
}
