import type { ErrorRequestHandler, Request } from 'express';
import { getKind, type Kinds } from '../kinds/kind';
import { ProblemError } from '../problems/problem';
import { getVersion } from '../repositories/resources';
import type { Target } from '../repositories/targets';
import { kindOf } from './any-kind';
import type { Service } from './handler';

/** What a request is about; the id is empty for lists and creates. */
export function targetOf({ context }: Request, kinds: Kinds): Target {
  const { operation, pathParams } = context;
  const kind = getKind(kinds, operation!.on!.kind!);
  const ownerId = kind.parent && pathParams[kind.parent.idParameter];
  return { kind, id: pathParams[kind.idParameter] ?? '', ownerId };
}

/** What is wrong with a request itself. Who may not send it has another status, and learns nothing of its target. */
const OF_THE_REQUEST = [400, 413, 415];

/**
 * A report about a resource that does not exist is a 404 even if the report is invalid: its adapter must learn that
 * the resource is gone. Valid reports are not looked up here, because storing them does it.
 * @throws ProblemError NTF-001
 */
export function missingTargetFirst(service: Service): ErrorRequestHandler {
  return async (error: unknown, req, res, next) => {
    const { on } = req.context.operation ?? {};
    const invalid = error instanceof ProblemError && OF_THE_REQUEST.includes(error.status);
    if (invalid && on?.verb === 'report') {
      // A body that was not read ends the connection after a 404 too.
      res.set(error.headers);
      if (on.kind !== undefined) await getVersion(service.db, targetOf(req, service.kinds));
      // The body was refused before the request went on as one of its resource's kind.
      else await kindOf(Object.values(req.context.pathParams)[0]!, service);
    }
    next(error);
  };
}
