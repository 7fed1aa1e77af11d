import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'supertest';
import { aggregateRow, isRowComplete } from '../../src/repositories/resources';
import type { Database } from '../../src/postgres/database';
import { statement } from '../../src/postgres/statement';
import { getKind, type Kind, type Kinds } from '../../src/kinds/kind';
import { DECIDING_COLUMNS, type ResourceWithReports } from '../../src/repositories/resources';
import { RESOURCE_TABLES } from '../../src/repositories/rows';
import { api, MERGE_PATCH } from './api';
import type { Outcome, Place, ReferenceIds, Request } from './lifecycle-model';

/** The nested path of a child, or the flat one. */
function pathOf({ kind: name, id, ownerId }: Place, kinds: Kinds, flat: boolean): string {
  const { plural, parent } = getKind(kinds, name);
  const nested = parent !== undefined && !flat;
  return `${nested ? `/${parent.plural}/${ownerId!}` : ''}/${plural}/${id}`;
}

// Times of reports: in the past, so that none is refused for being ahead, and a millisecond apart.
const EPOCH = Date.now() - 3_600_000;

/** Sends a request; about a child, every other one to its flat path. */
export async function ask(
  app: { url: string },
  request: Request,
  kinds: Kinds,
  flat: boolean,
): Promise<Outcome> {
  const { status, body } = await sending(app, request, kinds, flat);
  if (status >= 400) return { status, code: body.code };
  if (status === 204 || request.do === 'report') return { status };
  return {
    status,
    generation: body.generation,
    deleted: body.deleted_time !== undefined,
    ...(body.references && { references: idsOf(body.references) }),
    ...(status === 201 && { id: body.id }),
  };
}

function idsOf(references: Record<string, readonly { id: string }[]>): ReferenceIds {
  return Object.fromEntries(
    Object.entries(references).map(([type, list]) => [type, list.map(({ id }) => id)]),
  );
}

function sending(app: { url: string }, request: Request, kinds: Kinds, flat: boolean): Test {
  if (request.do === 'create') {
    const { kind, ownerId, name, spec, labels, references } = request;
    const { plural, parent, references: types } = getKind(kinds, kind);
    const below = parent === undefined ? '' : `/${parent.plural}/${ownerId!}`;
    const refers = types.length > 0 && { references };
    return api(app)
      .post(`${below}/${plural}`)
      .send({ kind, name, spec, labels, ...refers });
  }
  const path = pathOf(request.at, kinds, flat);
  switch (request.do) {
    case 'patch':
      return api(app)
        .patch(path)
        .type(request.merge ? MERGE_PATCH : 'json')
        .send(request.body);
    case 'delete':
      return api(app).delete(path);
    case 'force-delete':
      return api(app).post(`${path}/force-delete`).send({ reason: 'the model says so' });
    case 'report': {
      const { adapter, generation, time, available, finalized } = request;
      const conditions = [
        ...(available === 'absent' ? [] : [{ type: 'Available', status: available }]),
        { type: 'Finalized', status: finalized ? 'True' : 'False' },
      ];
      const observed_time = new Date(EPOCH + time).toISOString();
      const body = { adapter, observed_generation: generation, observed_time, conditions };
      return api(app).post(`${path}/statuses`).send(body);
    }
  }
}

const ROWS = statement<StoredRow, { ids: readonly string[] | null }>(
  { operation: 'select', table: 'resources' },
  // xmin is the transaction that wrote this state of a row.
  `SELECT ${DECIDING_COLUMNS}, s.ready, s.available,
     xid(r.changed_xid) = r.xmin AND xid(s.changed_xid) = s.xmin AS names_transaction,
     (SELECT coalesce(jsonb_object_agg(l.key, l.value), '{}') FROM resource_labels l
      WHERE l.resource_id = r.id AND l.kind = r.kind) AS label_rows
   FROM ${RESOURCE_TABLES} WHERE :ids::text[] IS NULL OR r.id = ANY (:ids) ORDER BY r.id`,
);

export type StoredRow = ResourceWithReports & {
  ready: boolean;
  available: boolean;
  label_rows: Record<string, string>;
  names_transaction: boolean;
};

/** All rows, or those with these ids. */
export function storedRows(
  db: Database,
  ids: readonly string[] | null = null,
): Promise<StoredRow[]> {
  return db.query(ROWS, { ids });
}

