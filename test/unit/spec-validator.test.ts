import { readDocument } from '../../src/specs/documents';
import { createSpecValidator, type SpecValidator } from '../../src/specs/spec-validator';
import {
  cluster,
  createValidator,
  file,
  log,
  nodePool,
  warnings,
  withSchemas,
} from '../support/provider-schemas';

const PROVIDER = `
openapi: 3.0.3
info: { title: Provider, version: '1' }
paths: {}
components:
  schemas:
    ClusterSpec:
      type: object
      required: [region, version]
      additionalProperties: false
      properties:
        region: { type: string, enum: [us-east-1, eu-west-1], x-console: { label: Region } }
        version: { type: string, pattern: '^4\\.\\d+$', example: '4.19' }
        nodes: { type: integer, format: int32, minimum: 1, exclusiveMinimum: true, maximum: 500, default: 3 }
        note: { type: string, nullable: true, maxLength: 10 }
        created: { type: string, format: date-time, readOnly: true }
        network: { $ref: '#/components/schemas/Network' }
        admin_password: { type: string, minLength: 12, pattern: '[0-9]' }
        pools:
          type: array
          maxItems: 2
          items: { $ref: '#/components/schemas/NodePoolSpec' }
    NodePoolSpec:
      type: object
      properties:
        size: { type: integer }
    Network:
      type: object
      required: [cidr]
      properties:
        cidr: { type: string, format: ipv4 }
        mtu: { type: integer, multipleOf: 2 }
`;

describe('the schemas of a provider', () => {
  let specs: SpecValidator;
  beforeEach(async () => {
    specs = await createValidator(file(PROVIDER));
  });

  it('let a good spec pass', () => {
    const spec = {
      region: 'us-east-1',
      version: '4.19',
      nodes: 2,
      note: null,
      created: '2026-01-31T12:00:00Z',
      network: { cidr: '10.0.0.0', extra: true },
      pools: [{ size: 1 }, {}],
    };
    expect(specs.validate(cluster, spec)).toEqual([]);
    expect(specs.validate(nodePool, { size: 3, more: 'x' })).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('name every property at fault at once', () => {
    const spec = {
      region: 'moon',
      nodes: 1,
      note: 'much too long',
      created: '2026-13-01T12:00:00Z',
      network: { mtu: 3 },
      pools: [{ size: '1' }, {}, { size: 1.5 }],
      colour: 'blue',
    };
    expect(specs.validate(cluster, spec)).toEqual([
      { field: 'spec.version', message: 'spec.version is required', constraint: 'required' },
      {
        field: 'spec.colour',
        message: 'spec.colour is not allowed (got "blue")',
        constraint: 'additionalProperties',
        value: 'blue',
      },
      {
        field: 'spec.region',
        message:
          'spec.region must be equal to one of the allowed values: "us-east-1", "eu-west-1" (got "moon")',
        constraint: 'enum',
        value: 'moon',
      },
      {
        field: 'spec.nodes',
        message: 'spec.nodes must be > 1 (got 1)',
        constraint: 'exclusiveMinimum',
        value: 1,
      },
      {
        field: 'spec.note',
        message: 'spec.note must NOT have more than 10 characters (got "much too long")',
        constraint: 'maxLength',
        value: 'much too long',
      },
      {
        field: 'spec.created',
        message:
          'spec.created must be an RFC 3339 time, such as 2026-01-15T10:00:00Z (got "2026-13-01T12:00:00Z")',
        constraint: 'format',
        value: '2026-13-01T12:00:00Z',
      },
      {
        field: 'spec.network.cidr',
        message: 'spec.network.cidr is required',
        constraint: 'required',
      },
      {
        field: 'spec.network.mtu',
        message: 'spec.network.mtu must be multiple of 2 (got 3)',
        constraint: 'multipleOf',
        value: 3,
      },
      {
        field: 'spec.pools',
        message: 'spec.pools must NOT have more than 2 items',
        constraint: 'maxItems',
      },
      {
        field: 'spec.pools.0.size',
        message: 'spec.pools.0.size must be integer (got "1")',
        constraint: 'type',
        value: '1',
      },
      {
        field: 'spec.pools.2.size',
        message: 'spec.pools.2.size must be integer (got 1.5)',
        constraint: 'type',
        value: 1.5,
      },
    ]);
  });

  it('neither convert values nor fill in defaults', () => {
    const spec = { region: 'us-east-1', version: '4.1', network: { cidr: '10.0.0.0' } };
    const before = structuredClone(spec);
    expect(specs.validate(cluster, spec)).toEqual([]);
    expect(spec).toEqual(before);
    expect(specs.validate(cluster, { ...spec, nodes: '5' })).toHaveLength(1);
  });

  it('never repeat a secret', () => {
    const spec = { region: 'us-east-1', version: '4.1', admin_password: 'hunter!' };
    const fields = specs.validate(cluster, spec);
    expect(fields.map(({ constraint }) => constraint)).toEqual(['minLength', 'pattern']);
    expect(JSON.stringify(fields)).not.toContain('hunter');
  });

  it('are read from JSON too', async () => {
    const text = JSON.stringify({
      openapi: '3.1.1',
      components: { schemas: { ClusterSpec: { required: ['a'] }, NodePoolSpec: {} } },
    });
    const json = await createValidator(file(text, 'provider.json'));
    expect(json.validate(cluster, {})).toMatchObject([{ field: 'spec.a' }]);
  });

  it('report a hundred properties at most', async () => {
    const many = await withSchemas({ ClusterSpec: { additionalProperties: { type: 'string' } } });
    const spec = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`m${index}`, index]),
    );
    expect(many.validate(cluster, spec)).toHaveLength(100);
  });
});

