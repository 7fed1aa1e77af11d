import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { declareKinds } from '../../src/kinds/declare';
import type { Kinds } from '../../src/kinds/kind';

/** Kinds as an operator declares them, beside the built-in ones. */
export const ENTITIES = [
  { kind: 'Channel', plural: 'channels', spec_schema_name: 'ChannelSpec', name_max_len: 40 },
  {
    kind: 'Version',
    plural: 'versions',
    parent_kind: 'Channel',
    on_parent_delete: 'restrict',
    spec_schema_name: 'VersionSpec',
    required_adapters: ['validation'],
    references: [{ ref_type: 'predecessor', target_kind: 'Version' }],
  },
  { kind: 'WifConfig', plural: 'wifconfigs', spec_schema_name: 'WifConfigSpec' },
  {
    kind: 'Cluster',
    plural: 'clusters',
    references: [{ ref_type: 'wif_config', target_kind: 'WifConfig', min: 0, max: 1 }],
  },
  { kind: 'NodePool', plural: 'nodepools', parent_kind: 'Cluster' },
];

export const DECLARED_KINDS: Kinds = declareKinds(ENTITIES, {}).kinds;

/** Writes the entities to a file. @returns its path, for HYPERFLEET_KINDS_FILE */
export function kindsFile(entities: readonly object[] = ENTITIES): string {
  const file = join(tmpdir(), `kinds-${randomUUID()}.yaml`);
  writeFileSync(file, JSON.stringify({ entities }));
  return file;
}
