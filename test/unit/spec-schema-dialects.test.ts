import { cluster, fields, messages, warnings, withSchemas } from '../support/provider-schemas';

describe('the dialects of OpenAPI', () => {
  it('3.0: nullable admits null beside the type', async () => {
    const schema = { properties: { a: { type: 'string', nullable: true }, b: { type: 'string' } } };
    expect(await messages(schema, { a: null, b: null }, '3.0.0')).toEqual([
      'spec.b must be string (got null)',
    ]);
  });

  it('3.0: nullable means nothing without a type, and 3.1 does not have it', async () => {
    const schema = { properties: { a: { nullable: true, minLength: 2 } } };
    expect(await messages(schema, { a: null }, '3.0.3')).toEqual([]);
    const both = { properties: { a: { type: 'string', nullable: true } } };
    expect(await messages(both, { a: null }, '3.1.0')).toHaveLength(1);
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
    expect(await messages(schema, { a: 5, b: 5 }, '3.0.3')).toEqual(['spec.a must be < 5 (got 5)']);
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
      'spec.a must be string,null (got 1)',
      'spec.b must be equal to constant: "x" (got "y")',
      'spec.c must NOT have more than 1 items',
      'spec.d is required',
      'spec.e is required',
      'spec.labels.Foo must match pattern "^[a-z]+$" (got "Foo")',
    ]);
  });

  it('3.1: a property whose schema is false is not allowed, and the rule has a name of JSON Schema', async () => {
    expect(await fields({ properties: { a: false } }, { a: 1 })).toEqual([
      { field: 'spec.a', message: 'spec.a is not allowed (got 1)', constraint: 'not', value: 1 },
    ]);
  });

  it('3.0: keywords of later versions are warned about', async () => {
    const schema = { properties: { a: { prefixItems: [{ type: 'integer' }], id: 'x' } } };
    expect(await messages(schema, { a: ['x'] }, '3.0.3')).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining('properties.a.prefixItems is not a known keyword'),
      expect.stringContaining('properties.a.id is not a known keyword'),
    ]);
  });

  it('annotations and extensions are no rules, names of properties are not keywords', async () => {
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

  it('unknown keywords and formats are warned about, with their place', async () => {
    const schema = { properties: { a: { maxLenght: 3, format: 'cidr' } } };
    expect(await messages(schema, { a: 'long' })).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining(
        'components.schemas.ClusterSpec.properties.a.maxLenght is not a known keyword',
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
      'spec.child.child.size must be integer (got "x")',
    ]);
  });

  it('references reach any place in the document', async () => {
    const specs = await withSchemas(
      { ClusterSpec: { properties: { a: { $ref: '#/x-shared/a~1b/0/c%20d' } } } },
      '3.1.0',
      { 'x-shared': { 'a/b': [{ 'c d': { type: 'string' } }] } },
    );
    expect(specs.validate(cluster, { a: 1 })).toMatchObject([{ field: 'spec.a' }]);
  });
});
