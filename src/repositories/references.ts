import { capitalized, type Kind, type Kinds, type ReferenceType } from '../kinds/kind';
import { statement } from '../postgres/statement';
import type { Session } from '../postgres/transaction';
import { describeRule } from '../problems/broken-rule';
import { ProblemError, type ProblemField, refuseFields } from '../problems/problem';

/** What a resource is to refer to, by reference type, as a client sends it. */
export type References = Readonly<Record<string, readonly { id: string; kind?: string }[]>>;

/** The ids that a resource refers to, by reference type, as the column `reference_ids` holds them. */
export type ReferenceIds = Record<string, string[]>;

export function idsOf(references: References): ReferenceIds {
  const ids = Object.entries(references).map(
    ([type, list]) => [type, list.map(({ id }) => id)] as const,
  );
  return Object.fromEntries(ids.filter(([, list]) => list.length > 0));
}

/** The other way round. */
export function referencesOf(ids: ReferenceIds | null): References {
  const references = Object.entries(ids ?? {}).map(
    ([type, list]) => [type, list.map((id) => ({ id }))] as const,
  );
  return Object.fromEntries(references);
}

/** A row that may be referred to, locked until the transaction ends. */
interface Locked {
  id: string;
  kind: string;
  deleting: boolean;
}

const LOCK_ROWS = statement<Locked, { ids: string[] }>(
  { name: 'lock_rows', operation: 'select', table: 'resources' },
  // One family after the other, each with the parent first (docs/decisions/0003-lock-order.md).
  `
    SELECT id, kind, deleted_time IS NOT NULL AS deleting FROM resources
    WHERE id = ANY (:ids::text[])
    ORDER BY coalesce(owner_id, id), owner_id IS NOT NULL, id
    FOR NO KEY UPDATE`,
);

/** Locks rows of several families, in lock order. @returns those that exist, by id */
export async function lockRows(
  trx: Session,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, Locked>> {
  const rows = await trx.query(LOCK_ROWS, { ids: [...new Set(ids)] });
  return new Map(rows.map((row) => [row.id, row]));
}

/** What a change of references is held against. */
export interface ReferenceCheck {
  kind: Kind;
  wanted: References;
  /** What it refers to already: nobody can have removed that. */
  stored: ReferenceIds;
  /** The new targets that exist, locked. */
  targets: ReadonlyMap<string, Locked>;
}

/** @throws ProblemError VAL-000 with every fault */
export function assertReferences(check: ReferenceCheck): void {
  const { references } = check.kind;
  refuseFields([...unknownTypes(check), ...references.flatMap((type) => faultsOf(type, check))]);
}

function unknownTypes({ kind, wanted }: ReferenceCheck): ProblemField[] {
  const known = kind.references.map(({ type }) => type);
  return Object.keys(wanted)
    .filter((type) => !known.includes(type))
    .map((type) => {
      const message = `is not a reference of a ${kind.noun} (known: ${known.join(', ') || 'none'})`;
      return fault(type, 'unknownReference', message);
    });
}

function faultsOf(
  { type, targetKind, min, max = Infinity }: ReferenceType,
  { wanted, stored, targets }: ReferenceCheck,
): ProblemField[] {
  const list = Object.hasOwn(wanted, type) ? wanted[type]! : [];
  const known = Object.hasOwn(stored, type) ? stored[type]! : [];
  const faults: ProblemField[] = [];
  if (list.length < min) faults.push(fault(type, 'minItems', `must have at least ${min}`));
  if (list.length > max) faults.push(fault(type, 'maxItems', `must have at most ${max}`));
  list.forEach(({ id, kind = targetKind }, index) => {
    const place = `${type}[${index}]`;
    const target = targets.get(id);
    if (kind !== targetKind) faults.push(fault(place, 'enum', `must be a ${targetKind}`, kind));
    else if (list.findIndex((other) => other.id === id) < index) {
      faults.push(fault(place, 'uniqueItems', 'must not repeat an earlier one', id));
    } else if (known.includes(id)) return;
    else if (target?.kind !== targetKind) {
      faults.push(fault(place, 'exists', `must be the id of an existing ${targetKind}`, id));
    } else if (target.deleting) {
      faults.push(fault(place, 'exists', `must not be a ${targetKind} that is being deleted`, id));
    }
  });
  return faults;
}

function fault(place: string, keyword: string, message: string, value?: string): ProblemField {
  return describeRule({ path: ['references', place], keyword, message, value });
}

interface ReferencesValues {
  id: string;
  reference_ids: string | null;
  types: string[];
  targets: string[];
}

export const WRITE_REFERENCES = statement<object, ReferencesValues>(
  { name: 'write_references', operation: 'update', table: 'resource_references' },
  `
    WITH new AS (
      SELECT * FROM unnest(:types::text[], :targets::text[]) AS new (ref_type, target_id)
    ), dropped AS (
      DELETE FROM resource_references
      WHERE referrer_id = :id AND (ref_type, target_id) NOT IN (SELECT ref_type, target_id FROM new)
    ), added AS (
      INSERT INTO resource_references (referrer_id, ref_type, target_id)
      SELECT :id, ref_type, target_id FROM new ON CONFLICT DO NOTHING
    )
    UPDATE resources SET reference_ids = :reference_ids, changed_xid = DEFAULT WHERE id = :id`,
);

export function referencesValues(id: string, ids: ReferenceIds | null): ReferencesValues {
  const pairs = Object.entries(ids ?? {}).flatMap(([type, list]) =>
    list.map((target) => ({ type, target })),
  );
  return {
    id,
    reference_ids: pairs.length === 0 ? null : JSON.stringify(ids),
    types: pairs.map(({ type }) => type),
    targets: pairs.map(({ target }) => target),
  };
}

/** A reference to one of several resources. */
interface Referrer {
  id: string;
  kind: string;
  name: string;
  target_id: string;
}

const FIND_REFERRERS = statement<Referrer, { ids: string[] }>(
  { name: 'find_referrers', operation: 'select', table: 'resource_references' },
  `
    SELECT DISTINCT r.id, r.kind, r.name, f.target_id
    FROM resource_references f JOIN resources r ON r.id = f.referrer_id
    WHERE f.target_id = ANY (:ids::text[]) AND f.referrer_id <> ALL (:ids::text[])
    ORDER BY r.id`,
);

/**
 * Refuses to delete resources that others refer to. They must be locked, so that nobody begins to.
 * @throws ProblemError CNF-004 that names the others
 */
export async function assertNotReferenced(
  trx: Session,
  rows: readonly { id: string; kind: string; name: string }[],
  kinds: Kinds,
): Promise<void> {
  const referrers = await trx.query(FIND_REFERRERS, { ids: rows.map(({ id }) => id) });
  if (referrers.length === 0) return;
  const targets = rows.filter(({ id }) => referrers.some(({ target_id }) => target_id === id));
  throw new ProblemError(
    'CNF-004',
    `${capitalized(nameThem(targets, kinds))} cannot be deleted, because others refer to it: ${nameThem(referrers, kinds)}.`,
  );
}

/** How many resources a message names. */
const MAX_NAMED = 10;

/** `version 'a' (2…), Channel 'b' (2…) and 3 more`; a kind that is not declared has only its own name. */
export function nameThem(
  rows: readonly { id: string; kind: string; name: string }[],
  kinds: Kinds,
): string {
  const distinct = [...new Map(rows.map((row) => [row.id, row])).values()];
  const named = distinct
    .slice(0, MAX_NAMED)
    .map(({ id, kind, name }) => `${kinds.get(kind)?.noun ?? kind} '${name}' (${id})`);
  const more = distinct.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
