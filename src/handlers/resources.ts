import { deleteResource, forceDeleteResource } from '../repositories/lifecycle';
import { listResources, type ListScope } from '../repositories/lists';
import { type Desired, patchResource } from '../repositories/patch';
import { createResource, getResource, getVersion, type Target } from '../repositories/resources';
import {
  type Cluster,
  hrefOf,
  type JsonObject,
  type Kind,
  type NodePool,
  type ResourceRow,
  toResource,
} from '../repositories/rows';
import { etagOf, noneMatch, versionGuard } from '../http/etag';
import type { Service } from '../contract/handler';
import { type ListQuery, listOptions } from '../http/list-options';
import { mergePatch } from '../http/merge-patch';
import { ProblemError, type ProblemField } from '../problems/problem';
import { validationDetail } from '../contract/field-errors';
import { CLUSTER, NODE_POOL } from '../kinds/built-in';
import { createKinds, getKind } from '../kinds/kind';

/* What clusters and node pools do alike. Each function takes only the parts of the request it uses. */

const KINDS = createKinds([CLUSTER, NODE_POOL]);

/** The contract's types, by kind. */
interface Shown {
  Cluster: Cluster;
  NodePool: NodePool;
}

type TargetOf<K extends Kind> = Target & { kind: K };

interface Common {
  headers: NodeJS.Dict<string | string[]>;
  actor: string;
}

function show<K extends Kind>(_: K, row: ResourceRow, { config }: Service): Shown[K] {
  return toResource(row, config.conditionAliases) as Shown[K];
}

function tagged(row: ResourceRow): { headers: Record<string, string> } {
  return { headers: { ETag: etagOf(row.version), 'Cache-Control': 'no-cache' } };
}

export async function list<K extends Kind>(
  scope: ListScope & { kind: K },
  request: { query: ListQuery; signal: AbortSignal },
  service: Service,
) {
  const options = listOptions(request.query, scope.kind, service.config.defaultPageSize);
  const { rows, total } = await listResources(service.db, scope, options, request.signal);
  return {
    kind: `${scope.kind}List` as const,
    page: options.page,
    size: rows.length,
    total,
    items: rows.map((row) => show(scope.kind, row, service)),
  };
}

interface CreateBody {
  name: string;
  spec: JsonObject;
  labels?: Record<string, string>;
}

export async function create<K extends Kind>(
  scope: ListScope & { kind: K },
  request: Common & { body: unknown },
  service: Service,
) {
  const { name, spec, labels = {} } = request.body as CreateBody;
  assertSpec(service, scope.kind, spec);
  const row = await createResource(
    service.db,
    { ...scope, name, spec, labels, actor: request.actor },
    service.required,
  );
  const { headers } = tagged(row);
  return {
    status: 201,
    body: show(scope.kind, row, service),
    headers: { ...headers, Location: hrefOf(row.kind, row.id) },
  } as const;
}

export async function read<K extends Kind>(
  target: TargetOf<K>,
  request: Common & { query: { fields?: string } },
  service: Service,
) {
  const known = request.headers['if-none-match'];
  if (known !== undefined) {
    const version = await getVersion(service.db, target);
    if (!noneMatch(known, version)) {
      return {
        status: 304,
        headers: { ETag: etagOf(version), 'Cache-Control': 'no-cache' },
      } as const;
    }
  }
  const row = await getResource(service.db, target);
  return { status: 200, body: show(target.kind, row, service), ...tagged(row) } as const;
}

interface PatchBody {
  spec?: JsonObject | null;
  labels?: Record<string, string | null> | null;
}

const MAX_LABELS = 64;

export async function patch<K extends Kind>(
  target: TargetOf<K>,
  request: Common & { body: unknown; mediaType: string },
  service: Service,
) {
  const body = request.body as PatchBody;
  const merge = request.mediaType === 'application/merge-patch+json';
  const decide = (row: ResourceRow): Desired => {
    const before = { spec: row.spec, labels: row.labels };
    const { spec = {}, labels = {} } = (
      merge ? mergePatch(before, body) : { ...before, ...body }
    ) as Partial<Desired>;
    if (merge) assertSize({ spec, labels }, service);
    assertSpec(service, target.kind, spec);
    return { spec, labels };
  };
  const row = await patchResource(
    service.db,
    target,
    decide,
    versionGuard(request.headers['if-match']),
    request.actor,
    service.required,
  );
  return { status: 200, body: show(target.kind, row, service), ...tagged(row) } as const;
}

/** What merge patches add up to has the limits of what can be sent at once. */
function assertSize(desired: Desired, { config }: Service): void {
  const count = Object.keys(desired.labels).length;
  if (count > MAX_LABELS) {
    const message = `labels would be ${count}, more than ${MAX_LABELS}`;
    refuse([{ field: 'labels', message, constraint: 'maxProperties' }]);
  }
  if (Buffer.byteLength(JSON.stringify(desired)) > config.maxBodyBytes) {
    throw new ProblemError(
      'LRG-001',
      `The result of the patch would be larger than ${config.maxBodyBytes} bytes.`,
    );
  }
}

export async function markDeleted<K extends Kind>(
  target: TargetOf<K>,
  request: Common,
  service: Service,
) {
  const row = await deleteResource(
    service.db,
    target,
    versionGuard(request.headers['if-match']),
    request.actor,
    service.required,
  );
  return { status: 202, body: show(target.kind, row, service), ...tagged(row) } as const;
}

export async function forceDelete(
  target: Target,
  request: { body: unknown; actor: string; traceId: string },
  service: Service,
) {
  const row = await forceDeleteResource(service.db, target, service.required);
  service.log.warn('removed by force', {
    resource_type: row.kind,
    resource_id: row.id,
    name: row.name,
    actor: request.actor,
    reason: (request.body as { reason: string }).reason,
    trace_id: request.traceId,
  });
  return { status: 204 } as const;
}

/** Holds a spec against the provider's schema. @throws ProblemError VAL-000 with every failure */
function assertSpec({ specs }: Service, kind: Kind, spec: JsonObject): void {
  const problems = specs.validate(getKind(KINDS, kind), spec);
  if (problems.length > 0) refuse(problems);
}

function refuse(errors: ProblemField[]): never {
  throw new ProblemError('VAL-000', validationDetail(errors), { errors });
}
