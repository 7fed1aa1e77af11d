import { declareKinds } from '../../src/kinds/declare';
import { getKind, type Kinds } from '../../src/kinds/kind';

/** The built-in kinds with other required adapters. */
export function kindsWith(cluster: readonly string[], nodePool: readonly string[]): Kinds {
  return declareKinds([], { Cluster: cluster, NodePool: nodePool }).kinds;
}

export const KINDS = declareKinds([], {}).kinds;
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
