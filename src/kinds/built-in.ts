import type { KindDeclaration } from './kind';

/** The kinds that every service has. The configuration can replace the required adapters. */
export const CLUSTER: KindDeclaration = {
  name: 'Cluster',
  plural: 'clusters',
  noun: 'cluster',
  requiredAdapters: ['validation', 'dns', 'pullsecret', 'hypershift'],
  specSchema: 'ClusterSpec',
  lowestObservedGeneration: 0,
};

export const NODE_POOL: KindDeclaration = {
  name: 'NodePool',
  plural: 'nodepools',
  noun: 'node pool',
  parent: 'Cluster',
  requiredAdapters: ['validation', 'hypershift'],
  specSchema: 'NodePoolSpec',
  lowestObservedGeneration: 1,
};
