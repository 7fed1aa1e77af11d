import { join } from 'node:path';
import { ConfigError } from '../../src/config/config';
import {
  cluster,
  createValidator,
  directory,
  file,
  withSchemas,
} from '../support/provider-schemas';

async function startError(make: () => Promise<unknown>): Promise<string> {
  const error = await make().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message;
}

describe('the process refuses to start', () => {
  it.each([
    ['a file that does not exist', () => createValidator(join(directory, 'none.yaml')), 'ENOENT'],
    ['a directory', () => createValidator(directory), 'EISDIR'],
    ['a file that is not YAML', () => createValidator(file('a: [1,\nb: }')), 'is not YAML'],
    [
      'YAML with a key twice',
      () => createValidator(file('openapi: 3.0.0\nopenapi: 3.0.0')),
      'line 2',
    ],
    ['an empty file', () => createValidator(file('')), 'is not an OpenAPI 3 document'],
    ['YAML that is not OpenAPI', () => createValidator(file('a: 1')), 'has no openapi property'],
    [
      'YAML that contains itself',
      () => createValidator(file('openapi: 3.0.0\na: &a {b: *a}')),
      'is not usable YAML',
    ],
    ['Swagger 2', () => createValidator(file("openapi: '2.0'")), 'has another openapi version'],
  ])('on %s', async (_, make, words) => {
    const message = await startError(make);
    expect(message).toContain(words);
    expect(message).toContain(`OPENAPI_SCHEMA_PATH='${directory}`);
  });

  const at = 'components.schemas.ClusterSpec.properties.x';
  it.each<[string, unknown, string]>([
    [
      'a reference to a file',
      { $ref: './other.yaml#/A' },
      `${at}.$ref './other.yaml#/A' is not a place in this document`,
    ],
    ['a reference to a host', { $ref: 'https://example.com/a.json' }, `${at}.$ref 'https:`],
    ['a reference to the process', { $ref: 'file:///etc/passwd' }, `${at}.$ref 'file:`],
    [
      'a reference to nothing',
      { $ref: '#/components/schemas/Nope' },
      `${at}.$ref '#/components/schemas/Nope' is not a place`,
    ],
    ['a reference by anchor', { $ref: '#here' }, `${at}.$ref '#here' is not a place`],
    ['a reference that is not a string', { $ref: 7 }, `${at}.$ref '7' is not a place`],
    ['a dynamic reference', { $dynamicRef: '#a' }, `${at}.$dynamicRef is not supported`],
    ['an unknown type', { type: 'strin' }, `${at}.type must be`],
    ['a negative length', { items: { maxLength: -1 } }, `${at}.items.maxLength must be >= 0`],
    [
      'a required that is a flag',
      { anyOf: [{ required: true }] },
      `${at}.anyOf.0.required must be array`,
    ],
    ['a pattern that is not valid', { pattern: '(?<' }, `${at}.pattern Invalid regular expression`],
    [
      'a name pattern that is not valid',
      { patternProperties: { '[': true } },
      `${at}.patternProperties Invalid regular expression`,
    ],
    ['a schema that is a string', 'string', `${at} must be a schema`],
    ['properties that are a list', { properties: [] }, `${at}.properties must be object`],
    ['forms that are not a list', { oneOf: {} }, `${at}.oneOf must be array`],
    [
      'a schema that refers back to itself',
      { $ref: `#/${at.replaceAll('.', '/')}` },
      `refers back to itself`,
    ],
    [
      'one that does so through a form',
      { allOf: [{ $ref: `#/${at.replaceAll('.', '/')}` }] },
      `refers back to itself`,
    ],
  ])('on %s', async (_, x, words) => {
    const make = () => withSchemas({ ClusterSpec: { properties: { x } }, NodePoolSpec: {} });
    expect(await startError(make)).toContain(words);
  });

  it.each<[string, string, unknown, string]>([
    [
      '3.0.3',
      'a limit that is a number',
      { exclusiveMinimum: 5 },
      'exclusiveMinimum must be boolean',
    ],
    [
      '3.1.0',
      'a limit that is a flag',
      { exclusiveMinimum: true },
      'exclusiveMinimum must be number',
    ],
    [
      '3.0.3',
      'a pattern that is not valid',
      { pattern: '(?<' },
      'pattern Invalid regular expression',
    ],
    ['3.0.3', 'an unknown type', { type: 'strin' }, 'type must be'],
    ['3.0.3', 'a list for a schema', { items: [{}] }, 'items must be a schema'],
    ['3.0.3', 'a schema without a value', { not: null }, 'not must be a schema'],
  ])('%s: on %s', async (openapi, _, x, words) => {
    const make = () => withSchemas({ ClusterSpec: { properties: { x } } }, openapi);
    expect(await startError(make)).toContain(`${at}.${words}`);
  });

  it('on a kind whose schema has no value', async () => {
    const make = () => withSchemas({ ClusterSpec: null });
    expect(await startError(make)).toContain('components.schemas.ClusterSpec must be a schema');
  });

  it('on two schemas that only refer to each other', async () => {
    const make = () =>
      withSchemas({
        ClusterSpec: { properties: { a: { $ref: '#/components/schemas/A' } } },
        A: { if: { $ref: '#/components/schemas/B' } },
        B: { dependentSchemas: { a: { $ref: '#/components/schemas/A' } } },
      });
    expect(await startError(make)).toContain('components.schemas.A refers back to itself');
  });

  it('naming all places at once', async () => {
    const make = () =>
      withSchemas({
        ClusterSpec: { properties: { a: { $ref: 'a.yaml' } } },
        NodePoolSpec: { properties: { b: { pattern: '(' } } },
      });
    const message = await startError(make);
    expect(message).toContain('ClusterSpec.properties.a.$ref');
    expect(message).toContain('NodePoolSpec.properties.b.pattern');
  });

  it('but not on what the two schemas do not use', async () => {
    const specs = await withSchemas(
      { ClusterSpec: {}, NodePoolSpec: {}, Other: { $ref: 'https://example.com/x' } },
      '3.0.3',
      { paths: { '/x': { $ref: './paths.yaml' } } },
    );
    expect(specs.validate(cluster, {})).toEqual([]);
  });
});
