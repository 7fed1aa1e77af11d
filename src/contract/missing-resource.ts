import type { ErrorRequestHandler } from 'express';
import { ProblemError } from '../problems/problem';
import { getVersion } from '../repositories/resources';
import { kindOf } from './any-kind';
import type { Service } from './handler';
import { targetOf } from './target';

/**
 * A report about a resource that does not exist is a 404 even if the report is invalid: its adapter must learn that
 * the resource is gone. Valid reports are not looked up here, because storing them does it.
 * @throws ProblemError NTF-001
 */
export function missingResourceFirst(service: Service): ErrorRequestHandler {
  return async (error: unknown, req, _res, next) => {
    const invalid = error instanceof ProblemError && error.code === 'VAL-000';
    const { on } = req.context.operation ?? {};
    if (invalid && on?.verb === 'report') {
      if (on.kind !== undefined) await getVersion(service.db, targetOf(req, service.kinds));
      // The body was refused before the request went on as one of its resource's kind.
      else await kindOf(Object.values(req.context.pathParams)[0]!, service);
    }
    next(error);
  };
}
