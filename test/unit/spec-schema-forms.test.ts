import { messages } from '../support/provider-schemas';

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

  it('is told what is wrong with the form it means, and everything else', async () => {
    const spec = { platform: { type: 'gcp', gcp: { id: 'x' } }, other: 1 };
    expect(await messages(schema, spec, '3.0.3', others)).toEqual([
      'spec.name is required',
      'spec.platform.gcp.id must have at least 3 characters, not 1',
    ]);
  });

  it('is told the choice when it means none', async () => {
    expect(
      await messages(schema, { name: 'x', platform: { type: 'ibm' } }, '3.0.3', others),
    ).toEqual([
      'spec.platform matches none of its allowed forms: spec.platform.aws is required; or: spec.platform.gcp is required',
    ]);
  });

  it('is told the types when it has none of them', async () => {
    const either = {
      properties: { a: { anyOf: [{ type: 'string', minLength: 2 }, { type: 'null' }] } },
    };
    expect(await messages(either, { a: 5 })).toEqual(['spec.a must be a text or null, not 5']);
    expect(await messages(either, { a: 'x' })).toEqual([
      'spec.a must have at least 2 characters, not 1',
    ]);
  });

  it('is told when it matches more than one', async () => {
    const both = {
      properties: { a: { oneOf: [{ minLength: 9 }, { maxLength: 5 }, { pattern: '^a' }] } },
    };
    expect(await messages(both, { a: 'abc' })).toEqual([
      'spec.a matches more than one of its forms and must match one',
    ]);
  });

  it('keeps what other rules say about the same value, forms within forms included', async () => {
    const nested = {
      properties: {
        a: {
          minLength: 5,
          anyOf: [
            { type: 'null' },
            { anyOf: [{ type: 'integer' }, { pattern: '^b', type: 'string' }] },
          ],
        },
        b: { type: 'integer' },
      },
    };
    expect((await messages(nested, { a: 'abc', b: 'x' })).sort()).toEqual([
      'spec.a must have at least 5 characters, not 3',
      "spec.a must match the pattern ^b, not 'abc'",
      "spec.b must be a whole number, not 'x'",
    ]);
  });
});
