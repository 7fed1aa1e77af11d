import type { Verb } from '../../src/contract/document';
import type { Kind } from '../../src/kinds/kind';
import { newReport } from '../support/factories';
import { make, mark, newBody, pathOf, type Tried } from './requests';
import { type ContractRequest, refersTo, type Scenario, type World } from './world';

function conflict(
  what: string,
  code: string,
  request: (world: World) => Promise<ContractRequest>,
): Scenario {
  return { what, code, run: async (world) => world.send(await request(world)) };
}

/** The ways to a 409. */
export const CONFLICTS: Partial<Record<Verb, (tried: Tried) => Scenario[]>> = {
  create: (tried) => [
    conflict('the name is taken', 'CNF-001', async (world) => {
      const taken = await make(world, tried);
      const body = { ...newBody(tried.kind), name: taken.name };
      return { method: 'post', path: pathOf(tried, taken), body };
    }),
    ...(tried.kind.parent === undefined ? [] : [inMarkedParent(tried, tried.kind.parent)]),
  ],
  patch: (tried) => [
    conflict('it is being deleted', 'CNF-003', async (world) => ({
      method: 'patch',
      path: pathOf(tried, await mark(world, await make(world, tried))),
      body: { spec: {} },
    })),
  ],
  delete: (tried) => [
    referredTo(tried),
    ...referrersOf(tried).map((referrer) => referredToBy(tried, referrer)),
    ...childrenOf(tried)
      .filter(({ onParentDelete }) => onParentDelete === 'restrict')
      .map((child) => hasChild(tried, child)),
  ],
  'force-delete': (tried) => [
    conflict('it is not being deleted', 'CNF-003', async (world) => ({
      method: 'post',
      path: pathOf(tried, await make(world, tried)),
      body: { reason: 'none' },
    })),
  ],
  report: (tried) => [
    conflict('a generation that is still to come', 'CNF-002', async (world) => ({
      method: tried.operation.method === 'PUT' ? 'put' : 'post',
      path: pathOf(tried, await make(world, tried)),
      body: newReport('validation', 2),
    })),
  ],
};

function inMarkedParent(tried: Tried, parent: Kind): Scenario {
  return conflict('the parent is being deleted', 'CNF-003', async (world) => {
    const { id: ownerId } = await mark(world, await make(world, { ...tried, kind: parent }));
    return { method: 'post', path: pathOf(tried, { ownerId }), body: newBody(tried.kind) };
  });
}

/** DELETE of a resource that another one protects; the response names that one. */
function isProtected(
  what: string,
  code: string,
  tried: Tried,
  protect: (world: World, id: string) => Promise<string>,
): Scenario {
  return {
    what,
    code,
    run: async (world) => {
      const made = await make(world, tried);
      const by = await protect(world, made.id);
      const response = await world.send({ method: 'delete', path: pathOf(tried, made) });
      expect(response.body.detail).toContain(by);
      return response;
    },
  };
}

/** Whatever is declared: by a resource of a kind that this service does not know. */
function referredTo(tried: Tried): Scenario {
  return isProtected('another deployment refers to it', 'CNF-004', tried, (world, id) =>
    world.referElsewhere({ [refersTo(tried.kind)]: [{ id }] }),
  );
}

function referrersOf({ kind, kinds }: Tried): Kind[] {
  return [...kinds.values()].filter(({ references }) =>
    references.some(({ targetKind }) => targetKind === kind.name),
  );
}

function referredToBy(tried: Tried, referrer: Kind): Scenario {
  const { type } = referrer.references.find(({ targetKind }) => targetKind === tried.kind.name)!;
  return isProtected(`a ${referrer.name} refers to it`, 'CNF-004', tried, async (world, id) => {
    const references = { [type]: [{ id }] };
    return (await make(world, { ...tried, kind: referrer }, { references })).id;
  });
}

function childrenOf({ kind, kinds }: Tried): Kind[] {
  return [...kinds.values()].filter(({ parent }) => parent?.name === kind.name);
}

function hasChild(tried: Tried, child: Kind): Scenario {
  return isProtected(`it has a ${child.name}`, 'CNF-003', tried, async (world, id) => {
    return (await make(world, { ...tried, kind: child }, { ownerId: id })).id;
  });
}
