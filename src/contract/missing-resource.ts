import type { ErrorRequestHandler } from 'express';
import { ProblemError } from '../problems/problem';
import { getVersion } from '../repositories/resources';
import type { Service } from './handler';
import { targetOf } from './target';

/**
 * A report about a resource that does not exist is a 404 even if the report is invalid: its adapter must learn that
 * the resource is gone. Valid reports are not looked up here, because storing them does it.
 * @throws ProblemError NTF-001
 */
export function missingResourceFirst({ db, kinds }: Service): ErrorRequestHandler {
  return async (error: unknown, req, _res, next) => {
    const invalid = error instanceof ProblemError && error.code === 'VAL-000';
    if (invalid && req.context.operation?.on?.verb === 'report') {
      await getVersion(db, targetOf(req, kinds));
    }
    next(error);
  };
}
