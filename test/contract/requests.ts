import type { OperationId, Verb } from '../../src/contract/document';
import type { verbs } from '../../generated/openapi';
import { API_BASE, hrefOf, type Kind, type Kinds } from '../../src/kinds/kind';
import { newReport, uniqueName } from '../support/factories';
import type { Operation } from './json-schema';
import type { ContractRequest, Scenario, World } from './world';

export const B = API_BASE;

/** A resource that the walk has created. */
export interface Made {
  id: string;
  name: string;
  href: string;
  /** Empty when its kind has no parent. */
  ownerId: string;
}

/** An operation on resources, tried with those of one kind. */
export interface Tried {
  operation: Operation;
  kind: Kind;
  kinds: Kinds;
}

export function newBody({ name, nameLength }: Kind) {
  return {
    kind: name,
    name: uniqueName('r').slice(0, nameLength.max).padEnd(nameLength.min, 'x'),
    spec: { region: 'us-west-2', version: '4.15', nodes: 3 },
    labels: { env: 'production' },
  };
}

/** Creates a resource, below a new parent unless one is given. */
export async function make(
  world: World,
  tried: Pick<Tried, 'kind' | 'kinds'>,
  given: { ownerId?: string; references?: object | undefined } = {},
): Promise<Made> {
  const { parent, plural } = tried.kind;
  const ownerId = given.ownerId ?? (await makeOwner(world, tried));
  const path = parent === undefined ? B : hrefOf(parent, ownerId);
  const body = { ...newBody(tried.kind), references: given.references };
  const made = await world.made({ method: 'post', path: `${path}/${plural}`, body });
  const { id, name, href } = made as Made;
  return { id, name, href, ownerId };
}

export async function makeOwner(
  world: World,
  { kind, kinds }: Pick<Tried, 'kind' | 'kinds'>,
): Promise<string> {
  return kind.parent === undefined ? '' : (await make(world, { kind: kind.parent, kinds })).id;
}

/** Creates a resource that refers to something new wherever it may. */
async function makeReferring(world: World, tried: Tried): Promise<Made> {
  return make(world, tried, { references: await makeReferences(world, tried) });
}

/** For each type of reference one new target. */
export async function makeReferences(
  world: World,
  { kind, kinds }: Pick<Tried, 'kind' | 'kinds'>,
): Promise<Record<string, { id: string }[]> | undefined> {
  if (kind.references.length === 0) return undefined;
  const references: Record<string, { id: string }[]> = {};
  for (const { type, targetKind } of kind.references) {
    const target = { kind: kinds.get(targetKind)!, kinds };
    const { id } = await make(world, target);
    references[type] = [{ id }];
  }
  return references;
}

export async function mark(world: World, made: Made): Promise<Made> {
  await world.made({ method: 'delete', path: made.href });
  return made;
}

/** The path of the operation, about this resource or, for lists and creates, below its parent. */
export function pathOf({ operation, kind }: Tried, { id = '', ownerId }: Partial<Made>): string {
  const owner = kind.parent?.idParameter;
  return operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === owner ? ownerId! : id,
  );
}

type MakeRequest = (world: World, tried: Tried) => Promise<ContractRequest>;

/** For every verb a request that succeeds; what it needs is made first. */
const BY_VERB: Record<Verb, MakeRequest> = {
  list: async (world, tried) => ({ path: pathOf(tried, await makeReferring(world, tried)) }),
  create: async (world, tried) => ({
    method: 'post',
    path: pathOf(tried, { ownerId: await makeOwner(world, tried) }),
    body: { ...newBody(tried.kind), references: await makeReferences(world, tried) },
  }),
  read: async (world, tried) => ({ path: pathOf(tried, await makeReferring(world, tried)) }),
  patch: async (world, tried) => ({
    method: 'patch',
    path: pathOf(tried, await makeReferring(world, tried)),
    body: { labels: { env: 'staging' } },
  }),
  delete: async (world, tried) => ({
    method: 'delete',
    path: pathOf(tried, await make(world, tried)),
  }),
  'force-delete': async (world, tried) => ({
    method: 'post',
    path: pathOf(tried, await mark(world, await make(world, tried))),
    body: { reason: 'the account is closed' },
  }),
  'list-statuses': async (world, tried) => {
    const path = pathOf(tried, await make(world, tried));
    await world.made({ method: 'post', path, body: newReport('validation') });
    await world.made({ method: 'put', path, body: newReport('extra') });
    return { path };
  },
  report: async (world, tried) => ({
    method: tried.operation.method === 'PUT' ? 'put' : 'post',
    path: pathOf(tried, await make(world, tried)),
    body: {
      ...newReport('validation'),
      metadata: { job_name: 'job-1', attempt: 1, duration: '2m', note: 'kept' },
    },
  }),
};

/** The operations that have no verb. */
const PATHS: Record<Exclude<OperationId, verbs[Verb]>, string> = {
  getResources: `${B}/resources`,
  getCompatibility: `${B}/compatibility`,
  getMetadata: '/api/hyperfleet',
  getErrors: `${B}/errors`,
  getErrorById: `${B}/errors/NTF-001`,
  getOpenapi: '/openapi',
  getOpenapiAlias: `${B}/openapi`,
  getOpenapiUi: '/openapi-ui',
  getOpenapiUiAlias: `${B}/openapi.html`,
};

/** A request that succeeds. */
export async function requestTo(tried: Tried, world: World): Promise<ContractRequest> {
  const { verb, id } = tried.operation;
  if (verb !== undefined) return BY_VERB[verb](world, tried);
  if (!tried.operation.open) await make(world, tried);
  return { path: PATHS[id as keyof typeof PATHS] };
}

/** These can be watched. */
export const listsResources = ({ verb, id }: Operation): boolean =>
  verb === 'list' || id === 'getResources';

/** A cursor of another database. */
export const FOREIGN_CURSOR = '1.00000001.1~1:0:';

/** The kinds whose resources an operation can be tried with. */
export function kindsFor({ kind, verb }: Pick<Operation, 'kind' | 'verb'>, kinds: Kinds): Kind[] {
  if (kind !== undefined) return [kinds.get(kind)!];
  const all = [...kinds.values()];
  return verb === 'create' ? all.filter(({ parent }) => parent === undefined) : all;
}

export type Change = (request: ContractRequest) => ContractRequest;

/** The request that succeeds, after a change. */
export function changed(
  tried: Tried,
  what: string,
  change: Change,
  problem: Pick<Scenario, 'code' | 'fields'> = {},
): Scenario {
  return {
    what,
    ...problem,
    run: async (world) => world.send(change(await requestTo(tried, world))),
  };
}

export function withQuery(added: string): Change {
  return (request) => ({ ...request, path: `${request.path}?${added}` });
}
