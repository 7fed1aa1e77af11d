import type { ResourceRow } from '../repositories/rows';

export type Version = Pick<ResourceRow, 'id' | 'version'>;

/**
 * The ids and versions of some resources, each separated by commas: a row per resource would cost Node more than all of
 * it. Null: there are none.
 */
export interface VersionsRow {
  ids: string | null;
  versions: string | null;
}

/** Columns of a `VersionsRow`, from resource_status s. */
export function versionColumns(ordering: string): string {
  return `string_agg(s.resource_id, ',' ORDER BY ${ordering}) AS ids,
    string_agg(s.version::text, ',' ORDER BY ${ordering}) AS versions`;
}

export function versionsOf({ ids, versions }: VersionsRow): Version[] {
  const all = split(versions);
  return split(ids).map((id, index) => ({ id, version: Number(all[index]) }));
}

function split(list: string | null): string[] {
  return list === null ? [] : list.split(',');
}
