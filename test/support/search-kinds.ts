import { declareKinds } from '../../src/kinds/declare';
import { getKind, type Kind } from '../../src/kinds/kind';

const { kinds } = declareKinds(
  [
    {
      kind: 'Channel',
      plural: 'channels',
      references: [{ ref_type: 'wif_config', target_kind: 'WifConfig' }],
    },
    {
      kind: 'Version',
      plural: 'versions',
      parent_kind: 'Channel',
      references: [
        { ref_type: 'wif_config', target_kind: 'WifConfig' },
        { ref_type: 'replaces', target_kind: 'Version' },
      ],
    },
    {
      kind: 'WifConfig',
      plural: 'wifconfigs',
      references: [{ ref_type: 'cluster', target_kind: 'Cluster' }],
    },
  ],
  {},
);

export const CHANNEL = getKind(kinds, 'Channel');
export const VERSION = getKind(kinds, 'Version');
/** The built-in kinds, and three whose resources refer to others. */
export const EVERY_KIND: readonly Kind[] = [...kinds.values()];
