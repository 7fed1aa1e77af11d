import {
  CLUSTER as CLUSTER_DECLARATION,
  NODE_POOL as NODE_POOL_DECLARATION,
} from '../../src/kinds/built-in';
import { createKinds, getKind, type Kinds } from '../../src/kinds/kind';

/** The built-in kinds with other required adapters. */
export function kindsWith(cluster: readonly string[], nodePool: readonly string[]): Kinds {
  return createKinds([
    { ...CLUSTER_DECLARATION, requiredAdapters: cluster },
    { ...NODE_POOL_DECLARATION, requiredAdapters: nodePool },
  ]);
}

export const KINDS = createKinds([CLUSTER_DECLARATION, NODE_POOL_DECLARATION]);
export const CLUSTER = getKind(KINDS, 'Cluster');
export const NODE_POOL = getKind(KINDS, 'NodePool');

/** The variables that give a service these required adapters. */
export function adapterVariables(kinds: Kinds): Record<string, string> {
  const adapters = (kind: string) => JSON.stringify(getKind(kinds, kind).requiredAdapters);
  return {
    HYPERFLEET_CLUSTER_ADAPTERS: adapters('Cluster'),
    HYPERFLEET_NODEPOOL_ADAPTERS: adapters('NodePool'),
  };
}
