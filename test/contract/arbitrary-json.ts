import fc, { type Arbitrary } from 'fast-check';
import type { Document, Json } from './json-schema';

/* JSON that fits a schema of the contract, or nearly fits it. */

/** What is seldom meant, by anybody. */
const junk: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    ...[null, '', ' ', true, false, [], {}, [[]], [null], -1, 0, 0.5, 2 ** 31, 1e21, -1e308],
    ...['true', '1', 'null', '__proto__', '\0', '\ud800', '\u202e', '💥', "' OR '1'='1", '../..'],
    ...['2026-02-30T00:00:00Z', '9999-12-31T23:59:59Z', '%00', '<script>', '${x}', '{{x}}'],
  ),
  fc.nat(400).map((length) => 'x'.repeat(length)),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.double(),
  fc.jsonValue({ maxDepth: 3 }),
);

const labelKey = fc.constantFrom('env', 'team', 'a.b/c', 'example.org/name', 'x_y', 'A-1');

/** Values that the schema accepts. */
export function fitting(schema: Json, document: Document): Arbitrary<unknown> {
  const { $ref, nullable, ...rest } = schema;
  if (typeof $ref === 'string') {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    return fitting(document.components.schemas[name]!, document);
  }
  if (nullable === true) return fc.option(fitting(rest, document), { freq: 6 });
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  switch (schema.type) {
    case 'string':
      return fittingText(schema);
    case 'integer':
      return fittingInteger(schema);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(fitting(schema.items as Json, document), { maxLength: 4 });
    case 'object':
      return fittingObject(schema, document);
    default:
      return fc.jsonValue();
  }
}

function fittingText({ pattern, format, minLength = 0, maxLength = 60 }: Json): Arbitrary<string> {
  const [least, most] = [Number(minLength), Number(maxLength)];
  if (format === 'date-time') {
    const range = { min: new Date('2020-01-01'), max: new Date(), noInvalidDate: true };
    return fc.date(range).map((date) => date.toISOString());
  }
  if (typeof pattern === 'string') {
    return fc
      .stringMatching(new RegExp(pattern))
      .filter(({ length }) => length >= least && length <= most);
  }
  return fc.string({ unit: 'grapheme', minLength: least, maxLength: Math.min(most, 60) });
}

function fittingInteger({ minimum, maximum }: Json): Arbitrary<number> {
  const min = Number(minimum ?? 1);
  const max = Number(maximum ?? 2 ** 31 - 1);
  return fc.oneof({ weight: 3, arbitrary: fc.constant(min) }, fc.integer({ min, max }));
}

function fittingObject(schema: Json, document: Document): Arbitrary<object> {
  const { properties, additionalProperties, required = [] } = schema;
  if (typeof properties === 'object' && properties !== null) {
    const values = Object.entries(properties as Record<string, Json>).map(
      ([name, inner]) => [name, fitting(inner, document)] as const,
    );
    const record = fc.record(Object.fromEntries(values), {
      requiredKeys: required as string[],
    });
    const least = Number(schema.minProperties ?? 0);
    return record.filter((value) => Object.keys(value).length >= least);
  }
  if (typeof additionalProperties === 'object' && additionalProperties !== null) {
    const property = fitting(additionalProperties as Json, document);
    return fc.dictionary(labelKey, property, { maxKeys: 4 });
  }
  return fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 });
}

type Change = readonly [place: number, what: 'replace' | 'remove' | 'add', value: unknown];

const change: Arbitrary<Change> = fc.tuple(
  fc.nat(1000),
  fc.constantFrom('replace', 'remove', 'add'),
  junk,
);

/** The same with one to three places changed. */
export function nearlyFitting(schema: Json, document: Document): Arbitrary<unknown> {
  const changes = fc.array(change, { minLength: 1, maxLength: 3 });
  return fc
    .tuple(fitting(schema, document), changes)
    .map(([value, all]) => all.reduce(changed, value));
}

type Container = Record<string, unknown>;

function changed(value: unknown, [place, what, added]: Change): unknown {
  const copy: unknown = structuredClone(value);
  const places = propertiesOf(copy);
  const at = places[place % Math.max(1, places.length)];
  if (at === undefined) return added;
  const [container, name] = at;
  if (what === 'remove') Reflect.deleteProperty(container, name);
  else container[what === 'add' ? `${name}x` : name] = added;
  return copy;
}

function propertiesOf(value: unknown): [Container, string][] {
  if (typeof value !== 'object' || value === null) return [];
  const container = value as Container;
  return Object.keys(container).flatMap((name) => [
    [container, name] as [Container, string],
    ...propertiesOf(container[name]),
  ]);
}

export { junk };
