import { readFileSync } from 'node:fs';
import path from 'node:path';
import Ajv from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = Record<string, Json>;

const ROOT = path.join(__dirname, '..', '..');
const SOURCE = readFileSync(path.join(ROOT, 'openapi', 'openapi.yaml'), 'utf8');
const contract = parse(SOURCE) as JsonObject;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);

/** Follows a reference; the generator has made sure that there is something behind it. */
function deref(value: Json | undefined): JsonObject {
  const node = object(value);
  if (typeof node.$ref !== 'string') return node;
  const keys = node.$ref.slice(2).split('/');
  return deref(keys.reduce<Json | undefined>((at, key) => object(at)[key], contract));
}

/** Every object of the document with its path, except what lies inside examples: that is data. */
function* nodes(value: Json = contract, at: string[] = []): Generator<[JsonObject, string[]]> {
  if (isObject(value)) yield [value, at];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key !== 'example' && key !== 'examples') yield* nodes(child, [...at, key]);
  }
}

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace'];
const operations = Object.entries(object(contract.paths)).flatMap(([route, item]) =>
  Object.entries(object(item))
    .filter(([method]) => METHODS.includes(method))
    .map(([method, operation]) => ({
      place: `${method.toUpperCase()} ${route}`,
      operation: object(operation),
      responses: Object.entries(object(object(operation).responses)).map(
        ([status, response]) => [status, deref(response)] as const,
      ),
    })),
);
const schemas = object(object(contract.components).schemas);
const B = '/api/hyperfleet/v1';

