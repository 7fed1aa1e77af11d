import { capitalized, type Kind } from '../kinds/kind';
import { ProblemError } from '../problems/problem';

/** All resources of a kind, or those of one parent. */
export interface Scope {
  kind: Kind;
  /** The parent in the path; if absent, any parent. */
  ownerId?: string | undefined;
}

/** One resource, found only if it is in the scope. */
export interface Target extends Scope {
  id: string;
}

export function notFound({ kind, id, ownerId }: Target): ProblemError {
  const where = ownerId === undefined ? '' : ` in ${kind.parent!.noun} '${ownerId}'`;
  return new ProblemError('NTF-001', `${capitalized(kind.noun)} '${id}' was not found${where}.`);
}

/** The condition that finds a target among `resources r`. */
export const IS_TARGET = `r.id = :id AND r.kind = :kind AND (:owner_id::text IS NULL OR r.owner_id = :owner_id)`;

/** What `IS_TARGET` binds. */
export interface TargetValues {
  id: string;
  kind: string;
  owner_id: string | null;
}

export function targetValues({ kind, id, ownerId }: Target): TargetValues {
  return { id, kind: kind.name, owner_id: ownerId ?? null };
}
