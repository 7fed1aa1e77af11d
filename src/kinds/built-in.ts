import type { KindDeclaration } from './declaration';

/** A kind that every service has. */
export interface BuiltInDeclaration extends KindDeclaration {
  spec_schema_name: string;
  required_adapters: readonly string[];
  name_min_len: number;
  name_max_len: number;
  /** Served instead of anything lower: older clients require at least 1 for a node pool. */
  lowest_observed_generation?: 1;
}

export const CLUSTER: BuiltInDeclaration = {
  kind: 'Cluster',
  plural: 'clusters',
  spec_schema_name: 'ClusterSpec',
  required_adapters: ['validation', 'dns', 'pullsecret', 'hypershift'],
  name_min_len: 3,
  name_max_len: 53,
};

export const NODE_POOL: BuiltInDeclaration = {
  kind: 'NodePool',
  plural: 'nodepools',
  parent_kind: 'Cluster',
  spec_schema_name: 'NodePoolSpec',
  required_adapters: ['validation', 'hypershift'],
  name_min_len: 3,
  name_max_len: 15,
  lowest_observed_generation: 1,
};

/** Parents come before their children. */
export const BUILT_IN: readonly BuiltInDeclaration[] = [CLUSTER, NODE_POOL];
