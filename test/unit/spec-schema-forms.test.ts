import { fields } from '../support/provider-schemas';

describe('a value of one of several forms', () => {
  const aws = {
    required: ['type', 'aws'],
    properties: { type: { enum: ['aws'] }, aws: { type: 'object' } },
  };
  const gcp = {
    required: ['type', 'gcp'],
    properties: { type: { const: 'gcp' }, gcp: { properties: { id: { minLength: 3 } } } },
  };
  const others = { Aws: { type: 'object', ...aws }, Gcp: { type: 'object', ...gcp } };
  const forms = [{ $ref: '#/components/schemas/Aws' }, { $ref: '#/components/schemas/Gcp' }];
  const schema = {
    required: ['name'],
    properties: { platform: { oneOf: forms, discriminator: { propertyName: 'type' } } },
  };

  it('is told on one line what each form lacks, and everything else', async () => {
    const spec = { platform: { type: 'gcp', gcp: { id: 'x' } }, other: 1 };
    expect(await fields(schema, spec, '3.0.3', others)).toEqual([
      { field: 'spec.name', message: 'spec.name is required', constraint: 'required' },
      {
        field: 'spec.platform',
        message:
          'spec.platform must match exactly one schema in oneOf: spec.platform.aws is required; or spec.platform.gcp.id must NOT have fewer than 3 characters (got "x")',
        constraint: 'oneOf',
      },
    ]);
  });

  it('is told the types when it has none of them', async () => {
    const either = {
      properties: { a: { anyOf: [{ type: 'string', minLength: 2 }, { type: 'null' }] } },
    };
    expect(await fields(either, { a: 5 })).toEqual([
      {
        field: 'spec.a',
        message:
          'spec.a must match a schema in anyOf (got 5): spec.a must be string (got 5); or spec.a must be null (got 5)',
        constraint: 'anyOf',
        value: 5,
      },
    ]);
  });

  it('is told when it matches more than one', async () => {
    const both = {
      properties: { a: { oneOf: [{ minLength: 9 }, { maxLength: 5 }, { pattern: '^a' }, {}] } },
    };
    expect(await fields(both, { a: 'abc' })).toEqual([
      {
        field: 'spec.a',
        message: 'spec.a must match exactly one schema in oneOf (got "abc")',
        constraint: 'oneOf',
        value: 'abc',
      },
    ]);
  });

  it('keeps what other rules say about the same value, forms within forms included', async () => {
    const nested = {
      properties: {
        a: {
          minLength: 5,
          allOf: [
            { pattern: '^x' },
            {
              anyOf: [
                { type: 'null' },
                { anyOf: [{ type: 'integer' }, { pattern: '^b', type: 'string' }] },
              ],
            },
            { $ref: '#/components/schemas/Short' },
          ],
        },
        b: { type: 'integer' },
      },
    };
    const short = { Short: { maxLength: 2, oneOf: [{ type: 'integer' }, { enum: ['x'] }] } };
    const found = await fields(nested, { a: 'abc', b: 'x' }, '3.1.0', short);
    expect(found.map(({ field, constraint }) => `${field} ${constraint}`).sort()).toEqual([
      'spec.a anyOf',
      'spec.a maxLength',
      'spec.a minLength',
      'spec.a oneOf',
      'spec.a pattern',
      'spec.b type',
    ]);
  });

  it('is not told a secret that one of the forms may have', async () => {
    const secret = { properties: { token: { anyOf: [{ minLength: 9 }, { type: 'null' }] } } };
    const found = await fields(secret, { token: 'hunter2' });
    expect(found).toMatchObject([{ field: 'spec.token', constraint: 'anyOf' }]);
    expect(JSON.stringify(found)).not.toContain('hunter2');
  });
});
