import type { RequestHandler } from 'express';
import { type Document, listOperations, type Operation, readContract } from './document';
import { createRouter, type Match } from './router';
import { createValidator } from './validator';

/** The contract at work: finds the operation of a request, and validates requests and responses. */
export interface Contract {
  /** The resolved document, as served. */
  document: Document;
  operations: readonly Operation[];
  match: (method: string, path: string) => Match;
  validate: RequestHandler[];
  /** Sets what the validator looks for in a request whose operation is known. */
  prepare: (req: object, match: Match) => void;
}

/** @param defaultPageSize items on a page when a list request names no number */
export async function createContract(defaultPageSize: number): Promise<Contract> {
  const document = readContract(defaultPageSize);
  const operations = listOperations(document);
  const { middleware, metadata } = await createValidator(document, operations);
  return {
    document,
    operations,
    match: createRouter(operations),
    validate: middleware,
    prepare(req, { operation, pathParams }) {
      Object.assign(req, { openapi: { ...metadata.get(operation.id), pathParams } });
    },
  };
}
