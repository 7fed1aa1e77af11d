import type { RequestHandler } from 'express';
import type { Contract } from '../contract/contract';

/** Finds the operation of the contract that a request asks for. @throws ProblemError NTF-000, MTH-001, VAL-006 */
export function findOperation(contract: Contract): RequestHandler {
  return (req, _res, next) => {
    const match = contract.match(req.method, req.path);
    req.context.operation = match.operation;
    req.context.pathParams = match.pathParams;
    req.params = match.pathParams;
    contract.prepare(req, match);
    // Express parses the query anew at every look at it.
    Object.defineProperty(req, 'query', { value: req.query, writable: true, configurable: true });
    // HEAD is GET in everything but the body, which Node leaves out by itself.
    if (req.method === 'HEAD') req.method = 'GET';
    next();
  };
}