describe('operations', () => {
  it('are exactly the ones clients know, by the names that generated clients use', () => {
    expect(
      Object.fromEntries(operations.map(({ place, operation }) => [place, operation.operationId])),
    ).toEqual({
      [`GET ${B}/clusters`]: 'getClusters',
      [`POST ${B}/clusters`]: 'postCluster',
      [`GET ${B}/clusters/{cluster_id}`]: 'getClusterById',
      [`PATCH ${B}/clusters/{cluster_id}`]: 'patchClusterById',
      [`DELETE ${B}/clusters/{cluster_id}`]: 'deleteClusterById',
      [`POST ${B}/clusters/{cluster_id}/force-delete`]: 'forceDeleteCluster',
      [`GET ${B}/clusters/{cluster_id}/statuses`]: 'getClusterStatuses',
      [`POST ${B}/clusters/{cluster_id}/statuses`]: 'postClusterStatuses',
      [`PUT ${B}/clusters/{cluster_id}/statuses`]: 'putClusterStatuses',
      [`GET ${B}/clusters/{cluster_id}/nodepools`]: 'getNodePoolsByClusterId',
      [`POST ${B}/clusters/{cluster_id}/nodepools`]: 'createNodePool',
      [`GET ${B}/clusters/{cluster_id}/nodepools/{nodepool_id}`]: 'getNodePoolById',
      [`PATCH ${B}/clusters/{cluster_id}/nodepools/{nodepool_id}`]: 'patchNodePoolById',
      [`DELETE ${B}/clusters/{cluster_id}/nodepools/{nodepool_id}`]: 'deleteNodePoolById',
      [`POST ${B}/clusters/{cluster_id}/nodepools/{nodepool_id}/force-delete`]:
        'forceDeleteNodePool',
      [`GET ${B}/clusters/{cluster_id}/nodepools/{nodepool_id}/statuses`]: 'getNodePoolsStatuses',
      [`POST ${B}/clusters/{cluster_id}/nodepools/{nodepool_id}/statuses`]: 'postNodePoolStatuses',
      [`PUT ${B}/clusters/{cluster_id}/nodepools/{nodepool_id}/statuses`]: 'putNodePoolStatuses',
      [`GET ${B}/nodepools`]: 'getNodePools',
      [`GET ${B}/nodepools/{nodepool_id}`]: 'getNodePool',
      [`PATCH ${B}/nodepools/{nodepool_id}`]: 'patchNodePool',
      [`DELETE ${B}/nodepools/{nodepool_id}`]: 'deleteNodePool',
      [`POST ${B}/nodepools/{nodepool_id}/force-delete`]: 'forceDeleteNodePoolById',
      [`GET ${B}/nodepools/{nodepool_id}/statuses`]: 'getNodePoolStatusesById',
      [`POST ${B}/nodepools/{nodepool_id}/statuses`]: 'postNodePoolStatusesById',
      [`PUT ${B}/nodepools/{nodepool_id}/statuses`]: 'putNodePoolStatusesById',
      [`GET ${B}/resources`]: 'getResources',
      [`POST ${B}/resources`]: 'postResource',
      [`GET ${B}/resources/{resource_id}`]: 'getResourceById',
      [`PATCH ${B}/resources/{resource_id}`]: 'patchResourceById',
      [`DELETE ${B}/resources/{resource_id}`]: 'deleteResourceById',
      [`POST ${B}/resources/{resource_id}/force-delete`]: 'forceDeleteResource',
      [`GET ${B}/resources/{resource_id}/statuses`]: 'getResourceStatuses',
      [`POST ${B}/resources/{resource_id}/statuses`]: 'postResourceStatuses',
      [`PUT ${B}/resources/{resource_id}/statuses`]: 'putResourceStatuses',
      [`GET ${B}/compatibility`]: 'getCompatibility',
      [`GET ${B}/errors`]: 'getErrors',
      [`GET ${B}/errors/{id}`]: 'getErrorById',
      [`GET ${B}/openapi`]: 'getOpenapiAlias',
      [`GET ${B}/openapi.html`]: 'getOpenapiUiAlias',
      'GET /api/hyperfleet': 'getMetadata',
      'GET /openapi': 'getOpenapi',
      'GET /openapi-ui': 'getOpenapiUi',
    });
  });

  it('need a token unless they only speak about the service itself', () => {
    expect(contract.security).toEqual([{ BearerAuth: [] }]);
    const open = operations.filter(({ operation }) => 'security' in operation);
    expect(open.map(({ operation }) => operation.security)).toEqual(open.map(() => []));
    expect(open.map(({ operation }) => operation.tags)).toEqual(open.map(() => ['Service']));
    expect(open).toHaveLength(8);
  });

  it.each(operations)('$place has a problem for every error', ({ operation, responses }) => {
    const errors = responses.filter(([status]) => !/^[23]/.test(status));
    expect(errors.map(([status]) => status)).toContain('default');
    for (const [, response] of errors) {
      expect(object(response.content)).toEqual({
        'application/problem+json': expect.objectContaining({
          schema: { $ref: '#/components/schemas/Problem' },
        }),
      });
    }
    const secured = !('security' in operation);
    const statuses = errors.map(([status]) => status);
    expect(['401', '403', '503'].filter((status) => statuses.includes(status))).toEqual(
      secured ? ['401', '403', '503'] : [],
    );
  });
});

