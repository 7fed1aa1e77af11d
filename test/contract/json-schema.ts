import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { Verb } from '../../src/contract/document';

export type Json = Record<string, unknown>;

/** A document of OpenAPI 3.0, as far as these tests look into it. */
export interface Document {
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, Json> };
  security?: unknown[];
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  /** What it does with resources (`x-verb`): of one kind (`x-kind`), or of any. */
  verb: Verb | undefined;
  kind: string | undefined;
  /** Needs no token. */
  open: boolean;
  /** By status; `default` is one of them. */
  responses: Record<string, Response>;
  bodyTypes: string[];
  /** What its body must have. */
  required: string[];
}

export interface Response {
  /** Schemas by media type. */
  content: Record<string, Json>;
  headers: string[];
}

/** What a response must have of the headers that are documented for it. */
export function neededHeaders({ headers }: Response, status: number, type: string): string[] {
  return headers.filter((name) => {
    // It belongs to one of the responses which the entry `default` stands for.
    if (name === 'Allow') return status === 405;
    // A stream has cursors of its own.
    if (name === 'HyperFleet-Cursor') return type === 'application/json';
    return true;
  });
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function listOperations(document: Document): Operation[] {
  const resolve = (node: unknown): Json => {
    if (!isObject(node)) return {};
    if (typeof node.$ref !== 'string') return node;
    const keys = node.$ref.slice(2).split('/');
    return resolve(keys.reduce<unknown>((at, key) => (at as Json)[key], document));
  };
  const response = (node: unknown): Response => {
    const { content, headers } = resolve(node);
    return {
      headers: Object.keys(resolve(headers)),
      content: Object.fromEntries(
        Object.entries(resolve(content)).map(([type, media]) => [
          type,
          resolve(media).schema as Json,
        ]),
      ),
    };
  };
  return Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => {
      const operation = resolve(item[method]);
      const bodies = resolve(resolve(operation.requestBody).content);
      const [body] = Object.values(bodies);
      return {
        id: operation.operationId as string,
        method: method.toUpperCase(),
        path,
        verb: operation['x-verb'] as Verb | undefined,
        kind: operation['x-kind'] as string | undefined,
        open: Array.isArray(operation.security) && operation.security.length === 0,
        responses: Object.fromEntries(
          Object.entries(resolve(operation.responses)).map(([status, node]) => [
            status,
            response(node),
          ]),
        ),
        bodyTypes: Object.keys(bodies),
        required: (resolve(resolve(body).schema).required ?? []) as string[],
      };
    }),
  );
}

/**
 * A schema of OpenAPI 3.0 in the words of JSON Schema: `nullable` becomes a second type.
 * @param closed strict clients refuse members they do not know: with this, so does the schema
 */
function toJsonSchema(node: unknown, closed = false): unknown {
  if (Array.isArray(node)) return node.map((entry) => toJsonSchema(entry, closed));
  if (!isObject(node)) return node;
  const { nullable, ...rest } = node;
  const schema = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [
      key,
      key === 'properties' && isObject(value)
        ? Object.fromEntries(
            Object.entries(value).map(([name, inner]) => [name, toJsonSchema(inner, closed)]),
          )
        : toJsonSchema(value, closed),
    ]),
  );
  if (nullable === true && typeof schema.type === 'string') schema.type = [schema.type, 'null'];
  const named = isObject(schema.properties) && schema.type === 'object';
  if (closed && named && !('additionalProperties' in schema)) schema.additionalProperties = false;
  return schema;
}

/** Compiles schemas of a document with a validator that shares nothing with the server's. */
export function schemaCompiler(document: Document, closed = false): (schema: Json) => Checker {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true });
  addFormats(ajv);
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => [
    name,
    toJsonSchema(schema, closed),
  ]);
  ajv.addSchema({ $id: 'document', components: { schemas: Object.fromEntries(schemas) } });
  const anchored = (node: unknown): unknown =>
    JSON.parse(JSON.stringify(node).replaceAll('"#/components/', '"document#/components/'));
  const compiled = new Map<Json, Checker>();
  return (schema) => {
    let checker = compiled.get(schema);
    if (checker === undefined) {
      checker = checkerOf(ajv.compile(anchored(toJsonSchema(schema, closed)) as Json));
      compiled.set(schema, checker);
    }
    return checker;
  };
}

/** Says what is wrong with a value; nothing when it is right. */
type Checker = (value: unknown) => string[];

function checkerOf(validate: ValidateFunction): Checker {
  return (value) => {
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) =>
        `${instancePath || 'the body'} ${message ?? ''} ${JSON.stringify(params)}`,
    );
  };
}
