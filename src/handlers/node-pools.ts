import type { Handler } from '../contract/handler';
import * as resource from './resources';

/** Node pools: what is common to both kinds is in resource.ts. */
const target = (params: { cluster_id: string; nodepool_id: string }) =>
  ({ kind: 'NodePool', id: params.nodepool_id, ownerId: params.cluster_id }) as const;

export const getNodePools: Handler<'getNodePools'> = async (request, service) => ({
  status: 200,
  body: await resource.list({ kind: 'NodePool' }, request, service),
});

export const getNodePoolsByClusterId: Handler<'getNodePoolsByClusterId'> = async (
  request,
  service,
) => ({
  status: 200,
  body: await resource.list(
    { kind: 'NodePool', ownerId: request.params.cluster_id },
    request,
    service,
  ),
});

export const createNodePool: Handler<'createNodePool'> = (request, service) =>
  resource.create({ kind: 'NodePool', ownerId: request.params.cluster_id }, request, service);

export const getNodePool: Handler<'getNodePool'> = (request, service) =>
  resource.read({ kind: 'NodePool', id: request.params.nodepool_id }, request, service);

export const getNodePoolById: Handler<'getNodePoolById'> = (request, service) =>
  resource.read(target(request.params), request, service);

export const patchNodePoolById: Handler<'patchNodePoolById'> = (request, service) =>
  resource.patch(target(request.params), request, service);

export const deleteNodePoolById: Handler<'deleteNodePoolById'> = (request, service) =>
  resource.markDeleted(target(request.params), request, service);

export const forceDeleteNodePool: Handler<'forceDeleteNodePool'> = (request, service) =>
  resource.forceDelete(target(request.params), request, service);
