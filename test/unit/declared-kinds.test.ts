import { CLUSTER, NODE_POOL } from '../../src/kinds/built-in';
import { MAX_NAME_LENGTH } from '../../src/kinds/declaration';
import { declareKinds } from '../../src/kinds/declare';
import { getKind } from '../../src/kinds/kind';

const channel = { kind: 'Channel', plural: 'channels' };
const version = { kind: 'Version', plural: 'versions', parent_kind: 'Channel' };
const builtIn = { kind: 'NodePool', plural: 'nodepools' };
const wif = { kind: 'WifConfig', plural: 'wifconfigs' };

const declare = (...entities: object[]) => declareKinds(entities, {});
const faultsOf = (...entities: object[]) => declare(...entities).faults;
const references = (...list: object[]) => ({ ...channel, references: list });

describe('a declared kind', () => {
  test('has the defaults of the design, and its parent even if that comes later in the file', () => {
    const { kinds, faults } = declare(version, channel);
    expect(faults).toEqual([]);
    expect([...kinds.keys()]).toEqual(['Cluster', 'Channel', 'NodePool', 'Version']);
    expect(getKind(kinds, 'Version')).toEqual({
      ...{ name: 'Version', plural: 'versions', noun: 'version', idParameter: 'version_id' },
      parent: getKind(kinds, 'Channel'),
      ...{ onParentDelete: 'cascade', requiredAdapters: [], specSchema: undefined },
      ...{ requireSpecSchema: false, nameLength: { min: 1, max: MAX_NAME_LENGTH } },
      ...{ references: [], lowestObservedGeneration: 0 },
    });
  });

  test.each([
    ['WifConfig', 'wif config'],
    ['DNSZone', 'DNS zone'],
    ['A', 'a'],
    ['Http2Route', 'http2 route'],
  ])('named %s is called %s in messages', (kind, noun) => {
    expect(getKind(declare({ kind, plural: 'things' }).kinds, kind).noun).toBe(noun);
  });

  test('may have any number of references: 0 counts as no maximum', () => {
    const type = { ref_type: 'wif_config', target_kind: 'WifConfig', min: 1, max: 0 };
    const { kinds, faults } = declare(references(type), wif);
    expect(faults).toEqual([]);
    expect(getKind(kinds, 'Channel').references).toEqual([
      { type: 'wif_config', targetKind: 'WifConfig', min: 1, max: undefined },
    ]);
  });

  test('may require a reference to its parent, and allow one to its children', () => {
    const required = { ref_type: 'channel', target_kind: 'Channel', min: 1 };
    const allowed = { ref_type: 'default', target_kind: 'Version', max: 1 };
    expect(faultsOf(references(allowed), { ...version, references: [required] })).toEqual([]);
  });

  test('may be named like a property that every object has', () => {
    const { kinds, faults } = declare({
      ...{ kind: 'Constructor', plural: 'constructor' },
      references: [{ ref_type: 'constructor', target_kind: 'Constructor' }],
    });
    expect(faults).toEqual([]);
    expect(kinds.has('Constructor')).toBe(true);
  });
});

describe('an entry about a built-in kind', () => {
  test('may restate it and change what belongs to the operator', () => {
    const change = {
      ...NODE_POOL,
      lowest_observed_generation: undefined,
      ...{ required_adapters: ['validation'], on_parent_delete: 'restrict' as const },
      ...{ spec_schema_name: 'Pool', require_spec_schema: true, name_max_len: 10 },
    };
    delete change.lowest_observed_generation;
    const { kinds, faults } = declare(change);
    expect(faults).toEqual([]);
    expect(getKind(kinds, 'NodePool')).toMatchObject({
      ...{ requiredAdapters: ['validation'], onParentDelete: 'restrict', specSchema: 'Pool' },
      ...{ requireSpecSchema: true, nameLength: { min: 3, max: 10 }, lowestObservedGeneration: 1 },
      parent: { name: 'Cluster' },
    });
  });

  test('may require its schema, which has a name already', () => {
    const { kinds, faults } = declare({ ...builtIn, require_spec_schema: true });
    expect(faults).toEqual([]);
    expect(getKind(kinds, 'NodePool').requireSpecSchema).toBe(true);
  });

  test('changes nothing that it does not name', () => {
    const { kinds } = declare({ kind: 'Cluster', plural: 'clusters' });
    expect(getKind(kinds, 'Cluster').requiredAdapters).toEqual(CLUSTER.required_adapters);
    expect(getKind(kinds, 'Cluster').specSchema).toBe('ClusterSpec');
  });

  test('loses against adapters that are configured otherwise', () => {
    const entry = { kind: 'Cluster', plural: 'clusters', required_adapters: ['a'] };
    const { kinds } = declareKinds([entry], { Cluster: ['b'], NodePool: undefined });
    expect(getKind(kinds, 'Cluster').requiredAdapters).toEqual(['b']);
  });
});

