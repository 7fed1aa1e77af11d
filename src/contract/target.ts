import type { Request } from 'express';
import { getKind, type Kinds } from '../kinds/kind';
import type { Target } from '../repositories/targets';

/** What a request is about; the id is empty for lists and creates. */
export function targetOf({ context }: Request, kinds: Kinds): Target {
  const { operation, pathParams } = context;
  const kind = getKind(kinds, operation!.on!.kind!);
  const ownerId = kind.parent && pathParams[kind.parent.idParameter];
  return { kind, id: pathParams[kind.idParameter] ?? '', ownerId };
}
