import type { Request, RequestHandler } from 'express';
import { type Document, listOperations, type Operation } from './document';
import { createRouter } from './router';
import { createValidator } from './validator';

/** Finds the operation of a request, and validates requests and responses. */
export interface Contract {
  /** The resolved document that requests and responses are validated by. */
  document: Document;
  /** The same as served, with the provider's schemas of specs. */
  shown: Document;
  operations: readonly Operation[];
  /** @throws ProblemError NTF-000, MTH-001, VAL-006 */
  findOperation: RequestHandler;
  /** Goes on with a request as if it had been sent to another path. */
  enter: (req: Request, path: string) => void;
  validate: RequestHandler[];
}

/**
 * @param document the resolved contract with the operations of every kind
 * @param shown what is served of it
 */
export async function createContract(document: Document, shown: Document): Promise<Contract> {
  const operations = listOperations(document);
  const findMatch = createRouter(operations);
  const { middleware, metadata } = await createValidator(document, operations);
  const enter = (req: Request, path: string) => {
    const { operation, pathParams } = findMatch(req.method, path);
    Object.assign(req.context, { operation, pathParams });
    req.params = pathParams;
    // The validator reads what it knows about the operation from here.
    Object.assign(req, { openapi: { ...metadata.get(operation.id), pathParams } });
  };
  return {
    document,
    shown,
    operations,
    enter,
    findOperation(req, _res, next) {
      enter(req, req.path);
      // Express parses the query again at every access.
      Object.defineProperty(req, 'query', { value: req.query, writable: true, configurable: true });
      // HEAD is handled as GET; Node omits the body.
      if (req.method === 'HEAD') {
        req.context.isHead = true;
        req.method = 'GET';
      }
      next();
    },
    validate: middleware,
  };
}
