import { isDeepStrictEqual } from 'node:util';
import type { Test } from 'supertest';
import { aggregateRow, isRowComplete } from '../../src/repositories/resources';
import type { Database } from '../../src/postgres/database';
import { statement } from '../../src/postgres/statement';
import type { Kinds } from '../../src/kinds/kind';
import { DECIDING_COLUMNS, type ResourceWithReports } from '../../src/repositories/resources';
import { RESOURCE_TABLES } from '../../src/repositories/rows';
import { api, MERGE_PATCH } from './api';
import type { Outcome, Place, Request } from './lifecycle-model';

export function pathOf({ kind, id, ownerId }: Place): string {
  return kind === 'Cluster' ? `/clusters/${id}` : `/clusters/${ownerId!}/nodepools/${id}`;
}

// Times of reports: in the past, so that none is refused for being ahead, and a millisecond apart.
const EPOCH = Date.now() - 3_600_000;

export async function ask(app: { url: string }, request: Request): Promise<Outcome> {
  const { status, body } = await sending(app, request);
  if (status >= 400) return { status, code: body.code };
  if (status === 204 || request.do === 'report') return { status };
  return {
    status,
    generation: body.generation,
    deleted: body.deleted_time !== undefined,
    ...(status === 201 && { id: body.id }),
  };
}

function sending(app: { url: string }, request: Request): Test {
  if (request.do === 'create') {
    const { kind, ownerId, name, spec, labels } = request;
    const below = ownerId === undefined ? '' : `/${ownerId}/nodepools`;
    return api(app).post(`/clusters${below}`).send({ kind, name, spec, labels });
  }
  const path = pathOf(request.at);
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
  `SELECT ${DECIDING_COLUMNS}, s.ready, s.available,
     (SELECT coalesce(jsonb_object_agg(l.key, l.value), '{}') FROM resource_labels l
      WHERE l.resource_id = r.id AND l.kind = r.kind) AS label_rows
   FROM ${RESOURCE_TABLES} WHERE :ids::text[] IS NULL OR r.id = ANY (:ids) ORDER BY r.id`,
);

export type StoredRow = ResourceWithReports & {
  ready: boolean;
  available: boolean;
  label_rows: Record<string, string>;
};

/** All rows, or those with these ids. */
export function storedRows(
  db: Database,
  ids: readonly string[] | null = null,
): Promise<StoredRow[]> {
  return db.query(ROWS, { ids });
}

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
  const [rows, counts] = await Promise.all([storedRows(db), db.query(COUNTS, {})]);
  const found = rows.flatMap((row) => rowViolations(row, rows, kinds));
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
    'a node pool without a cluster': row.owner_id !== null && owner === undefined,
    'alive under a marked cluster': row.deleted_time === null && owner?.deleted_time != null,
    'a report ahead of its resource': row.reports.some(
      (report) => report.observed_generation > row.generation,
    ),
    'conditions that do not follow from what is stored': !isDeepStrictEqual(
      aggregateRow(row, kinds),
      { conditions, phase, observed_generation, last_updated_time, last_transition_time },
    ),
    'label rows that differ from the labels': !isDeepStrictEqual(row.label_rows, row.labels),
  };
  return Object.keys(broken)
    .filter((what) => broken[what])
    .map((what) => `${row.kind} ${row.id} (${row.name}): ${what}`);
}

/** Empties the database; the counters must follow by themselves. */
export async function removeEverything(db: Database): Promise<void> {
  await db.query(
    statement({ operation: 'delete', table: 'resources' }, 'DELETE FROM resources'),
    {},
  );
}
