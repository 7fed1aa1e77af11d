import { statSync } from 'node:fs';
import type { Handler, Raw, Service, ValidRequest } from '../contract/handler';
import { errorTableEntry, ProblemError, PROBLEMS, type ProblemCode } from '../problems/problem';
import { swaggerPage } from '../http/swagger-ui';
import { packageVersion } from '../config/package-root';

/** What clients can rely on. A name is never removed. */
const FEATURES = [
  'clusters',
  'nodepools',
  'adapter_status',
  'status_aggregation',
  'patch',
  'merge_patch',
  'deletion',
  'force_delete',
  'conditional_requests',
  'field_selection',
  'search',
  'resources',
  'references',
  'watch',
];

export const getCompatibility: Handler<'getCompatibility'> = () => ({
  status: 200,
  body: { api_version: 'v1', compatible: true, features: FEATURES },
});

/** When this code was built: set in the image, otherwise the time of the compiled file. */
const BUILD_TIME = (
  Date.parse(process.env.BUILD_TIME ?? '')
    ? new Date(process.env.BUILD_TIME!)
    : statSync(__filename).mtime
).toISOString();

export const getMetadata: Handler<'getMetadata'> = () => ({
  status: 200,
  body: {
    id: 'hyperfleet',
    kind: 'API',
    href: '/api/hyperfleet',
    version: packageVersion,
    build_time: BUILD_TIME,
  },
});

export const getErrors: Handler<'getErrors'> = () => {
  const items = (Object.keys(PROBLEMS) as ProblemCode[]).map(errorTableEntry);
  const count = items.length;
  return {
    status: 200,
    body: { kind: 'ErrorList', page: 1, size: count, total: count, items },
  };
};

export const getErrorById: Handler<'getErrorById'> = ({ params }) => {
  const id = Object.values(params)[0]!;
  if (!Object.hasOwn(PROBLEMS, id))
    throw new ProblemError('NTF-001', `Error '${id}' was not found.`);
  return { status: 200, body: errorTableEntry(id as ProblemCode) };
};

/** The serialized document. Serializing it as YAML is slow, so it is done once. */
const serialized = new WeakMap<object, { json?: string; yaml?: string }>();

/** Names of YAML from before it was registered, too. */
const YAML = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'];

/** Serves both paths of the document. */
export async function getOpenapi(
  { accepts }: Pick<ValidRequest<'getOpenapi'>, 'accepts'>,
  service: Service,
): Promise<Raw> {
  const { shown } = service.contract;
  const known = serialized.get(shown) ?? {};
  serialized.set(shown, known);
  const preferred = accepts(['application/json', ...YAML]);
  if (preferred && YAML.includes(preferred)) {
    const { stringify } = await import('yaml');
    known.yaml ??= stringify(shown, { aliasDuplicateObjects: false });
    return { status: 200, contentType: 'application/yaml', content: known.yaml };
  }
  known.json ??= JSON.stringify(shown);
  return { status: 200, contentType: 'application/json', content: known.json };
}

/** Serves both paths of the page. */
export function getOpenapiUi(): Raw {
  return swaggerPage();
}
