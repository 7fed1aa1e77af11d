import type { ErrorRequestHandler, NextFunction, Request, RequestHandler } from 'express';
import { describeRule } from '../problems/broken-rule';
import { fieldName, isObject } from '../problems/field-path';
import { ProblemError, type ProblemField, refuseFields } from '../problems/problem';
import type { Json, Schema } from './document';
import { type EovError, fieldsOfValidatorErrors } from './field-errors';
import type { Service } from './handler';
import { targetOf } from './target';

const LABEL_PREFIX =
  /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_NAME = /^(?=.{1,63}$)[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

function isLabelKey(key: string): boolean {
  const slash = key.indexOf('/');
  return (
    (slash === -1 || LABEL_PREFIX.test(key.slice(0, slash))) &&
    LABEL_NAME.test(key.slice(slash + 1))
  );
}

const INTEGER = /^-?\d{1,15}$/;

/** Finds what the validator cannot express, or would check too slowly; `refuseFaults` responds with it. */
export function applyRequestRules(service: Service): RequestHandler {
  return (req, _res, next) => {
    dropNulls(req);
    req.context.faults = [
      ...takeOutBadParameters(req),
      ...watchFaults(req),
      ...unknownFields(req),
      ...bodyFaults(req),
      ...specFaults(req, service),
    ];
    next();
  };
}

/** Mounted after the validator: refuses what was found, by it or before it. @throws ProblemError VAL-000 */
export const refuseFaults: [RequestHandler, ErrorRequestHandler] = [
  (req, _res, next) => {
    refuseFields(req.context.faults);
    next();
  },
  (error: unknown, req: Request, _res: unknown, next: NextFunction) => {
    if (!isValidatorError(error)) {
      next(error);
      return;
    }
    const { query, context } = req;
    const given = context.operation!.headers.map((name) => [name, req.get(name)] as const);
    const headers = Object.fromEntries(given);
    const input = { query, params: context.pathParams, headers, body: req.body as unknown };
    refuseFields([...context.faults, ...fieldsOfValidatorErrors(error.errors, input)]);
  },
];

function isValidatorError(error: unknown): error is { errors: EovError[] } {
  const { status, errors } = error as { status?: unknown; errors?: unknown };
  return status === 400 && Array.isArray(errors) && !(error instanceof ProblemError);
}

/** The validator stops at the first unknown parameter, so all of them are found before it runs. */
function takeOutBadParameters(req: Request): ProblemField[] {
  const known = req.context.operation!.query;
  const faults: ProblemField[] = [];
  const good: Json = {};
  for (const [name, value] of Object.entries(req.query)) {
    const schema = known.get(name);
    if (schema === undefined) {
      const list = [...known.keys()].join(', ');
      faults.push({
        field: name,
        message: `unknown query parameter '${name}' (known: ${list || 'none'})`,
        constraint: 'unknown',
      });
    } else if (Array.isArray(value)) {
      faults.push({
        field: name,
        message: `query parameter '${name}' must not be repeated`,
        constraint: 'single',
      });
    } else if (schema.type === 'integer' && !INTEGER.test(value as string)) {
      // The validator would accept Infinity, 1e3 and 0x10 as integers.
      faults.push(
        describeRule({ path: [name], keyword: 'type', message: 'must be integer', value }),
      );
    } else {
      good[name] = value;
    }
  }
  if (faults.length > 0) Object.defineProperty(req, 'query', { value: good, configurable: true });
  return faults;
}

/** They say which page, and a watch has none. */
const ABOUT_PAGES = ['page', 'pageSize', 'size', 'order', 'orderBy'];

/**
 * What goes with `watch=true` only, or never. A HEAD is one of them: it would get the headers of a stream that does not
 * exist, and could not be told that there is none.
 */
function watchFaults({ query, headers, context }: Request): ProblemField[] {
  if (query.watch !== 'true') {
    // An EventSource decides by itself when to send it: without a watch it is ignored, not validated.
    delete headers['last-event-id'];
    const message = 'since requires watch=true';
    return 'since' in query ? [{ field: 'since', message, constraint: 'dependentRequired' }] : [];
  }
  const faults = ABOUT_PAGES.filter((name) => name in query).map((field) => ({
    field,
    message: `${field} cannot be used with watch=true`,
    constraint: 'conflict',
  }));
  const head = { field: 'watch', message: 'watch=true requires GET', constraint: 'method' };
  return context.isHead ? [...faults, head] : faults;
}

/** The paths in the query parameter `fields`. A label key is one step, even with dots in it. */
export function fieldPaths(fields: string): string[][] {
  const names = new Set(fields.split(',').map((name) => name.trim()));
  return Array.from(names, (name) =>
    name.startsWith('labels.') ? ['labels', name.slice('labels.'.length)] : name.split('.'),
  );
}

function unknownFields(req: Request): ProblemField[] {
  const { fields } = req.query;
  const known = req.context.operation!.fields;
  if (typeof fields !== 'string') return [];
  const unknown = new Set(fieldPaths(fields).map(([top]) => top!));
  return [...unknown]
    .filter((name) => !known.includes(name))
    .map((name) => ({
      field: 'fields',
      message: `fields contains '${name}', which is not one of ${known.join(', ')}`,
      constraint: 'enum',
    }));
}

/** Clients send null for what they do not have. In a merge patch it has a meaning. */
function dropNulls(req: Request): void {
  const { operation, mediaType } = req.context;
  const schema = operation!.bodies.get(mediaType);
  if (schema === undefined || mediaType !== 'application/json') return;
  const body = req.body as Json;
  if (operation!.on?.verb === 'report') {
    // An adapter that has lost its resource has no generation to report.
    if (body.observed_generation === null) body.observed_generation = 0;
    dropDeclaredNulls(body, schema);
    return;
  }
  for (const name of ['labels', 'references']) {
    if (schema.properties?.[name] !== undefined && body[name] === null) {
      Reflect.deleteProperty(body, name);
    }
  }
}

/** Only properties that the contract declares: what an adapter adds of its own is stored as sent. */
function dropDeclaredNulls(value: unknown, { properties = {}, items }: Schema): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) dropDeclaredNulls(item, items ?? {});
    return;
  }
  const object = value as Json;
  for (const [name, schema] of Object.entries(properties)) {
    if (object[name] === null) Reflect.deleteProperty(object, name);
    else dropDeclaredNulls(object[name], schema);
  }
}

