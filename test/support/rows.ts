import type pg from 'pg';
import { sql } from '../../src/postgres/statement';

let made = 0;

export interface Resource {
  [column: string]: unknown;
  id: string;
}

export function cluster(columns: Partial<Resource> = {}): Resource {
  const number = String(++made);
  return {
    id: `2${number.padStart(26, '0')}`,
    kind: 'Cluster',
    name: `name-${number}`,
    spec: '{}',
    labels: '{}',
    generation: 1,
    created_time: '2026-01-01T00:00:00Z',
    created_by: 'someone',
    updated_time: '2026-01-01T00:00:00Z',
    updated_by: 'someone',
    ...columns,
  };
}

export function nodePool(owner: Resource, columns: Partial<Resource> = {}): Resource {
  return cluster({ kind: 'NodePool', owner_id: owner.id, ...columns });
}

export function status(
  resource: Resource,
  columns: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    resource_id: resource.id,
    kind: resource.kind,
    version: 1,
    conditions: '[]',
    ready: false,
    available: false,
    ready_last_updated_time: '2026-01-01T00:00:00Z',
    phase: 'NotReady',
    last_transition_time: '2026-01-01T00:00:00Z',
    observed_generation: 1,
    last_updated_time: '2026-01-01T00:00:00Z',
    ...columns,
  };
}

export async function insert(
  on: pg.Pool | pg.PoolClient,
  table: string,
  row: Record<string, unknown>,
): Promise<void> {
  const { sql: text, bindings } = sql(table).insert(row).toSQL().toNative();
  await on.query(text, [...bindings]);
}

export function report(resource: Resource): Record<string, unknown> {
  return {
    resource_id: resource.id,
    adapter: 'dns',
    observed_generation: 1,
    created_time: '2026-01-01T00:00:00Z',
    last_report_time: '2026-01-01T00:00:00Z',
    conditions: '[]',
    data: '{}',
  };
}
