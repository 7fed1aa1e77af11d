import type { components } from '../../generated/openapi';
import type { Handler, ResourceHandler, Service } from '../contract/handler';
import { toCursor } from '../changes/snapshot';
import { show, Written } from '../contract/written';
import { etagOf, noneMatch, versionGuard } from '../http/etag';
import { mergePatch } from './merge-patch';
import { hrefOf, type Kind } from '../kinds/kind';
import { describeRule } from '../problems/broken-rule';
import { invalidFields, ProblemError, refuseFields } from '../problems/problem';
import { deleteResource, forceDeleteResource } from '../repositories/lifecycle';
import { listResources, type ListScope } from '../lists/lists';
import { type Desired, patchResource } from '../repositories/patch';
import { createResource } from '../repositories/create';
import { referencesOf } from '../repositories/references';
import { getResource, getVersion } from '../repositories/resources';
import type { ResourceRow } from '../repositories/rows';
import { resourceListing } from '../search/fields';
import { listOptions, type ListRequest } from './list-options';
import { watchList } from './watch-list';

export const list: ResourceHandler<'list'> = async (request, service) => {
  const { kind, ownerId } = request;
  const scope = { kinds: [kind], ownerId };
  if (request.query.watch === true) return watchList(request, scope, service);
  const { page, headers } = await listPage(request, scope, service);
  return { status: 200, body: { kind: `${kind.name}List`, ...page }, headers };
};

export const getResources: Handler<'getResources'> = async (request, service) => {
  const scope = { kinds: wantedKinds(request.query, service) };
  if (request.query.watch === true) return watchList(request, scope, service);
  const { page, headers } = await listPage(request, scope, service);
  return { status: 200, body: { kind: 'ResourceList', ...page }, headers };
};

async function listPage(
  request: ListRequest & { signal: () => AbortSignal },
  scope: ListScope,
  service: Service,
) {
  const options = listOptions(request, resourceListing(scope.kinds));
  const { db, written } = service;
  const held = written.enabled ? written : undefined;
  const found = await listResources(db, scope, options, request.signal(), held);
  const { rows, total, position } = found;
  const items = rows.map((row) => (row instanceof Written ? row : show(row, service, true)));
  return {
    page: { page: options.page, size: items.length, total, items },
    headers: position && { 'HyperFleet-Cursor': toCursor(position) },
  };
}

/** The kind that a list of resources is limited to, or all of them. */
function wantedKinds({ kind }: { kind?: string }, { kinds }: Service): Kind[] {
  if (kind === undefined) return [...kinds.values()];
  const found = kinds.get(kind);
  if (found !== undefined) return [found];
  const message = `must be one of ${[...kinds.keys()].join(', ')}`;
  throw invalidFields([describeRule({ path: ['kind'], keyword: 'enum', message, value: kind })]);
}

/** What the create requests of all kinds have in common. */
type CreateRequest = Omit<components['schemas']['ResourceCreateRequest'], 'kind'>;

export const create: ResourceHandler<'create'> = async (request, service) => {
  const { kind, ownerId, actor } = request;
  const { name, spec, labels = {}, ...rest }: CreateRequest = request.body;
  // Like every property that is unknown for the kind, they are ignored otherwise.
  const references = kind.references.length > 0 ? (rest.references ?? {}) : {};
  const resource = { kind, ownerId, name, spec, labels, references, actor };
  const row = await createResource(service.db, resource);
  return {
    status: 201,
    body: show(row, service),
    headers: { ...versionHeaders(row), Location: hrefOf(kind, row.id) },
  };
};

export const read: ResourceHandler<'read'> = async (request, service) => {
  const { db, written } = service;
  const known = request.headers['if-none-match'];
  if (known !== undefined || written.has(request.id)) {
    const version = await getVersion(db, request);
    const headers = versionHeaders({ version });
    if (!noneMatch(known, version)) return { status: 304, headers };
    const body = written.find(request.id, version);
    if (body !== undefined) return { status: 200, body, headers };
  }
  const row = await getResource(db, request);
  return { status: 200, body: show(row, service, true), headers: versionHeaders(row) };
};

export const patch: ResourceHandler<'patch'> = async (request, service) => {
  const { kind, body, mediaType, actor } = request;
  const merge = mediaType === 'application/merge-patch+json';
  const desired = ({ spec, labels, reference_ids }: ResourceRow): Desired => {
    const before = { spec, labels, references: referencesOf(reference_ids) };
    return merge ? merged(before, body) : ({ ...before, ...body } as Desired);
  };
  const assertValid = (wanted: Desired) => {
    if (merge) assertWithinLimits(wanted, service);
    refuseFields(service.specs.validate(kind, wanted.spec));
  };
  const assertVersion = versionGuard(request.headers['if-match']);
  const targetIds = 'references' in body ? namedTargets(body.references) : undefined;
  const change = { desired, assertValid, assertVersion, actor, targetIds };
  const row = await patchResource(service.db, request, change, service.kinds);
  return { status: 200, body: show(row, service), headers: versionHeaders(row) };
};

export const markDeleted: ResourceHandler<'delete'> = async (request, service) => {
  const guard = versionGuard(request.headers['if-match']);
  const row = await deleteResource(service.db, request, guard, request.actor, service.kinds);
  return { status: 202, body: show(row, service), headers: versionHeaders(row) };
};

export const forceDelete: ResourceHandler<'force-delete'> = async (request, service) => {
  const guard = versionGuard(request.headers['if-match']);
  const row = await forceDeleteResource(service.db, request, guard, service.kinds);
  service.log.warn('force-deleted', {
    resource_type: row.kind,
    resource_id: row.id,
    name: row.name,
    actor: request.actor,
    reason: request.body.reason,
    trace_id: request.traceId,
  });
  return { status: 204 };
};

function versionHeaders({ version }: Pick<ResourceRow, 'version'>): Record<string, string> {
  return { ETag: etagOf(version), 'Cache-Control': 'no-cache' };
}

function merged(before: Desired, patch: object): Desired {
  const { spec = {}, labels = {}, references = {} } = mergePatch(before, patch) as Partial<Desired>;
  return { spec, labels, references };
}

/** The result of several merge patches has the same limits as one body. */
function assertWithinLimits({ spec, labels }: Desired, { config, contract }: Service): void {
  const count = Object.keys(labels).length;
  const { maxProperties } = contract.document.components.schemas.Labels!;
  if (count > maxProperties!) {
    const message = `labels would have ${count} entries, more than ${maxProperties}`;
    refuseFields([{ field: 'labels', message, constraint: 'maxProperties' }]);
  }
  if (Buffer.byteLength(JSON.stringify({ spec, labels })) > config.maxBodyBytes) {
    throw new ProblemError(
      'LRG-001',
      `The result of the patch would be larger than ${config.maxBodyBytes} bytes.`,
    );
  }
}

/** The ids in `references` of a body; a merge patch removes a type with null. */
function namedTargets(references: unknown): string[] {
  const lists = Object.values(references ?? {}) as ({ id: string }[] | null)[];
  return lists.flatMap((list) => (list ?? []).map(({ id }) => id));
}
