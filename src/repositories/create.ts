import { randomInt } from 'node:crypto';
import { monotonicFactory } from 'ulid';
import { type Aggregate, aggregateConditions } from '../conditions/aggregate';
import { capitalized, type Kind } from '../kinds/kind';
import type { Database } from '../postgres/database';
import { statement } from '../postgres/statement';
import type { Session } from '../postgres/transaction';
import { ProblemError } from '../problems/problem';
import { type JsonObject, type ResourceRow, STATUS, statusValues, type StatusValues } from './rows';
import {
  assertReferences,
  idsOf,
  lockRows,
  type References,
  referencesValues,
  WRITE_REFERENCES,
} from './references';
import { notFound, type Scope } from './targets';

export interface NewResource extends Scope {
  name: string;
  spec: JsonObject;
  labels: Record<string, string>;
  references: References;
  actor: string;
}

// Ids that one process creates within a millisecond still sort in that order. `randomInt` draws its bytes in batches;
// the default would make a system call for each of the 16 random digits of an id.
const nextUlid = monotonicFactory(() => randomInt(32) / 32);

/** A new id that begins with the time, so that ids sort by creation. */
export function newId(time: Date): string {
  return `2${nextUlid(time.getTime()).toLowerCase()}`;
}

/** Whether a text has the form of an id. */
export function isId(text: string): boolean {
  return /^2[0-9a-hjkmnp-tv-z]{26}$/.test(text);
}

interface CreateValues extends StatusValues {
  kind: string;
  parent_kind: string | null;
  parent_id: string | null;
  created_time: string;
  ids: string[];
  names: string[];
  specs: string[];
  labels: string[];
  actors: string[];
}

interface Created {
  created: string[];
  parent_id: string | null;
  deleting: boolean;
}

const CREATE = statement<Created, CreateValues>(
  { name: 'create_resources', operation: 'insert', table: 'resources' },
  // FOR SHARE waits for a deletion of the parent that is in progress, and makes a later one wait.
  `
    WITH parent AS (
      SELECT id, deleted_time FROM resources
      WHERE id = :parent_id AND kind = :parent_kind FOR SHARE
    ), resource AS (
      INSERT INTO resources (id, kind, owner_id, name, spec, labels, generation,
                             created_time, created_by, updated_time, updated_by)
      SELECT new.id, :kind::text, :parent_id::text, new.name, new.spec, new.labels, 1,
             :created_time::timestamptz, new.actor, :created_time::timestamptz, new.actor
      FROM unnest(:ids::text[], :names::text[], :specs::jsonb[], :labels::jsonb[], :actors::text[])
        new (id, name, spec, labels, actor)
      WHERE :parent_id::text IS NULL OR EXISTS (SELECT 1 FROM parent WHERE deleted_time IS NULL)
      ON CONFLICT DO NOTHING
      RETURNING id, kind, labels
    ), status AS (
      INSERT INTO resource_status (resource_id, kind, version, ${STATUS.columns})
      SELECT id, kind, 1, ${STATUS.values} FROM resource
    ), label AS (
      INSERT INTO resource_labels (kind, key, value, resource_id)
      SELECT kind, label.key, label.value, id FROM resource, jsonb_each_text(labels) label
    )
    SELECT ARRAY(SELECT id FROM resource) AS created,
           (SELECT id FROM parent) AS parent_id,
           EXISTS (SELECT 1 FROM parent WHERE deleted_time IS NOT NULL) AS deleting`,
);

interface Draft extends NewResource {
  specJson: string;
}

/**
 * Creates a resource. Concurrent creates of one kind and parent share one statement, unless they refer to others.
 * @throws ProblemError CNF-001 name taken, NTF-001 parent not found, CNF-003 parent being deleted, VAL-000 references
 */
