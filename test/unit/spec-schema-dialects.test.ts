import { messages, warnings, withSchemas } from '../support/provider-schemas';

describe('the dialects of OpenAPI', () => {
  it('3.0: nullable admits null beside the type', async () => {
    const schema = { properties: { a: { type: 'string', nullable: true }, b: { type: 'string' } } };
    expect(await messages(schema, { a: null, b: null }, '3.0.0')).toEqual([
      'spec.b must be a text, not null',
    ]);
  });

  it('3.0: what stands beside a reference is ignored', async () => {
    const schema = { properties: { a: { $ref: '#/components/schemas/A', maxLength: 1 } } };
    const others = { A: { type: 'string' } };
    expect(await messages(schema, { a: 'long' }, '3.0.3', others)).toEqual([]);
    expect(await messages(schema, { a: 'long' }, '3.1.0', others)).toHaveLength(1);
  });

  it('3.0: exclusive limits are flags', async () => {
    const schema = {
      properties: {
        a: { maximum: 5, exclusiveMaximum: true },
        b: { maximum: 5, exclusiveMaximum: false },
      },
    };
    expect(await messages(schema, { a: 5, b: 5 }, '3.0.3')).toEqual([
      'spec.a must be less than 5, not 5',
    ]);
  });

  it('3.1: type lists, const, prefixItems, dependentRequired, if, propertyNames', async () => {
    const schema = {
      properties: {
        a: { type: ['string', 'null'] },
        b: { const: 'x' },
        c: { prefixItems: [{ type: 'integer' }], items: false },
        labels: { propertyNames: { pattern: '^[a-z]+$' } },
      },
      dependentRequired: { b: ['d'] },
      if: { required: ['c'] },
      then: { required: ['e'] },
    };
    const all = await messages(schema, { a: 1, b: 'y', c: [1, 2], labels: { Foo: 1 } });
    expect(all.sort()).toEqual([
      'spec.a must be a text or null, not 1',
      "spec.b must be 'x', not 'y'",
      'spec.c must have at most 1 entry, not 2',
      'spec.d is required when b is present',
      'spec.e is required',
      "spec.labels.Foo must match the pattern ^[a-z]+$, not 'Foo'",
    ]);
  });

  it('annotations and extensions are no rules, names of members are no keywords', async () => {
    const schema = {
      title: 't',
      example: { $ref: './example.yaml' },
      'x-ui': { $ref: 'https://example.com' },
      discriminator: { propertyName: 'kind', mapping: { a: 'other.yaml#/A' } },
      properties: {
        $ref: { type: 'string' },
        example: { type: 'integer' },
        default: { enum: [{ $ref: 1 }] },
      },
    };
    expect(await messages(schema, { $ref: 'x', example: 1 })).toEqual([]);
    expect(await messages(schema, { $ref: 1, example: 'x' })).toHaveLength(2);
    expect(warnings).toEqual([]);
  });

  it('keywords and formats nobody knows are warned about, with their place', async () => {
    const schema = { properties: { a: { maxLenght: 3, format: 'cidr' } } };
    expect(await messages(schema, { a: 'long' })).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining(
        'components.schemas.ClusterSpec.properties.a.maxLenght is no keyword',
      ),
      expect.stringContaining("components.schemas.ClusterSpec.properties.a.format 'cidr'"),
    ]);
  });

  it('patterns may be written for engines without Unicode mode', async () => {
    const schema = { properties: { a: { pattern: '^[\\w\\-.]+\\_$' } } };
    expect(await messages(schema, { a: 'a-b_' })).toEqual([]);
    expect(await messages(schema, { a: 'a b' })).toHaveLength(1);
  });

  it('decimal steps are not upset by binary fractions', async () => {
    expect(await messages({ properties: { a: { multipleOf: 0.1 } } }, { a: 0.3 })).toEqual([]);
  });

  it('schemas may refer to themselves for a part of the value', async () => {
    const schema = {
      properties: {
        child: { $ref: '#/components/schemas/ClusterSpec' },
        size: { type: 'integer' },
      },
    };
    expect(await messages(schema, { child: { child: { size: 'x' } } })).toEqual([
      "spec.child.child.size must be a whole number, not 'x'",
    ]);
  });

  it('references reach any place in the document', async () => {
    const specs = await withSchemas(
      { ClusterSpec: { properties: { a: { $ref: '#/x-shared/a~1b/0/c%20d' } } } },
      '3.1.0',
      { 'x-shared': { 'a/b': [{ 'c d': { type: 'string' } }] } },
    );
    expect(specs.validate('Cluster', { a: 1 })).toMatchObject([{ field: 'spec.a' }]);
  });
});
