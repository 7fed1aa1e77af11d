import type { Kind } from '../kinds/kind';
import { hasOwn, valueAt } from '../problems/field-path';
import type { SpecDocument } from './documents';
import { localPlace } from './schemas';

type Json = Record<string, unknown>;

interface Contract extends Json {
  paths: Record<string, Json>;
  components: { schemas: Record<string, Json>; examples: Json };
}

const REF = '#/components/schemas/';
const SCHEMA = new Set(['items', 'additionalProperties', 'not']);
const SCHEMA_LIST = new Set(['allOf', 'anyOf', 'oneOf']);
const SCHEMA_MAP = new Set(['properties', 'patternProperties']);

/**
 * A copy of the contract that shows the provider's schemas of specs, for those who read it and make clients from it.
 * Requests and responses are not validated by it: a schema that is tightened later must not make stored specs invalid.
 */
export function embedSpecSchemas<D extends Contract>(
  contract: D,
  kinds: Iterable<Kind>,
  provider: SpecDocument,
): D {
  const document = structuredClone(contract);
  const { schemas } = document.components;
  const found = [...kinds].filter(({ specSchema }) =>
    hasOwn(schemasOf(provider), specSchema ?? ''),
  );
  if (!provider.document.openapi.startsWith('3.0')) {
    for (const { name } of found) {
      const note = `It is validated with a schema in OpenAPI ${provider.document.openapi}, which cannot be shown here.`;
      Object.assign(schemas[`${name}Spec`]!, { description: `The desired state. ${note}` });
    }
    return document;
  }
  for (const { name } of found) dropExamples(document, name);
  dropUnusedExamples(document);
  const taken = Object.values(document.components).flatMap((section) => Object.keys(section));
  const copy = new Copy(provider.document, new Set(taken));
  for (const { name, specSchema } of found) copy.add(REF + specSchema!, `${name}Spec`);
  document.components.schemas = { ...schemas, ...copy.schemas() };
  return document;
}

function schemasOf({ document }: SpecDocument): unknown {
  const { components } = document;
  return hasOwn(components, 'schemas') ? components.schemas : undefined;
}

/** Schemas of the provider, and everything they refer to, under names that are free in the contract. */
class Copy {
  private readonly names = new Map<string, string>();
  private readonly copied = new Map<string, unknown>();

  constructor(
    private readonly document: Json,
    private readonly taken: Set<string>,
  ) {}

  schemas(): Record<string, Json> {
    return Object.fromEntries(this.copied) as Record<string, Json>;
  }

  add(ref: string, name: string): void {
    if (!this.names.has(ref)) this.names.set(ref, name);
    this.copied.set(name, {});
    const schema = this.convert(this.find(ref));
    // The component itself cannot be `true` or `false`.
    this.copied.set(name, typeof schema === 'object' ? schema : schema ? {} : { not: {} });
  }

  private find(ref: string): unknown {
    const place = localPlace(ref);
    return place && valueAt(this.document, place);
  }

  /** The new form of a reference; undefined: it leads nowhere. */
  private moved(ref: string): string | undefined {
    if (!this.names.has(ref)) {
      if (this.find(ref) === undefined) return undefined;
      this.add(ref, this.freeName(ref));
    }
    return REF + this.names.get(ref)!;
  }

  private freeName(ref: string): string {
    const wanted = localPlace(ref)!
      .at(-1)!
      .replace(/[^A-Za-z0-9_]/g, '_');
    let name = wanted;
    for (let count = 2; this.taken.has(name); count++) name = `${wanted}${count}`;
    this.taken.add(name);
    return name;
  }

  private convert(schema: unknown): unknown {
    if (typeof schema !== 'object' || schema === null) return schema;
    // OpenAPI 3.0 ignores whatever stands beside a reference.
    if (hasOwn(schema, '$ref')) return { $ref: this.moved(String(schema.$ref)) };
    return map(schema, (value, keyword) => {
      if (SCHEMA.has(keyword)) return this.convert(value);
      if (SCHEMA_LIST.has(keyword)) return (value as unknown[]).map((part) => this.convert(part));
      if (SCHEMA_MAP.has(keyword)) return map(value as object, (part) => this.convert(part));
      if (keyword === 'discriminator' && hasOwn(value, 'mapping')) {
        return { ...value, mapping: map(value.mapping as object, (to) => this.target(String(to))) };
      }
      return value;
    });
  }

  /** A discriminator may name a component without its path. */
  private target(to: string): string {
    return this.moved(to.startsWith('#/') ? to : REF + to) ?? to;
  }
}

function map(object: object, convert: (value: unknown, key: string) => unknown): Json {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, convert(value, key)]),
  );
}

/** Where the contract has examples with a spec of a kind. */
const WITH_SPEC = new Set([
  ...[
    '',
    'List',
    'CreateRequest',
    'PatchRequest',
    'MergePatchRequest',
    'Create',
    'Created',
    'Marked',
  ],
]);

/** The contract's examples have a spec of their own making: the provider's schema refuses it. */
function dropExamples({ paths, components }: Contract, kind: string): void {
  const parts = Object.values<Record<string, Json>>(components as never).flatMap((section) =>
    Object.entries(section)
      .filter(([name]) => name.startsWith(kind) && WITH_SPEC.has(name.slice(kind.length)))
      .map(([, part]) => part),
  );
  const operations = Object.values(paths)
    .flatMap((item) => Object.values<Json>(item as never))
    .filter((operation) => operation['x-kind'] === kind);
  for (const part of [...parts, ...operations]) {
    delete part.example;
    const { content = {} } = (part.requestBody ?? part) as { content?: Record<string, Json> };
    for (const media of Object.values(content)) delete media.examples;
  }
}

function dropUnusedExamples({ paths, components }: Contract): void {
  const text = JSON.stringify({ paths, components });
  const used = Object.entries(components.examples).filter(([name]) =>
    text.includes(`"#/components/examples/${name}"`),
  );
  components.examples = Object.fromEntries(used);
}
