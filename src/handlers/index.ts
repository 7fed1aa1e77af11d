import type { Handlers } from '../contract/handler';
import * as clusters from './clusters';
import * as meta from './meta';
import * as nodePools from './node-pools';
import * as statuses from './statuses';

/** Every operation of the contract and the function that answers it. */
export const handlers: Handlers = {
  getClusters: clusters.getClusters,
  postCluster: clusters.postCluster,
  getClusterById: clusters.getClusterById,
  patchClusterById: clusters.patchClusterById,
  deleteClusterById: clusters.deleteClusterById,
  forceDeleteCluster: clusters.forceDeleteCluster,

  getNodePools: nodePools.getNodePools,
  getNodePool: nodePools.getNodePool,
  getNodePoolsByClusterId: nodePools.getNodePoolsByClusterId,
  createNodePool: nodePools.createNodePool,
  getNodePoolById: nodePools.getNodePoolById,
  patchNodePoolById: nodePools.patchNodePoolById,
  deleteNodePoolById: nodePools.deleteNodePoolById,
  forceDeleteNodePool: nodePools.forceDeleteNodePool,

  getClusterStatuses: statuses.getClusterStatuses,
  postClusterStatuses: statuses.postClusterStatuses,
  putClusterStatuses: statuses.putClusterStatuses,
  getNodePoolsStatuses: statuses.getNodePoolsStatuses,
  postNodePoolStatuses: statuses.postNodePoolStatuses,
  putNodePoolStatuses: statuses.putNodePoolStatuses,

  getCompatibility: meta.getCompatibility,
  getMetadata: meta.getMetadata,
  getErrors: meta.getErrors,
  getErrorById: meta.getErrorById,
  getOpenapi: meta.getOpenapi,
  getOpenapiAlias: meta.getOpenapiAlias,
  getOpenapiUi: meta.getOpenapiUi,
  getOpenapiUiAlias: meta.getOpenapiUiAlias,
};
