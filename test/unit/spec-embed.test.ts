import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { readContract } from '../../src/contract/document';
import { expandContract } from '../../src/contract/expand';
import { embedSpecSchemas } from '../../src/specs/embed';
import { DECLARED_KINDS } from '../support/declared-kinds';
import { directory, file } from '../support/provider-schemas';

const ROOT = join(__dirname, '..', '..');
const contract = expandContract(readContract(20), DECLARED_KINDS).document;

type Schemas = Record<string, unknown>;

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function embed(schemas: Schemas, openapi = '3.0.3') {
  const document = { openapi, paths: {}, components: { schemas } };
  const provider = { document, name: 'provider.yaml', builtIn: false };
  return embedSpecSchemas(contract, DECLARED_KINDS.values(), provider);
}

const shown = (schemas: Schemas, openapi?: string): Schemas =>
  embed(schemas, openapi).components.schemas;

const text = { type: 'string' };

it('shows the schema of a spec with all that it refers to, and leaves other kinds open', () => {
  const ChannelSpec = {
    type: 'object',
    additionalProperties: ref('Zone'),
    properties: { network: ref('Network'), zones: { type: 'array', items: ref('Zone') } },
  };
  const Network = { oneOf: [ref('Zone'), { not: ref('Zone') }] };
  const result = shown({ ChannelSpec, Network, Zone: text, Unused: text });
  expect(result).toMatchObject({ ChannelSpec, Network, Zone: text });
  expect(result).not.toHaveProperty('Unused');
  expect(result.WifConfigSpec).toEqual(contract.components.schemas.WifConfigSpec);
  expect(result.Channel).toMatchObject({ properties: { spec: ref('ChannelSpec') } });
});

it('gives what it copies a name that is free, everywhere it is referred to', () => {
  const result = shown({
    ChannelSpec: { properties: { labels: ref('Labels'), conflict: ref('Conflict') } },
    Labels: { discriminator: { propertyName: 'x', mapping: { a: 'Page', b: '#/nothing' } } },
    Conflict: { allOf: [ref('Labels')] },
    Page: text,
  });
  expect(result.ChannelSpec).toEqual({
    properties: { labels: ref('Labels2'), conflict: ref('Conflict2') },
  });
  expect(result.Labels2).toEqual({
    discriminator: {
      propertyName: 'x',
      mapping: { a: '#/components/schemas/Page2', b: '#/nothing' },
    },
  });
  expect(result.Conflict2).toEqual({ allOf: [ref('Labels2')] });
  expect(result.Labels).toEqual(contract.components.schemas.Labels);
});

it('follows schemas that contain themselves, and parts of schemas', () => {
  const ChannelSpec = {
    properties: { children: { items: ref('ChannelSpec') }, size: ref('Sizes/properties/a~1b') },
  };
  const Sizes = { properties: { 'a/b': { type: 'integer' } } };
  expect(shown({ ChannelSpec, Sizes })).toMatchObject({
    ChannelSpec: { properties: { children: { items: ref('ChannelSpec') }, size: ref('a_b') } },
    a_b: { type: 'integer' },
  });
});

it('takes examples and names of properties for what they are', () => {
  const ChannelSpec = {
    properties: { example: ref('Zone'), items: ref('Zone') },
    example: { $ref: 'data', items: { $ref: 'data' } },
    enum: [{ $ref: 'data' }],
  };
  expect(shown({ ChannelSpec, Zone: text }).ChannelSpec).toEqual(ChannelSpec);
});

it('shows one schema for two kinds', () => {
  const result = embedSpecSchemas(
    contract,
    Array.from(DECLARED_KINDS.values(), (kind) => ({ ...kind, specSchema: 'Any' })),
    {
      document: { openapi: '3.0.0', components: { schemas: { Any: { properties: { a: text } } } } },
      name: 'provider.yaml',
      builtIn: false,
    },
  ).components.schemas;
  expect(result.ChannelSpec).toEqual({ properties: { a: text } });
  expect(result.ClusterSpec).toEqual(result.ChannelSpec);
});

it('cannot show a schema of OpenAPI 3.1, and says so', () => {
  const result = shown({ ChannelSpec: { type: ['object', 'null'] } }, '3.1.0');
  expect(result.ChannelSpec).toMatchObject({
    type: 'object',
    description: expect.stringMatching(/validated with a schema in OpenAPI 3\.1\.0/),
  });
  expect(result.VersionSpec).toEqual(contract.components.schemas.VersionSpec);
});

it('leaves out examples that the schema would refuse, and the document is still valid', () => {
  const strict = { type: 'object', required: ['own'], properties: { own: text } };
  const names = ['ClusterSpec', 'NodePoolSpec', 'ChannelSpec', 'VersionSpec', 'WifConfigSpec'];
  const document = embed(Object.fromEntries(names.map((name) => [name, strict])));
  expect(contract.components.schemas.Channel).toHaveProperty('example');
  expect(document.components.schemas.Channel).not.toHaveProperty('example');
  const path = file(JSON.stringify(document), 'shown.json');
  execFileSync(
    join(ROOT, 'node_modules', '.bin', 'redocly'),
    ['lint', '--config', join(ROOT, 'redocly.yaml'), path],
    {
      cwd: directory,
      env: { ...process.env, REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      stdio: 'pipe',
    },
  );
}, 60_000);
