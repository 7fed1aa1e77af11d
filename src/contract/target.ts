import type { ErrorRequestHandler, Request } from 'express';
import { getKind, type Kinds } from '../kinds/kind';
import { ProblemError } from '../problems/problem';
import { getVersion } from '../repositories/resources';
import type { Target } from '../repositories/targets';
import type { Service } from './handler';

/** What a request is about; the id is empty for lists and creates. */
export function targetOf({ context }: Request, kinds: Kinds): Target {
  const { operation, pathParams } = context;
  const kind = getKind(kinds, operation!.on!.kind!);
  const ownerId = kind.parent && pathParams[kind.parent.idParameter];
  return { kind, id: pathParams[kind.idParameter] ?? '', ownerId };
}

/**
 * A report about a resource that does not exist is a 404 even if the report is invalid: its adapter must learn that
 * the resource is gone. Valid reports are not looked up here, because storing them does it.
 * @throws ProblemError NTF-001
 */
export function missingTargetFirst({ db, kinds }: Service): ErrorRequestHandler {
  return async (error: unknown, req, _res, next) => {
    const invalid = error instanceof ProblemError && error.code === 'VAL-000';
    const { on } = req.context.operation ?? {};
    // One of any kind has been looked for already.
    if (invalid && on?.verb === 'report' && on.kind !== undefined) {
      await getVersion(db, targetOf(req, kinds));
    }
    next(error);
  };
}
