import type { OperationId } from '../../src/contract/document';
import { newCluster, newNodePool, newReport } from '../support/factories';
import type { ContractRequest, World } from './world';

export const B = '/api/hyperfleet/v1';

export async function makeCluster(world: World): Promise<string> {
  const { href } = await world.made({
    method: 'post',
    path: `${B}/clusters`,
    body: newCluster(),
  });
  return href as string;
}

/** @returns the path of a new node pool below a new cluster */
export async function makeNodePool(world: World): Promise<string> {
  const cluster = await makeCluster(world);
  const { id } = await world.made({
    method: 'post',
    path: `${cluster}/nodepools`,
    body: newNodePool(),
  });
  return `${cluster}/nodepools/${id as string}`;
}

/** @returns the path of a new node pool, without its cluster */
export async function makeFlatNodePool(world: World): Promise<string> {
  const { href } = await world.made({ path: await makeNodePool(world) });
  return href as string;
}

/** @returns the path of a new cluster among the resources of all kinds */
export async function makeResource(world: World): Promise<string> {
  return (await makeCluster(world)).replace('/clusters/', '/resources/');
}

type Make = (world: World) => Promise<string>;

async function marked(world: World, make: Make): Promise<string> {
  const path = await make(world);
  await world.made({ method: 'delete', path });
  return path;
}

/** Requests on a resource made by `make`, each good enough for the success its operation is there for. */
const on = (make: Make) => ({
  read: async (world: World): Promise<ContractRequest> => ({ path: await make(world) }),
  patch: async (world: World): Promise<ContractRequest> => ({
    method: 'patch',
    path: await make(world),
    body: { labels: { env: 'staging' } },
  }),
  remove: async (world: World): Promise<ContractRequest> => ({
    method: 'delete',
    path: await make(world),
  }),
  force: async (world: World): Promise<ContractRequest> => ({
    method: 'post',
    path: `${await marked(world, make)}/force-delete`,
    body: { reason: 'the account is closed' },
  }),
  statuses: async (world: World): Promise<ContractRequest> => {
    const path = `${await make(world)}/statuses`;
    await world.made({ method: 'post', path, body: newReport('validation') });
    await world.made({ method: 'put', path, body: newReport('extra') });
    return { path };
  },
  report:
    (method: 'post' | 'put') =>
    async (world: World): Promise<ContractRequest> => ({
      method,
      path: `${await make(world)}/statuses`,
      body: {
        ...newReport('validation'),
        metadata: { job_name: 'job-1', attempt: 1, duration: '2m', note: 'kept' },
      },
    }),
});

const cluster = on(makeCluster);
const nodePool = on(makeNodePool);
const flatNodePool = on(makeFlatNodePool);
const resource = on(makeResource);
const at = (path: string) => (): Promise<ContractRequest> => Promise.resolve({ path });

/** For every operation of the built-in contract a request that succeeds; what it needs is made first. */
const REQUESTS = {
  getClusters: async (world) => {
    await makeCluster(world);
    return { path: `${B}/clusters` };
  },
  postCluster: () => Promise.resolve({ method: 'post', path: `${B}/clusters`, body: newCluster() }),
  getClusterById: cluster.read,
  patchClusterById: cluster.patch,
  deleteClusterById: cluster.remove,
  forceDeleteCluster: cluster.force,
  getClusterStatuses: cluster.statuses,
  postClusterStatuses: cluster.report('post'),
  putClusterStatuses: cluster.report('put'),

  getNodePools: async (world) => {
    await makeNodePool(world);
    return { path: `${B}/nodepools` };
  },
  getNodePoolsByClusterId: async (world) => {
    const path = await makeNodePool(world);
    return { path: path.slice(0, path.lastIndexOf('/')) };
  },
  createNodePool: async (world) => ({
    method: 'post',
    path: `${await makeCluster(world)}/nodepools`,
    body: newNodePool(),
  }),
  getNodePool: flatNodePool.read,
  patchNodePool: flatNodePool.patch,
  deleteNodePool: flatNodePool.remove,
  forceDeleteNodePoolById: flatNodePool.force,
  getNodePoolStatusesById: flatNodePool.statuses,
  postNodePoolStatusesById: flatNodePool.report('post'),
  putNodePoolStatusesById: flatNodePool.report('put'),
  getNodePoolById: nodePool.read,
  patchNodePoolById: nodePool.patch,
  deleteNodePoolById: nodePool.remove,
  forceDeleteNodePool: nodePool.force,
  getNodePoolsStatuses: nodePool.statuses,
  postNodePoolStatuses: nodePool.report('post'),
  putNodePoolStatuses: nodePool.report('put'),

  getResources: async (world) => {
    await makeNodePool(world);
    return { path: `${B}/resources` };
  },
  postResource: () =>
    Promise.resolve({
      method: 'post',
      path: `${B}/resources`,
      body: { ...newCluster(), kind: 'Cluster' },
    }),
  getResourceById: resource.read,
  patchResourceById: resource.patch,
  deleteResourceById: resource.remove,
  forceDeleteResource: resource.force,
  getResourceStatuses: resource.statuses,
  postResourceStatuses: resource.report('post'),
  putResourceStatuses: resource.report('put'),

  getCompatibility: at(`${B}/compatibility`),
  getMetadata: at('/api/hyperfleet'),
  getErrors: at(`${B}/errors`),
  getErrorById: at(`${B}/errors/NTF-001`),
  getOpenapi: at('/openapi'),
  getOpenapiAlias: at(`${B}/openapi`),
  getOpenapiUi: at('/openapi-ui'),
  getOpenapiUiAlias: at(`${B}/openapi.html`),
} satisfies Partial<Record<OperationId, (world: World) => Promise<ContractRequest>>>;

export function requestFor(id: string, world: World): Promise<ContractRequest> {
  return REQUESTS[id as keyof typeof REQUESTS](world);
}
