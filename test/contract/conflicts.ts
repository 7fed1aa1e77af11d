import type { OperationId } from '../../src/contract/document';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { B, makeCluster, makeFlatNodePool, makeNodePool, makeResource } from './requests';
import type { ContractRequest, Scenario, World } from './world';

async function deleted(world: World, path: string): Promise<string> {
  await world.made({ method: 'delete', path });
  return path;
}

function conflict(
  what: string,
  code: string,
  request: (world: World) => Promise<ContractRequest>,
): Scenario {
  return { what, code, run: async (world) => world.send(await request(world)) };
}

function onMarked(make: (world: World) => Promise<string>): Scenario {
  return conflict('it is being deleted', 'CNF-003', async (world) => ({
    method: 'patch',
    path: await deleted(world, await make(world)),
    body: { spec: {} },
  }));
}

function notMarked(make: (world: World) => Promise<string>): Scenario {
  return conflict('it is not being deleted', 'CNF-003', async (world) => ({
    method: 'post',
    path: `${await make(world)}/force-delete`,
    body: { reason: 'none' },
  }));
}

function ahead(make: (world: World) => Promise<string>, method: 'post' | 'put'): Scenario {
  return conflict('a generation that is still to come', 'CNF-002', async (world) => ({
    method,
    path: `${await make(world)}/statuses`,
    body: newReport('validation', 2),
  }));
}

/** The ways to a 409. */
export const CONFLICTS: Partial<Record<OperationId, Scenario[]>> = {
  postCluster: [
    conflict('the name is taken', 'CNF-001', async (world) => {
      const { name } = await world.made({ path: await makeCluster(world) });
      return { method: 'post', path: `${B}/clusters`, body: newCluster({ name }) };
    }),
  ],
  postResource: [
    conflict('the name is taken', 'CNF-001', async (world) => {
      const { name } = await world.made({ path: await makeCluster(world) });
      const body = { ...newCluster({ name }), kind: 'Cluster' };
      return { method: 'post', path: `${B}/resources`, body };
    }),
  ],
  createNodePool: [
    conflict('the name is taken', 'CNF-001', async (world) => {
      const taken = await makeNodePool(world);
      const { name } = await world.made({ path: taken });
      const path = taken.slice(0, taken.lastIndexOf('/'));
      return { method: 'post', path, body: newNodePool({ name }) };
    }),
    conflict('the cluster is being deleted', 'CNF-003', async (world) => ({
      method: 'post',
      path: `${await deleted(world, await makeCluster(world))}/nodepools`,
      body: newNodePool(),
    })),
  ],
  patchClusterById: [onMarked(makeCluster)],
  patchNodePoolById: [onMarked(makeNodePool)],
  patchNodePool: [onMarked(makeFlatNodePool)],
  patchResourceById: [onMarked(makeResource)],
  forceDeleteCluster: [notMarked(makeCluster)],
  forceDeleteNodePool: [notMarked(makeNodePool)],
  forceDeleteNodePoolById: [notMarked(makeFlatNodePool)],
  forceDeleteResource: [notMarked(makeResource)],
  postClusterStatuses: [ahead(makeCluster, 'post')],
  putClusterStatuses: [ahead(makeCluster, 'put')],
  postNodePoolStatuses: [ahead(makeNodePool, 'post')],
  putNodePoolStatuses: [ahead(makeNodePool, 'put')],
  postNodePoolStatusesById: [ahead(makeFlatNodePool, 'post')],
  putNodePoolStatusesById: [ahead(makeFlatNodePool, 'put')],
  postResourceStatuses: [ahead(makeResource, 'post')],
  putResourceStatuses: [ahead(makeResource, 'put')],
};
