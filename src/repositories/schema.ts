import type { Database } from '../postgres/database';
import type { Kinds } from '../kinds/kind';
import { isSchemaMissing } from '../postgres/errors';
import { knownMigrations, MIGRATIONS_TABLE } from '../postgres/migrations';
import { statement } from '../postgres/statement';

interface Schema {
  applied: string[];
  missing_tables: string[];
}

const TABLES = [
  'resources',
  'resource_status',
  'resource_labels',
  'resource_references',
  'adapter_statuses',
  'resource_counts',
  'removed_resources',
  'pruned_removals',
];

const CHECK_SCHEMA = statement<Schema, { tables: string[] }>(
  { name: 'check_schema', operation: 'select', table: '' },
  // Looks the tables up without locking them: it must not wait for a migration that changes one.
  `
    SELECT ARRAY(SELECT name::text FROM ${MIGRATIONS_TABLE}) AS applied,
      ARRAY(SELECT name FROM unnest(:tables::text[]) name WHERE to_regclass(name) IS NULL) AS missing_tables`,
);

/**
 * @returns why the schema cannot be used, if so; one that is newer than the code can
 * @throws Error when the database does not respond
 */
export async function findSchemaProblem(db: Database): Promise<string | undefined> {
  try {
    const [schema] = await db.read(CHECK_SCHEMA, { tables: TABLES });
    const { applied, missing_tables } = schema!;
    const missing = [
      ...knownMigrations().filter((name) => !applied.includes(name)),
      ...missing_tables,
    ];
    return missing.length === 0
      ? undefined
      : `the database schema is outdated; missing: ${missing.join(', ')}`;
  } catch (error) {
    if (isSchemaMissing(error)) return 'the database schema is missing or cannot be read';
    throw error;
  }
}

const COUNT_UNDECLARED = statement<{ kind: string; total: number }, { declared: string[] }>(
  { name: 'count_undeclared', operation: 'select', table: 'resource_counts' },
  `
    SELECT kind, sum(total)::bigint AS total FROM resource_counts
    WHERE kind <> ALL (:declared::text[])
    GROUP BY kind HAVING sum(total) > 0 ORDER BY kind`,
);

/** The kinds that have resources but are not declared: these stay, and are served again when their kind is. */
export function countUndeclared(
  db: Database,
  kinds: Kinds,
): Promise<{ kind: string; total: number }[]> {
  return db.query(COUNT_UNDECLARED, { declared: [...kinds.keys()] });
}

interface StoredKind {
  kind: string;
  /** The kind of the parent of some resource of this kind; null: it has none. */
  parent_kind: string | null;
}

const FIND_PARENT_KINDS = statement<StoredKind, { declared: string[] }>(
  { name: 'find_parent_kinds', operation: 'select', table: 'resources' },
  // The first and the last are enough: while one declaration is served, all resources of a kind are alike.
  `
    SELECT DISTINCT r.kind, parent.kind AS parent_kind
    FROM unnest(:declared::text[]) kind
      CROSS JOIN LATERAL (
        (SELECT kind, owner_id FROM resources WHERE resources.kind = kind.kind ORDER BY id LIMIT 1)
        UNION ALL
        (SELECT kind, owner_id FROM resources WHERE resources.kind = kind.kind ORDER BY id DESC LIMIT 1)
      ) r
      LEFT JOIN resources parent ON parent.id = r.owner_id`,
);

interface StoredReference {
  kind: string;
  ref_type: string;
  target_kind: string;
}

const FIND_TARGET_KINDS = statement<StoredReference, { declared: string[] }>(
  { name: 'find_target_kinds', operation: 'select', table: 'resource_references' },
  `
    SELECT DISTINCT r.kind, f.ref_type, target.kind AS target_kind
    FROM resource_references f
      JOIN resources r ON r.id = f.referrer_id
      JOIN resources target ON target.id = f.target_id
    WHERE r.kind = ANY (:declared::text[])`,
);

/** Where a declaration contradicts what is stored, so that it cannot be served. */
export async function findContradictions(db: Database, kinds: Kinds): Promise<string[]> {
  const referring = [...kinds.values()].filter(({ references }) => references.length > 0);
  const [stored, references] = await Promise.all([
    db.query(FIND_PARENT_KINDS, { declared: [...kinds.keys()] }),
    referring.length === 0
      ? []
      : db.query(FIND_TARGET_KINDS, { declared: referring.map(({ name }) => name) }),
  ]);
  return [
    ...stored.flatMap(({ kind, parent_kind }) => {
      const declared = kinds.get(kind)!.parent?.name ?? null;
      if (declared === parent_kind) return [];
      const [is, was] = [declared, parent_kind].map((parent) => parent ?? 'no parent');
      return `${kind} is declared with ${is}, but stored resources have ${was}`;
    }),
    ...references.flatMap(({ kind, ref_type, target_kind }) => {
      const type = kinds.get(kind)!.references.find((known) => known.type === ref_type);
      if (type === undefined || type.targetKind === target_kind) return [];
      return `${kind} is declared with the reference ${ref_type} to ${type.targetKind}, but stored ones are to ${target_kind}`;
    }),
  ];
}
