import type { NextFunction, Request, RequestHandler } from 'express';
import { API_BASE, hrefOf, type Kind } from '../kinds/kind';
import { describeRule } from '../problems/broken-rule';
import { invalidFields, ProblemError } from '../problems/problem';
import { findKindName } from '../repositories/resources';
import type { Service } from './handler';

/**
 * `/resources` serves resources of any kind. After authorization, which is for its own operations, such a request goes on
 * as one to the route of its resource's kind, so that it is validated and answered as there.
 * @throws ProblemError NTF-001, VAL-000 for a kind that cannot be created here
 */
export function continueAsItsKind(service: Service): RequestHandler {
  return (req, _res, next) => {
    const { on } = req.context.operation!;
    if (on === undefined || on.kind !== undefined) next();
    else return continueAs(req, service, next);
  };
}

async function continueAs(req: Request, service: Service, next: NextFunction): Promise<void> {
  const { pathParams } = req.context;
  const [id] = Object.values(pathParams);
  const path =
    id === undefined
      ? `${API_BASE}/${kindToCreate(req.body, service).plural}`
      : req.path.replace(
          /^.*?\/resources\/[^/]+/,
          hrefOf(await kindOf(id, service), encodeURIComponent(id)),
        );
  service.contract.enter(req, path);
  next();
}

/** The kind of a stored resource. @throws ProblemError NTF-001 */
export async function kindOf(id: string, { db, kinds }: Service): Promise<Kind> {
  const kind = kinds.get((await findKindName(db, id)) ?? '');
  if (kind === undefined) throw new ProblemError('NTF-001', `Resource '${id}' was not found.`);
  return kind;
}

function kindToCreate(body: unknown, { kinds, contract }: Service): Kind {
  const { kind: value } = body as { kind?: unknown };
  const kind = typeof value === 'string' ? kinds.get(value) : undefined;
  if (kind !== undefined && kind.parent === undefined) return kind;
  const tops = [...kinds.values()].filter(({ parent }) => parent === undefined);
  const own = contract.operations.find(
    ({ on }) => on?.kind === kind?.name && on?.verb === 'create',
  );
  const [keyword, message] =
    value === undefined
      ? ['required', 'is required']
      : kind === undefined
        ? ['enum', `must be one of ${tops.map(({ name }) => name).join(', ')}`]
        : ['enum', `has a parent: send it to ${own!.path}`];
  throw invalidFields([describeRule({ path: ['kind'], keyword, message, value })]);
}
