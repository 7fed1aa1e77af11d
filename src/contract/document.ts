import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { operations, verbs } from '../../generated/openapi';
import { packageRoot } from '../config/package-root';

export type OperationId = keyof operations;
/** What an operation does with resources of a kind; each has one handler. */
export type Verb = keyof verbs;

export type Json = Record<string, unknown>;

/** The part of a schema that the code uses. */
export interface Schema extends Json {
  type?: string;
  default?: number;
  maximum?: number;
  maxItems?: number;
  maxProperties?: number;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
}

export interface Document extends Json {
  paths: Record<string, Json>;
  components: {
    parameters: Record<string, Parameter>;
    schemas: Record<string, Schema>;
    examples: Json;
  };
}

export interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header';
  schema: Schema;
}

/** One operation of the contract, with all that its requests need. */
export interface Operation {
  id: OperationId;
  method: string;
  /** The route template, `/api/hyperfleet/v1/clusters/{cluster_id}`; labels metrics and logs. */
  path: string;
  /** Set for operations on resources (`x-verb`): of one kind (`x-kind`), or of any. */
  on: { kind: string | undefined; verb: Verb } | undefined;
  /** It requires no authentication. */
  public: boolean;
  /** Schemas of its body, by media type; empty when it has none. */
  bodies: ReadonlyMap<string, Schema>;
  /** Schemas of its query parameters, by name. */
  query: ReadonlyMap<string, Schema>;
  /** Names of its header parameters. */
  headers: readonly string[];
  /** Page size of requests that specify none; undefined when it is not a list. */
  defaultPageSize: number | undefined;
  /** Top-level properties that `fields` may select, of the resource or of each item of the list. */
  fields: readonly string[];
}

export const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/**
 * Reads the resolved contract and enters the configured page size.
 * @param defaultPageSize page size of list requests that specify none; it also raises the maximum
 */
export function readContract(defaultPageSize: number): Document {
  const file = join(packageRoot, 'generated', 'openapi.json');
  const document = JSON.parse(readFileSync(file, 'utf8')) as Document;
  for (const name of ['PageSize', 'StatusPageSize', 'Size']) {
    const { schema } = document.components.parameters[name]!;
    if (name === 'PageSize') schema.default = defaultPageSize;
    schema.maximum = Math.max(schema.maximum!, defaultPageSize);
  }
  return document;
}

/** What `node` refers to in the document, otherwise `node` itself. */
function dereference<T>(document: Document, node: unknown): T {
  const ref = (node as { $ref?: string } | undefined)?.$ref;
  if (ref === undefined) return node as T;
  const path = ref.slice('#/'.length).split('/');
  return dereference(
    document,
    path.reduce<unknown>((at, key) => (at as Json)[key], document),
  );
}

export function listOperations(document: Document): Operation[] {
  const operations = readOperations(document);
  // A property that only another kind has may be selected too: it is simply absent.
  const ofAnyKind = operations
    .filter(({ on }) => on?.verb === 'read')
    .flatMap(({ fields }) => fields);
  return operations.map((operation) =>
    operation.fields.includes('id') && operation.on !== undefined
      ? { ...operation, fields: [...new Set([...operation.fields, ...ofAnyKind])] }
      : operation,
  );
}

function readOperations(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => {
      const operation = item[method] as Json;
      const parameters = parametersOf(document, [item.parameters, operation.parameters]);
      const query = new Map(inPlace(parameters, 'query').map(({ name, schema }) => [name, schema]));
      return {
        id: operation.operationId as OperationId,
        method: method.toUpperCase(),
        path,
        on:
          operation['x-verb'] === undefined
            ? undefined
            : {
                kind: operation['x-kind'] as string | undefined,
                verb: operation['x-verb'] as Verb,
              },
        public: Array.isArray(operation.security) && operation.security.length === 0,
        bodies: bodiesOf(document, operation),
        query,
        headers: inPlace(parameters, 'header').map(({ name }) => name),
        defaultPageSize: query.get('pageSize')?.default,
        fields: fieldsOf(document, operation),
      };
    }),
  );
}

function parametersOf(document: Document, lists: readonly unknown[]): Parameter[] {
  return lists
    .flatMap((list) => (list ?? []) as unknown[])
    .map((parameter) => dereference<Parameter>(document, parameter));
}

function inPlace(parameters: readonly Parameter[], place: Parameter['in']): Parameter[] {
  return parameters.filter((parameter) => parameter.in === place);
}

interface Content {
  content?: Record<string, { schema: unknown }>;
}

function bodiesOf(document: Document, { requestBody }: Json): Map<string, Schema> {
  const { content = {} } = dereference<Content>(document, requestBody ?? {});
  return new Map(
    Object.entries(content).map(([mediaType, { schema }]) => [
      mediaType,
      resolveSchema(document, schema),
    ]),
  );
}

/** Without references, at any depth. No body of the contract contains itself. */
function resolveSchema(document: Document, node: unknown): Schema {
  const schema = { ...dereference<Schema>(document, node) };
  if (schema.items !== undefined) schema.items = resolveSchema(document, schema.items);
  if (schema.properties !== undefined) {
    const properties = Object.entries(schema.properties).map(
      ([name, property]) => [name, resolveSchema(document, property)] as const,
    );
    schema.properties = Object.fromEntries(properties);
  }
  return schema;
}

function fieldsOf(document: Document, { responses }: Json): string[] {
  const response = dereference<Content>(document, (responses as Json)['200'] ?? {});
  const schema = dereference<Schema>(
    document,
    response.content?.['application/json']?.schema ?? {},
  );
  const items = schema.properties?.items;
  const shown = items === undefined ? schema : dereference<Schema>(document, items.items);
  return Object.keys(shown.properties ?? {});
}