describe('without a document of a provider', () => {
  const contract = {
    openapi: '3.0.3',
    components: {
      schemas: { ClusterSpec: { type: 'object' }, NodePoolSpec: { required: ['size'] } },
    },
  };

  it('the fallback document decides', async () => {
    const specs = await createValidator(undefined, contract);
    expect(specs.validate(cluster, { any: { thing: [1] } })).toEqual([]);
    expect(specs.validate(nodePool, {})).toMatchObject([{ field: 'spec.size' }]);
    expect(warnings).toEqual([]);
  });
});

it('refuses to go without the schema of a kind that requires one, and says where it looked', async () => {
  const strict = { ...cluster, requireSpecSchema: true };
  const validatorFor = async (path?: string) =>
    createSpecValidator(await readDocument(path, { openapi: '3.0.3' }), [strict], log);
  const lacks =
    'has no components.schemas.ClusterSpec, which Cluster requires (require_spec_schema)';
  await expect(validatorFor()).rejects.toThrow(
    `the built-in contract (OPENAPI_SCHEMA_PATH is not set) ${lacks}`,
  );
  const path = file('openapi: 3.0.3');
  await expect(validatorFor(path)).rejects.toThrow(`OPENAPI_SCHEMA_PATH='${path}' ${lacks}`);
});

it('skips a kind that has no schema, with a warning', async () => {
  const specs = await withSchemas({ NodePoolSpec: { required: ['size'] } });
  expect(specs.validate(cluster, { anything: 1 })).toEqual([]);
  expect(specs.validate(nodePool, {})).toHaveLength(1);
  expect(warnings).toEqual([
    expect.stringMatching(
      /no components\.schemas\.ClusterSpec: the spec of a Cluster is not validated$/,
    ),
  ]);
});

it('ends a validation that a costly pattern would draw out', async () => {
  const specs = await withSchemas({ ClusterSpec: { properties: { a: { pattern: '^(a+)+$' } } } });
  const start = Date.now();
  expect(specs.validate(cluster, { a: `${'a'.repeat(60)}!` })).toMatchObject([
    { field: 'spec', constraint: 'timeLimit' },
  ]);
  expect(Date.now() - start).toBeLessThan(5000);
  expect(warnings.at(-1)).toContain('took too long');
  expect(specs.validate(cluster, { a: 'aaa' })).toEqual([]);
});
