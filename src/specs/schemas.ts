import type { AnySchema, AnySchemaObject } from 'ajv';
import type Ajv04 from 'ajv-draft-04';
import type Ajv2020 from 'ajv/dist/2020';
import { isObject, pointerSegments, valueAt } from '../problems/field-path';
import type { Document } from './documents';
import { patternFault } from './patterns';

export type Ajv = Ajv04 | Ajv2020;
type Place = readonly string[];

/** A schema as ajv gets it: without annotations, its references naming the keys of other definitions. */
interface Definition {
  key: string;
  place: Place;
  schema: AnySchema;
  /** What it refers to for the same value, not for a part of it. */
  next: Definition[];
}

const SCHEMAS = new Set([
  ...['items', 'additionalProperties', 'contains', 'propertyNames', 'unevaluatedItems'],
  ...['unevaluatedProperties', 'not', 'if', 'then', 'else'],
]);
const SCHEMA_LISTS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const SCHEMA_MAPS = new Set(['properties', 'patternProperties', 'dependentSchemas']);
const SAME_VALUE = new Set([
  ...['allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else', 'dependentSchemas'],
]);
const ANNOTATIONS = new Set([
  ...['title', 'description', 'default', 'example', 'examples', 'deprecated', 'readOnly'],
  ...['writeOnly', 'discriminator', 'xml', 'externalDocs', '$comment', '$schema', '$id', '$anchor'],
  ...['contentMediaType', 'contentEncoding', 'contentSchema', '$defs', 'definitions'],
]);
/** ajv has them, OpenAPI does not. */
const FOREIGN = new Set(['id', 'dependencies', 'additionalItems']);

/**
 * Extracts schemas, and everything they refer to, from a document. References leave the document nowhere: it must not
 * make the server read files or the network.
 */
export class Schemas {
  readonly definitions: Definition[] = [];
  /** The forms of all unions. */
  readonly forms: AnySchema[] = [];
  /** What has no effect. */
  readonly warnings: string[] = [];
  private readonly problems: string[] = [];
  private readonly byPlace = new Map<string, Definition>();

  constructor(
    private readonly document: Document,
    private readonly is30: boolean,
    private readonly ajv: Ajv,
  ) {}

  /** The key of the schema at a place; undefined: there is none. */
  add(place: Place): string | undefined {
    return this.define(place)?.key;
  }

  /** Why the document cannot be used: every place at fault. */
  check(): string[] {
    for (const { place, schema } of this.definitions) {
      if (this.ajv.validateSchema(schema) === true) continue;
      for (const { instancePath, message } of this.ajv.errors ?? []) {
        this.refuse([...place, ...pointerSegments(instancePath)], String(message));
      }
    }
    const done = new Set<Definition>();
    for (const definition of this.definitions) this.refuseLoops(definition, [], done);
    return [...new Set(this.problems)];
  }

  /** A schema that leads back to itself for the same value would be followed without end. */
  private refuseLoops(at: Definition, trail: readonly Definition[], done: Set<Definition>): void {
    if (trail.includes(at)) this.refuse(at.place, 'refers back to itself');
    else if (!done.has(at)) at.next.forEach((to) => this.refuseLoops(to, [...trail, at], done));
    done.add(at);
  }

  private define(place: Place): Definition | undefined {
    const id = JSON.stringify(place);
    const known = this.byPlace.get(id);
    if (known) return known;
    const found = valueAt(this.document, place);
    if (found === undefined) return undefined;
    const key = `schema:${this.definitions.length}`;
    const definition: Definition = { key, place, schema: true, next: [] };
    this.definitions.push(definition);
    this.byPlace.set(id, definition);
    definition.schema = this.convert(found, place, definition.next);
    return definition;
  }

  /** @param next collects what is referred to for the same value */
  private convert(schema: unknown, place: Place, next: Definition[]): AnySchema {
    if (typeof schema === 'boolean') return schema;
    if (!isObject(schema)) return this.refuse(place, 'must be a schema');
    const { $ref, ...rules } = schema;
    const ref = $ref === undefined ? {} : this.link($ref, [...place, '$ref'], next);
    // OpenAPI 3.0 ignores whatever stands beside a reference.
    if (this.is30 && $ref !== undefined) return ref;
    const kept = Object.entries(rules).flatMap(([keyword, value]): [string, unknown][] => {
      const at = [...place, keyword];
      // Without a type `nullable` means nothing, and ajv refuses it.
      if (keyword === 'nullable' && !(this.is30 && value === true && 'type' in rules)) return [];
      return this.isRule(keyword, at)
        ? [[keyword, this.convertRule(keyword, value, at, next)]]
        : [];
    });
    return { ...Object.fromEntries<unknown>(kept), ...ref };
  }

  private isRule(keyword: string, place: Place): boolean {
    if (keyword.startsWith('x-') || ANNOTATIONS.has(keyword)) return false;
    const isKnown = typeof this.ajv.getKeyword(keyword) === 'object' && !FOREIGN.has(keyword);
    if (keyword.startsWith('$')) this.refuse(place, 'is not supported');
    else if (!isKnown) this.warn(place, 'is not a known keyword and has no effect');
    return isKnown;
  }

  private convertRule(keyword: string, value: unknown, place: Place, next: Definition[]): unknown {
    const convert = (schema: unknown, ...names: (string | number)[]): AnySchema =>
      this.convert(schema, [...place, ...names.map(String)], SAME_VALUE.has(keyword) ? next : []);
    if (SCHEMAS.has(keyword)) return convert(value);
    if (SCHEMA_MAPS.has(keyword) && isObject(value)) {
      if (keyword === 'patternProperties') this.checkPatterns(Object.keys(value), place);
      const entries = Object.entries(value).map(([name, inner]) => [name, convert(inner, name)]);
      return Object.fromEntries(entries);
    }
    if (SCHEMA_LISTS.has(keyword) && Array.isArray(value)) {
      const list = value.map((inner, index) => convert(inner, index));
      if (keyword === 'anyOf' || keyword === 'oneOf') this.forms.push(...list);
      return list;
    }
    if (keyword === 'pattern') this.checkPatterns([String(value)], place);
    if (keyword === 'format' && !(String(value) in this.ajv.formats)) {
      this.warn(place, `'${String(value)}' is not a known format and has no effect`);
    }
    return value;
  }

  /** ajv does not check formats, such as that of patterns, when it checks schemas. */
  private checkPatterns(patterns: readonly string[], place: Place): void {
    for (const pattern of patterns) {
      const fault = patternFault(pattern);
      if (fault !== undefined) this.refuse(place, fault);
    }
  }

  private link(ref: unknown, place: Place, next: Definition[]): AnySchemaObject {
    const target = localPlace(String(ref));
    const definition = target && this.define(target);
    if (!definition) {
      const why = 'is not a place in this document, and only those (#/…) can be referred to';
      return this.refuse(place, `'${String(ref)}' ${why}`);
    }
    next.push(definition);
    return { $ref: definition.key };
  }

  private refuse(place: Place, why: string): AnySchemaObject {
    this.problems.push(`${place.join('.')} ${why}`);
    return {};
  }

  private warn(place: Place, why: string): void {
    this.warnings.push(`${place.join('.')} ${why}`);
  }
}

export function localPlace(ref: string): Place | undefined {
  if (!/^#(\/|$)/.test(ref)) return undefined;
  try {
    return pointerSegments(decodeURIComponent(ref.slice(1)));
  } catch {
    return undefined;
  }
}
