import { join } from 'node:path';
import { ConfigError } from '../../src/config/config';
import { createSpecValidator } from '../../src/specs/spec-validator';
import { directory, file, log, withSchemas } from '../support/provider-schemas';

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
    [
      'a file that is not there',
      () => createSpecValidator(join(directory, 'none.yaml'), {}, log),
      'ENOENT',
    ],
    ['a directory', () => createSpecValidator(directory, {}, log), 'EISDIR'],
    [
      'a file that is not YAML',
      () => createSpecValidator(file('a: [1,\nb: }'), {}, log),
      'is not YAML',
    ],
    [
      'YAML with a key twice',
      () => createSpecValidator(file('openapi: 3.0.0\nopenapi: 3.0.0'), {}, log),
      'line 2',
    ],
    ['an empty file', () => createSpecValidator(file(''), {}, log), 'is not an OpenAPI 3 document'],
    [
      'YAML that is not OpenAPI',
      () => createSpecValidator(file('a: 1'), {}, log),
      'has no openapi member',
    ],
    [
      'YAML that contains itself',
      () => createSpecValidator(file('openapi: 3.0.0\na: &a {b: *a}'), {}, log),
      'is not usable YAML',
    ],
    [
      'Swagger 2',
      () => createSpecValidator(file("openapi: '2.0'"), {}, log),
      'has another openapi version',
    ],
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
      `${at}.$ref './other.yaml#/A' leads out`,
    ],
    ['a reference to a host', { $ref: 'https://example.com/a.json' }, `${at}.$ref 'https:`],
    ['a reference to the process', { $ref: 'file:///etc/passwd' }, `${at}.$ref 'file:`],
    [
      'a reference to nothing',
      { $ref: '#/components/schemas/Nope' },
      `${at}.$ref '#/components/schemas/Nope' does not exist`,
    ],
    ['a reference by anchor', { $ref: '#here' }, `${at}.$ref '#here' does not exist`],
    ['a reference that is no text', { $ref: 7 }, `${at}.$ref must be a text`],
    ['a dynamic reference', { $dynamicRef: '#a' }, `${at}.$dynamicRef is not supported`],
    ['an unknown type', { type: 'strin' }, `${at}.type must be`],
    ['a negative length', { items: { maxLength: -1 } }, `${at}.items.maxLength must be >= 0`],
    [
      'a required that is a flag',
      { anyOf: [{ required: true }] },
      `${at}.anyOf.0.required must be array`,
    ],
    ['a pattern that is none', { pattern: '(?<' }, `${at}.pattern Invalid regular expression`],
    [
      'a name pattern that is none',
      { patternProperties: { '[': true } },
      `${at}.patternProperties Invalid`,
    ],
    ['a schema that is a text', 'string', `${at} must be a schema`],
    [
      'properties that are a list',
      { properties: [] },
      `${at}.properties must be an object of schemas`,
    ],
    ['forms that are not a list', { oneOf: {} }, `${at}.oneOf must be a list of schemas`],
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
    expect(specs.validate('Cluster', {})).toEqual([]);
  });
});
