import { hasOwn, pointerSegments } from '../problems/field-path';

type Json = Record<string, unknown>;
type Place = readonly string[];

/** Schemas taken out of an OpenAPI document, as one JSON Schema 2020-12 whose `$defs` refer to each other. */
export interface ExtractedSchemas {
  root: { $defs: Record<string, unknown> };
  /** The entry of `$defs` that is `components.schemas.<name>`, for each name that the document has. */
  keys: Map<string, string>;
  /** Translates a JSON pointer into `root` to the place in the document. */
  placeOf(pointer: string): string;
  /** Why the document cannot be used. */
  problems: string[];
  /** What has no effect. */
  warnings: string[];
}

const CHILD = ['additionalProperties', 'items', 'contains', 'propertyNames'];
const CHILD_2020 = ['unevaluatedItems', 'unevaluatedProperties'];
const CHILD_LISTS = ['prefixItems'];
const CHILD_MAPS = ['properties', 'patternProperties'];
const SAME_VALUE = ['not', 'if', 'then', 'else'];
const SAME_VALUE_LISTS = ['allOf', 'anyOf', 'oneOf'];
const SAME_VALUE_MAPS = ['dependentSchemas'];
const RULES = new Set([
  ...['type', 'enum', 'const', 'format', 'pattern', 'minLength', 'maxLength', 'multipleOf'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'minItems', 'maxItems'],
  ...['uniqueItems', 'minContains', 'maxContains', 'minProperties', 'maxProperties', 'required'],
  ...['dependentRequired', 'nullable'],
]);
const ANNOTATIONS = new Set([
  ...['title', 'description', 'default', 'example', 'examples', 'deprecated', 'readOnly'],
  ...['writeOnly', 'discriminator', 'xml', 'externalDocs', '$comment', '$schema', '$id', '$anchor'],
  ...['contentMediaType', 'contentEncoding', 'contentSchema', '$defs', 'definitions'],
]);

/**
 * Takes the named schemas, and whatever they refer to, out of a document. Nothing else of it is looked at, and
 * nothing outside of it: a document must not make the server read files or the network.
 */
export function extractSchemas(
  document: Json,
  names: readonly string[],
  isFormat: (name: string) => boolean,
): ExtractedSchemas {
  return new Extraction(document, isFormat).run(names);
}

class Extraction {
  private readonly defs: { place: Place; schema: unknown; refersTo: Set<number> }[] = [];
  private readonly byPlace = new Map<string, number>();
  private readonly problems: string[] = [];
  private readonly warnings: string[] = [];
  private readonly is30: boolean;

  constructor(
    private readonly document: Json,
    private readonly isFormat: (name: string) => boolean,
  ) {
    this.is30 = String(document.openapi).startsWith('3.0');
  }

  run(names: readonly string[]): ExtractedSchemas {
    const keys = new Map<string, string>();
    for (const name of names) {
      const place = ['components', 'schemas', name];
      if (this.find(place) !== undefined) keys.set(name, String(this.define(place)));
    }
    this.refuseLoops();
    return {
      root: { $defs: Object.fromEntries(this.defs.map(({ schema }, key) => [key, schema])) },
      keys,
      placeOf: (pointer) => {
        const [, key, ...rest] = pointerSegments(pointer);
        return [...(this.defs[Number(key)]?.place ?? []), ...rest].join('.');
      },
      problems: this.problems,
      warnings: this.warnings,
    };
  }

  private find(place: Place): unknown {
    return place.reduce<unknown>(
      (at, part) => (hasOwn(at, part) ? at[part] : undefined),
      this.document,
    );
  }

  /** The number of the definition for the schema at a place, made when it is first needed. */
  private define(place: Place): number {
    const name = JSON.stringify(place);
    const known = this.byPlace.get(name);
    if (known !== undefined) return known;
    const key = this.defs.push({ place, schema: true, refersTo: new Set() }) - 1;
    this.byPlace.set(name, key);
    this.defs[key]!.schema = this.convert(this.find(place), place, key);
    return key;
  }