function bodyFaults(req: Request): ProblemField[] {
  const { operation, mediaType } = req.context;
  const { properties = {} } = operation!.bodies.get(mediaType) ?? {};
  const body = (req.body ?? {}) as Json;
  return [
    ...Object.entries(properties).flatMap(([name, schema]) => cutOverfull(body, name, schema)),
    ...('labels' in properties ? labelKeyFaults(body.labels) : []),
  ];
}

/**
 * Cuts a property to its maximum number of entries. The time that the validator takes grows with the square of the
 * number of errors: a long list of bad conditions would block all other requests.
 */
function cutOverfull(
  body: Json,
  name: string,
  { maxItems, maxProperties, additionalProperties }: Schema,
): ProblemField[] {
  const value = body[name];
  if (Array.isArray(value)) {
    if (maxItems === undefined || value.length <= maxItems) return [];
    body[name] = value.slice(0, maxItems);
    const message = `must NOT have more than ${maxItems} items`;
    return [describeRule({ path: [name], keyword: 'maxItems', message, value })];
  }
  if (typeof value !== 'object' || value === null || maxProperties === undefined) return [];
  const maxInLists = (additionalProperties as Schema | undefined)?.maxItems ?? Infinity;
  if (Object.values(value).flat().length > maxInLists) {
    body[name] = {};
    const message = `must NOT have more than ${maxInLists} items in all its lists`;
    return [describeRule({ path: [name], keyword: 'maxItems', message, value })];
  }
  const entries = Object.entries(value);
  if (entries.length <= maxProperties) return [];
  body[name] = Object.fromEntries(entries.slice(0, maxProperties));
  const message = `must NOT have more than ${maxProperties} properties`;
  return [describeRule({ path: [name], keyword: 'maxProperties', message, value })];
}

/** OpenAPI 3.0 cannot describe the keys of an object. */
function labelKeyFaults(labels: unknown): ProblemField[] {
  if (!isObject(labels)) return [];
  return Object.keys(labels)
    .filter((key) => !isLabelKey(key))
    .map((key) => {
      const field = fieldName(['labels', key]);
      return {
        field,
        message: `${field} is not a valid label key: up to 63 letters, digits, '-', '_' or '.', optionally after a DNS name and '/'`,
        constraint: 'pattern',
      };
    });
}

/** Of a new resource only: what a patch leads to depends on what is stored. */
function specFaults(req: Request, { kinds, specs }: Service): ProblemField[] {
  if (req.context.operation!.on?.verb !== 'create') return [];
  const { spec } = req.body as Json;
  return isObject(spec) ? specs.validate(targetOf(req, kinds).kind, spec) : [];
}
