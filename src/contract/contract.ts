import type { RequestHandler } from 'express';
import { type Document, listOperations, type Operation, readContract } from './document';
import { createRouter } from './router';
import { createValidator } from './validator';

/** The contract at work: finds the operation of a request, and validates requests and responses. */
export interface Contract {
  /** The resolved document, as served. */
  document: Document;
  operations: readonly Operation[];
  /** @throws ProblemError NTF-000, MTH-001, VAL-006 */
  findOperation: RequestHandler;
  validate: RequestHandler[];
}

/** @param defaultPageSize items on a page when a list request names no number */
export async function createContract(defaultPageSize: number): Promise<Contract> {
  const document = readContract(defaultPageSize);
  const operations = listOperations(document);
  const findMatch = createRouter(operations);
  const { middleware, metadata } = await createValidator(document, operations);
  return {
    document,
    operations,
    findOperation(req, _res, next) {
      const { operation, pathParams } = findMatch(req.method, req.path);
      Object.assign(req.context, { operation, pathParams });
      req.params = pathParams;
      // Where the validator looks for what it knows about the operation.
      Object.assign(req, { openapi: { ...metadata.get(operation.id), pathParams } });
      // Express parses the query anew at every look at it.
      Object.defineProperty(req, 'query', { value: req.query, writable: true, configurable: true });
      // HEAD is GET in everything but the body, which Node leaves out by itself.
      if (req.method === 'HEAD') req.method = 'GET';
      next();
    },
    validate: middleware,
  };
}