  /** @param owner the definition whose value this schema judges, undefined once it is about a part of the value */
  private convert(schema: unknown, place: Place, owner: number | undefined): unknown {
    if (typeof schema === 'boolean') return schema;
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      return this.refuse(place, 'must be a schema');
    }
    if (!hasOwn(schema, '$ref')) return this.convertMembers(schema as Json, place, owner);
    const $ref = this.reference(schema.$ref, [...place, '$ref'], owner);
    // OpenAPI 3.0 ignores whatever stands beside a reference.
    return this.is30 ? { $ref } : { ...this.convertMembers(schema, place, owner), $ref };
  }

  private convertMembers(schema: Json, place: Place, owner: number | undefined): Json {
    const members = Object.entries(schema).flatMap(([keyword, value]): [string, unknown][] => {
      const at = [...place, keyword];
      const child = (key: string, inner: unknown): unknown =>
        this.convert(inner, [...at, key], undefined);
      if (CHILD.includes(keyword) || CHILD_2020.includes(keyword)) {
        return [[keyword, this.convert(value, at, undefined)]];
      }
      if (SAME_VALUE.includes(keyword)) return [[keyword, this.convert(value, at, owner)]];
      if (CHILD_LISTS.includes(keyword)) return [[keyword, this.list(value, at, child)]];
      if (CHILD_MAPS.includes(keyword)) {
        if (keyword === 'patternProperties') this.checkPatterns(value, at);
        return [[keyword, this.map(value, at, child)]];
      }
      if (SAME_VALUE_LISTS.includes(keyword)) {
        // Each form is a definition of its own, so that a value can be held against one of them.
        return [[keyword, this.list(value, at, (key) => this.link([...at, key], owner))]];
      }
      if (SAME_VALUE_MAPS.includes(keyword)) {
        return [
          [keyword, this.map(value, at, (key, inner) => this.convert(inner, [...at, key], owner))],
        ];
      }
      return this.convertRule(schema, keyword, value, at);
    });
    return Object.fromEntries(members);
  }

  private convertRule(
    schema: Json,
    keyword: string,
    value: unknown,
    place: Place,
  ): [string, unknown][] {
    if (keyword === '$ref' || keyword.startsWith('x-') || ANNOTATIONS.has(keyword)) return [];
    if (!RULES.has(keyword)) {
      if (keyword.startsWith('$')) this.refuse(place, 'is not supported');
      else this.warnings.push(`${place.join('.')} is no keyword of a schema and has no effect`);
      return [];
    }
    switch (keyword) {
      case 'nullable':
        return [];
      case 'type':
        return [[keyword, this.is30 && schema.nullable === true ? [value, 'null'].flat() : value]];
      case 'exclusiveMinimum':
      case 'exclusiveMaximum': {
        if (typeof value !== 'boolean') return [[keyword, value]];
        const limit = schema[keyword === 'exclusiveMinimum' ? 'minimum' : 'maximum'];
        return value && limit !== undefined ? [[keyword, limit]] : [];
      }
      case 'pattern':
        this.checkPatterns({ [String(value)]: true }, place);
        return [[keyword, value]];
      case 'format':
        if (typeof value !== 'string' || this.isFormat(value)) return [[keyword, value]];
        this.warnings.push(`${place.join('.')} '${value}' is not a known format and has no effect`);
        return [];
      default:
        return [[keyword, value]];
    }
  }

  private reference(ref: unknown, place: Place, owner: number | undefined): string {
    if (typeof ref !== 'string') {
      this.refuse(place, 'must be a text');
    } else if (!ref.startsWith('#')) {
      this.refuse(
        place,
        `'${ref}' leads out of the document; only local references (#/…) are followed`,
      );
    } else {
      const target = decodedPointer(ref.slice(1));
      if (target && this.find(target) !== undefined) return this.link(target, owner).$ref;
      this.refuse(place, `'${ref}' does not exist in the document`);
    }
    return '#';
  }

  private link(target: Place, owner: number | undefined): { $ref: string } {
    const key = this.define(target);
    if (owner !== undefined) this.defs[owner]!.refersTo.add(key);
    return { $ref: `#/$defs/${key}` };
  }

  private list(
    value: unknown,
    place: Place,
    convert: (key: string, inner: unknown) => unknown,
  ): unknown {
    if (!Array.isArray(value)) return this.refuse(place, 'must be a list of schemas');
    return value.map((inner, index) => convert(String(index), inner));
  }

  private map(
    value: unknown,
    place: Place,
    convert: (key: string, inner: unknown) => unknown,
  ): unknown {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.refuse(place, 'must be an object of schemas');
    }
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, convert(key, inner)]),
    );
  }

  private checkPatterns(patterns: unknown, place: Place): void {
    for (const pattern of Object.keys(patterns ?? {})) {
      try {
        toRegExp(pattern);
      } catch (error) {
        this.refuse(place, (error as Error).message);
      }
    }
  }

  private refuse(place: Place, why: string): true {
    this.problems.push(`${place.join('.')} ${why}`);
    return true;
  }

  /** A schema that leads back to itself for the very same value would be followed without end. */
  private refuseLoops(): void {
    const done = new Set<number>();
    const visit = (key: number, trail: readonly number[]): void => {
      if (trail.includes(key)) this.refuse(this.defs[key]!.place, 'refers back to itself');
      if (trail.includes(key) || done.has(key)) return;
      for (const next of this.defs[key]!.refersTo) visit(next, [...trail, key]);
      done.add(key);
    };
    this.defs.forEach((_, key) => visit(key, []));
  }
}

function decodedPointer(pointer: string): string[] | undefined {
  if (pointer !== '' && !pointer.startsWith('/')) return undefined;
  try {
    return pointerSegments(decodeURIComponent(pointer));
  } catch {
    return undefined;
  }
}

/** Schemas are written for many engines: what the Unicode mode refuses (`\-`, `\_`) is given a second try. */
export function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return new RegExp(pattern);
  }
}
