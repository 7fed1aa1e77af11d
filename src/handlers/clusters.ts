import type { Handler } from '../contract/handler';
import * as resource from './resources';

/** Clusters: what is common to both kinds is in resource.ts. */
const target = (params: { cluster_id: string }) =>
  ({ kind: 'Cluster', id: params.cluster_id }) as const;

export const getClusters: Handler<'getClusters'> = async (request, service) => ({
  status: 200,
  body: await resource.list({ kind: 'Cluster' }, request, service),
});

export const postCluster: Handler<'postCluster'> = (request, service) =>
  resource.create({ kind: 'Cluster' }, request, service);

export const getClusterById: Handler<'getClusterById'> = (request, service) =>
  resource.read(target(request.params), request, service);

export const patchClusterById: Handler<'patchClusterById'> = (request, service) =>
  resource.patch(target(request.params), request, service);

export const deleteClusterById: Handler<'deleteClusterById'> = (request, service) =>
  resource.markDeleted(target(request.params), request, service);

export const forceDeleteCluster: Handler<'forceDeleteCluster'> = (request, service) =>
  resource.forceDelete(target(request.params), request, service);