export async function createResource(db: Database, resource: NewResource): Promise<ResourceRow> {
  const draft = { ...resource, specJson: JSON.stringify(resource.spec) };
  if (Object.keys(draft.references).length > 0) return createReferring(db, draft);
  assertReferences({ kind: draft.kind, wanted: {}, stored: {}, targets: new Map() });
  const group = `${draft.kind.name} ${draft.ownerId ?? ''}`;
  const outcome = await db.batches.join(group, draft, draft.specJson.length, (drafts) =>
    createTogether(db, drafts),
  );
  if (outcome instanceof ProblemError) throw outcome;
  return outcome;
}

/** The targets are locked first, so that each is there until the reference is. */
function createReferring(db: Database, draft: Draft): Promise<ResourceRow> {
  const { kind, references, ownerId } = draft;
  const reference_ids = idsOf(references);
  const targetIds = Object.values(reference_ids).flat();
  return db.transaction(async (trx) => {
    const targets = await lockRows(
      trx,
      ownerId === undefined ? targetIds : [ownerId, ...targetIds],
    );
    assertReferences({ kind, wanted: references, stored: {}, targets });
    const [outcome] = await createTogether(trx, [draft]);
    if (outcome instanceof ProblemError) throw outcome;
    await trx.queryAndCommit(WRITE_REFERENCES, referencesValues(outcome!.id, reference_ids));
    return { ...outcome!, reference_ids };
  });
}

/** @returns for each draft the stored row, or the reason why there is none */
async function createTogether(
  session: Session,
  drafts: readonly Draft[],
): Promise<(ResourceRow | ProblemError)[]> {
  const { kind, ownerId } = drafts[0]!;
  const now = new Date();
  const time = now.toISOString();
  const aggregate = firstAggregate(kind, time);
  const resources = drafts.map((draft) => ({ ...draft, id: newId(now) }));
  // All processes insert names in the same order, so that they cannot deadlock.
  const sorted = resources.toSorted((one, other) =>
    one.name < other.name ? -1 : Number(one.name > other.name),
  );
  const [stored] = await session.query(CREATE, {
    kind: kind.name,
    parent_kind: kind.parent?.name ?? null,
    parent_id: ownerId ?? null,
    created_time: time,
    ids: sorted.map(({ id }) => id),
    names: sorted.map(({ name }) => name),
    specs: sorted.map(({ specJson }) => specJson),
    labels: sorted.map(({ labels }) => JSON.stringify(labels)),
    actors: sorted.map(({ actor }) => actor),
    ...statusValues(aggregate),
  });
  const ids = new Set(stored!.created);
  return resources.map(({ id, name, spec, labels, actor }) => {
    if (!ids.has(id)) return whyNotCreated({ kind, ownerId }, name, stored!);
    return {
      ...{ id, kind: kind.name, owner_id: ownerId ?? null, name, spec, labels },
      ...{ reference_ids: null, generation: 1 },
      ...{ created_time: time, created_by: actor, updated_time: time, updated_by: actor },
      ...{ deleted_time: null, deleted_by: null, version: 1 },
      ...aggregate,
    };
  });
}

function firstAggregate({ name, requiredAdapters }: Kind, time: string): Aggregate {
  return aggregateConditions({
    kind: name,
    generation: 1,
    ref: time,
    required: requiredAdapters,
    reports: [],
    previous: [],
    deleting: false,
    hasChildren: false,
  });
}

function whyNotCreated(
  { kind, ownerId }: Scope,
  name: string,
  { parent_id, deleting }: Created,
): ProblemError {
  const { noun, parent } = kind;
  let where = '';
  if (parent !== undefined && ownerId !== undefined) {
    if (parent_id === null) return notFound({ kind: parent, id: ownerId });
    if (deleting) {
      return new ProblemError(
        'CNF-003',
        `${capitalized(parent.noun)} '${ownerId}' is being deleted; no ${noun} can be created in it.`,
      );
    }
    where = ` in ${parent.noun} '${ownerId}'`;
  }
  const detail = `A ${noun} named '${name}' already exists${where}.`;
  return new ProblemError('CNF-001', detail, {
    errors: [{ field: 'name', message: detail, constraint: 'unique', value: name }],
  });
}