describe('examples', () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  addFormats(ajv);
  ajv.addSchema(contract, 'contract', undefined, false);
  const pointer = (at: string[]) =>
    at.map((key) => encodeURIComponent(key.replace(/~/g, '~0').replace(/\//g, '~1'))).join('/');

  /** A media type, parameter or header has its schema beside the example; a schema is its own. */
  const examples = [...nodes()].flatMap(([node, at]) => {
    const schema = isObject(node.schema) ? [...at, 'schema'] : at;
    const single: [string, Json][] = 'example' in node ? [['example', node.example!]] : [];
    const named = Object.entries(object(node.examples)).map(([name, example]): [string, Json] => [
      name,
      deref(example).value!,
    ]);
    // `components.examples` has no schema of its own: its properties are checked where they are used.
    if (at.join('/') === 'components') return [];
    return [...single, ...named].map(([name, value]) => ({
      place: [...at, name].join(' / '),
      schema: `contract#/${pointer(schema)}`,
      value,
    }));
  });

  it('exist for every request body, every kind of response and every object schema', () => {
    const bodies = [...nodes()].flatMap(([node, at]) =>
      Object.entries(object(node.content)).map(([type, media]) => ({
        place: `${at.join('/')} ${type}`,
        media: object(media),
      })),
    );
    const has = (value: Json | undefined): boolean => {
      const node = deref(value);
      return 'example' in node || list(node.allOf).some(has);
    };
    const bare = bodies.filter(
      ({ media }) => !('examples' in media) && !('example' in media) && !has(media.schema),
    );
    expect(bare.map(({ place }) => place)).toEqual([]);
    expect(bodies.length).toBeGreaterThan(20);
    expect(Object.keys(schemas).filter((name) => !has(schemas[name]))).toEqual([]);
  });

  it.each(examples)('$place is valid', ({ schema, value }) => {
    const validate = ajv.compile({ $ref: schema });
    validate(value);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('would be caught if they were wrong', () => {
    const validate = ajv.compile({ $ref: 'contract#/components/schemas/Cluster' });
    const good = object(object(schemas.Cluster).example);
    expect(validate(good)).toBe(true);
    expect(validate({ ...good, created_by: 'nobody' })).toBe(false);
    expect(validate({ ...good, updated_time: '2026-13-01T00:00:00Z' })).toBe(false);
    expect(validate({ ...good, deleted_time: null })).toBe(false);
    expect(validate({ ...good, generation: 2 ** 31 })).toBe(false);
  });
});

describe('the form that older generators digest', () => {
  it('is OpenAPI 3.0 with one server', () => {
    expect(contract.openapi).toMatch(/^3\.0\.\d+$/);
    expect(contract.servers).toEqual([{ url: '/' }]);
  });

  it('has no properties beside an allOf, no lists of types and no read-only properties', () => {
    const wrong = [...nodes()].filter(
      ([node, at]) =>
        ('allOf' in node && 'properties' in node) ||
        (Array.isArray(node.type) && at.at(-1) !== 'properties') ||
        node.readOnly === true,
    );
    expect(wrong.map(([, at]) => at.join('/'))).toEqual([]);
  });

  it('has no shared body with two media types that become types, no alias of a schema and no component name twice', () => {
    const { responses, requestBodies } = object(contract.components);
    const twoForms = [...nodes({ responses: responses!, requestBodies: requestBodies! })].filter(
      ([node]) => {
        const types = Object.keys(object(node.content));
        return types.filter((type) => type !== 'text/event-stream').length > 1;
      },
    );
    const aliases = Object.entries(schemas).filter(
      ([, schema]) => '$ref' in object(schema) || list(object(schema).allOf).length === 1,
    );
    const names = Object.values(object(contract.components)).flatMap((section) =>
      Object.keys(object(section)),
    );
    expect({
      twoForms: twoForms.map(([, at]) => at.join('/')),
      aliases: aliases.map(([name]) => name),
      twice: names.filter((name, index) => names.indexOf(name) !== index),
    }).toEqual({ twoForms: [], aliases: [], twice: [] });
  });

  it('does not require what identifies a resource', () => {
    for (const name of ['Cluster', 'NodePool', 'Resource', 'ObjectReference']) {
      const { properties, required } = object(schemas[name]);
      expect(Object.keys(object(properties))).toEqual(
        expect.arrayContaining(['id', 'href', 'kind']),
      );
      const identifying = ['id', 'href', 'kind', 'labels'];
      expect(identifying.filter((property) => list(required).includes(property))).toEqual([]);
    }
  });

  it('lets any text be an identifier in a path, so that an unknown one is a 404', () => {
    const parameters = [...nodes()].filter(([node]) => node.in === 'path');
    expect(parameters.map(([node]) => node.schema)).toEqual(
      parameters.map(() => ({ type: 'string' })),
    );
    expect(parameters).toHaveLength(4);
  });

  it('lets reserved characters through unencoded where clients send them', () => {
    const free = [...nodes()].filter(([node]) => node.allowReserved === true);
    expect(new Set(free.map(([node]) => node.name))).toEqual(
      new Set(['search', 'order', 'orderBy', 'fields', 'since']),
    );
    const named = [...nodes()].filter(
      ([node]) => node.in === 'query' && free.some(([other]) => other.name === node.name),
    );
    expect(named).toHaveLength(free.length);
  });
});