describe('a fault', () => {
  test.each<[string, object[], string]>([
    ['no name', [{ plural: 'channels' }], 'entities.0.kind is required'],
    ['a name in lower case', [{ ...channel, kind: 'channel' }], 'entities.0.kind must match'],
    [
      'a plural in upper case',
      [{ ...channel, plural: 'Channels' }],
      'entities.0.plural must match',
    ],
    [
      'a plural of the service itself',
      [{ ...channel, plural: 'errors' }],
      'entities.0.plural must not be one of resources, errors, compatibility, openapi, statuses',
    ],
    ['an unknown property', [{ ...channel, color: 'red' }], 'entities.0.color is not allowed'],
    [
      'a word that means nothing',
      [channel, { ...version, on_parent_delete: 'keep' }],
      'entities.1.on_parent_delete must be equal to one of the allowed values: "cascade", "restrict" (got "keep")',
    ],
    [
      'conditions',
      [{ ...channel, conditions: [] }],
      'entities.0.conditions is not supported: conditions cannot be declared for a kind',
    ],
    [
      'a kind that is there twice',
      [channel, { ...channel, plural: 'others' }],
      "entities.1.kind is 'Channel', which entities.0 declares already",
    ],
    [
      'kinds that differ only in case',
      [channel, { kind: 'CHANNEL', plural: 'others' }],
      "entities.1.kind is 'CHANNEL', which differs from Channel only in case",
    ],
    [
      'a plural that is there twice',
      [channel, { kind: 'Other', plural: 'channels' }],
      "entities.1.plural is 'channels', which is the plural of Channel",
    ],
    [
      'the plural of a built-in kind',
      [{ ...channel, plural: 'clusters' }],
      "entities.0.plural is 'clusters', which is the plural of Cluster",
    ],
    ['an unknown parent', [version], "entities.0.parent_kind is 'Channel', which is not declared"],
    [
      'a third level',
      [{ ...version, parent_kind: 'NodePool' }],
      "entities.0.parent_kind is 'NodePool', which has a parent of its own",
    ],
    [
      'itself as parent',
      [{ ...version, parent_kind: 'Version' }],
      "entities.0.parent_kind is 'Version', which has a parent of its own",
    ],
    [
      'a schema that must be there and has no name',
      [{ ...channel, require_spec_schema: true }],
      'entities.0.require_spec_schema needs spec_schema_name',
    ],
    [
      'adapters with one condition type',
      [{ ...channel, required_adapters: ['dns', 'Dns'] }],
      "entities.0.required_adapters contains 'dns' and 'Dns', which share the condition type DnsSuccessful",
    ],
    [
      'an adapter that is there twice',
      [{ ...channel, required_adapters: ['dns', 'dns'] }],
      "entities.0.required_adapters contains 'dns' twice",
    ],
    [
      'lengths that no name has',
      [{ ...channel, name_min_len: 9, name_max_len: 8 }],
      'entities.0.name_max_len is 8, less than name_min_len',
    ],
    [
      'a name longer than the tables allow',
      [{ ...channel, name_max_len: 101 }],
      'entities.0.name_max_len must be <= 100 (got 101)',
    ],
    [
      'an unknown target',
      [references({ ref_type: 'wif_config', target_kind: 'WifConfig' })],
      "entities.0.references.0.target_kind is 'WifConfig', which is not declared",
    ],
    [
      'a maximum below the minimum',
      [references({ ref_type: 'wif', target_kind: 'WifConfig', min: 2, max: 1 }), wif],
      'entities.0.references.0.max is 1, less than min',
    ],
    [
      'a reference type that is there twice',
      [references(...[1, 2].map(() => ({ ref_type: 'wif', target_kind: 'WifConfig' }))), wif],
      "entities.0.references.1.ref_type 'wif' is declared more than once",
    ],
    [
      'a resource that must refer to its own kind',
      [references({ ref_type: 'next', target_kind: 'Channel', min: 1 })],
      'entities.0.references.0 makes a cycle: it requires Channel, which cannot exist without Channel',
    ],
    [
      'a cycle of required references',
      [
        references({ ref_type: 'wif', target_kind: 'WifConfig', min: 1 }),
        { ...wif, references: [{ ref_type: 'channel', target_kind: 'Channel', min: 1 }] },
      ],
      'entities.1.references.0 makes a cycle: it requires Channel, which cannot exist without WifConfig',
    ],
    [
      'a resource that must refer to a child of its own kind',
      [references({ ref_type: 'default', target_kind: 'Version', min: 1 }), version],
      'entities.0.references.0 makes a cycle: it requires Version, which cannot exist without Channel',
    ],
    [
      'a cycle of required references that leads through a parent',
      [
        references(
          { ref_type: 'any', target_kind: 'Version' },
          { ref_type: 'wif', target_kind: 'WifConfig', min: 1 },
        ),
        { ...wif, references: [{ ref_type: 'version', target_kind: 'Version', min: 1 }] },
        version,
      ],
      'entities.0.references.1 makes a cycle: it requires WifConfig, which cannot exist without Channel',
    ],
    [
      'another plural for a built-in kind',
      [{ ...builtIn, plural: 'pools' }],
      "entities.0.plural must be 'nodepools': NodePool is built in",
    ],
    [
      'a parent for a built-in kind that has none',
      [{ kind: 'Cluster', plural: 'clusters', parent_kind: 'Channel' }, channel],
      'entities.0.parent_kind must be absent: Cluster is built in',
    ],
    [
      'longer names for a built-in kind',
      [{ ...builtIn, name_max_len: 16 }],
      'entities.0: names of a NodePool must stay within 3 to 15 characters',
    ],
  ])('is %s', (_what, entities, fault) => {
    expect(faultsOf(...entities)).toContainEqual(expect.stringContaining(fault));
  });

  test('does not hide the others', () => {
    const faults = faultsOf(
      { kind: 'bad', plural: 'BAD', x: 1 },
      { ...version, parent_kind: 'Nobody' },
      references({ ref_type: 'a', target_kind: 'Nothing', min: 3, max: 2 }),
    );
    expect(faults).toHaveLength(6);
  });

  test('of form hides no other of its entry, and is none of the entries that refer to it', () => {
    const faults = faultsOf(
      {
        ...{ kind: 'Bb', plural: 'bbs', parent_kind: 'Zed', note: 'x' },
        ...{ name_min_len: 5, name_max_len: 2 },
      },
      { kind: 'Cc', plural: 'ccs', references: [{ ref_type: 'bb', target_kind: 'Bb' }] },
    );
    expect(faults).toEqual([
      'entities.0.note is not allowed (got "x")',
      "entities.0.parent_kind is 'Zed', which is not declared",
      'entities.0.name_max_len is 2, less than name_min_len',
    ]);
  });

  test.each([
    ['no plural', { plural: undefined }, 'plural is required'],
    ['a parent', { parent_kind: 1 }, 'parent_kind must be string (got 1)'],
    [
      'references',
      { references: [{ ref_type: 'a', target_kind: 'Nothing', min: 'x' }] },
      'references.0.min must be integer (got "x")',
    ],
    [
      'a schema',
      { spec_schema_name: 1, require_spec_schema: true },
      'spec_schema_name must be string (got 1)',
    ],
  ])('is no more than that where it is of form: %s', (_what, wrong, fault) => {
    const other = { kind: 'Other', plural: 'others' };
    const entities = [
      { ...channel, ...wrong },
      { ...other, ...wrong },
      { ...builtIn, ...wrong },
    ];
    const { kinds, faults } = declare(...entities, version);
    expect(faults).toEqual(entities.map((_, index) => `entities.${index}.${fault}`));
    expect([...kinds.keys()]).toEqual(['Cluster', 'NodePool']);
  });

  test('is anything but a list', () => {
    expect(declareKinds({ kind: 'Channel' }, {}).faults).toEqual(['entities must be a list']);
  });
});