/** What is wrong with references: they are stored twice, by referrer and by target. */
const REFERENCE_VIOLATIONS = statement<{ what: string }>(
  { operation: 'select', table: 'resource_references' },
  `WITH told AS (
     SELECT r.id AS referrer_id, type AS ref_type, target_id
     FROM resources r, jsonb_each(r.reference_ids) AS types (type, ids),
       jsonb_array_elements_text(ids) AS targets (target_id)
   ), kept AS (SELECT referrer_id, ref_type, target_id FROM resource_references)
   SELECT f.referrer_id || ' refers as ' || f.ref_type || ' to ' || f.target_id || ': ' || why AS what
   FROM (
     SELECT 'only by reference_ids' AS why, * FROM (TABLE told EXCEPT ALL TABLE kept) a
     UNION ALL SELECT 'only by resource_references', * FROM (TABLE kept EXCEPT ALL TABLE told) b
     UNION ALL SELECT 'marked for deletion', kept.* FROM kept JOIN resources r ON r.id = referrer_id
       WHERE r.deleted_time IS NOT NULL
     UNION ALL SELECT 'to what is marked for deletion', told.* FROM told
       JOIN resources r ON r.id = target_id WHERE r.deleted_time IS NOT NULL
     UNION ALL SELECT 'to nothing', told.* FROM told
       WHERE NOT EXISTS (SELECT 1 FROM resources r WHERE r.id = target_id)
   ) f`,
);

const COUNTS = statement<Count>(
  { operation: 'select', table: 'resource_counts' },
  `SELECT kind, sum(total)::int AS total, sum(ready)::int AS ready, sum(available)::int AS available
   FROM resource_counts GROUP BY kind`,
);

interface Count {
  kind: string;
  total: number;
  ready: number;
  available: number;
}

/** What must hold of the database whenever nobody is writing, and does not. */
export async function violations(db: Database, kinds: Kinds): Promise<string[]> {
  return (await inspect(db, kinds)).violations;
}

/** All rows, and what does not hold of them. */
export async function inspect(db: Database, kinds: Kinds) {
  const [rows, counts, references] = await Promise.all([
    storedRows(db),
    db.query(COUNTS, {}),
    db.query(REFERENCE_VIOLATIONS, {}),
  ]);
  const found = rows.flatMap((row) => rowViolations(row, rows, kinds));
  found.push(...references.map(({ what }) => what));
  for (const kind of kinds.keys()) {
    const ofKind = rows.filter((row) => row.kind === kind);
    const expected = {
      kind,
      total: ofKind.length,
      ready: ofKind.filter(({ ready }) => ready).length,
      available: ofKind.filter(({ available }) => available).length,
    };
    const nothing = { kind, total: 0, ready: 0, available: 0 };
    const counted = { ...(counts.find((count) => count.kind === kind) ?? nothing) };
    if (!isDeepStrictEqual(counted, expected)) {
      found.push(`counted ${JSON.stringify(counted)}, there are ${JSON.stringify(expected)}`);
    }
  }
  return { rows, violations: found };
}

function rowViolations(row: StoredRow, rows: readonly StoredRow[], kinds: Kinds): string[] {
  const owner = rows.find(({ id }) => id === row.owner_id);
  const { conditions, phase, observed_generation, last_updated_time, last_transition_time } = row;
  const broken: Record<string, boolean> = {
    'complete, and still there': isRowComplete(row, kinds),
    'a child without its parent': (row.owner_id ?? undefined) !== owner?.id,
    'alive under a marked parent': row.deleted_time === null && owner?.deleted_time != null,
    'a report ahead of its resource': row.reports.some(
      (report) => report.observed_generation > row.generation,
    ),
    'conditions that do not follow from what is stored': !isDeepStrictEqual(
      aggregateRow(row, kinds),
      { conditions, phase, observed_generation, last_updated_time, last_transition_time },
    ),
    'references that its kind does not allow': !areAllowed(row, rows, getKind(kinds, row.kind)),
    'changed by a transaction that it does not name': !row.names_transaction,
    'label rows that differ from the labels': !isDeepStrictEqual(row.label_rows, row.labels),
  };
  return Object.keys(broken)
    .filter((what) => broken[what])
    .map((what) => `${row.kind} ${row.id} (${row.name}): ${what}`);
}

/** Their types, numbers and the kinds of their targets. What is marked for deletion has none. */
function areAllowed(
  { reference_ids, deleted_time }: StoredRow,
  rows: readonly StoredRow[],
  { references }: Kind,
): boolean {
  const ids = new Map(Object.entries(reference_ids ?? {}));
  if (deleted_time !== null) return ids.size === 0;
  const known = new Set(references.map(({ type }) => type));
  if ([...ids.keys()].some((type) => !known.has(type))) return false;
  return references.every(({ type, targetKind, min, max = Infinity }) => {
    const targets = rows.filter(({ id }) => ids.get(type)?.includes(id));
    const fits = targets.every(({ kind }) => kind === targetKind);
    return fits && targets.length >= min && targets.length <= max;
  });
}

/** Empties the database; the counters must follow by themselves. */
export async function removeEverything(db: Database): Promise<void> {
  await db.query(
    statement(
      { operation: 'delete', table: 'resources' },
      'WITH dropped AS (DELETE FROM resource_references) DELETE FROM resources',
    ),
    {},
  );
}
