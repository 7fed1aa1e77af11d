import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Document,
  type Json,
  listOperations,
  readContract,
  type Schema,
} from '../../src/contract/document';
import { expandContract } from '../../src/contract/expand';
import { declareKinds } from '../../src/kinds/declare';
import { DECLARED_KINDS } from '../support/declared-kinds';

const ROOT = join(__dirname, '..', '..');
const B = '/api/hyperfleet/v1';

const contract = readContract(20);
const expanded = expandContract(contract, DECLARED_KINDS).document;

function expand(...entities: object[]) {
  const { kinds, faults } = declareKinds(entities, {});
  expect(faults).toEqual([]);
  return expandContract(contract, kinds);
}

const beside = (all: object, known: object): Json =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !Object.hasOwn(known, name)));

/** The paths and components that a document has and the contract has not. */
function added({ paths, components }: Document) {
  const known = contract.components as Record<string, object>;
  const sections = Object.entries(components).map(([name, all]) => beside(all, known[name]!));
  return { paths: beside(paths, contract.paths), components: sections };
}

const schema = (document: Document, name: string): Schema => document.components.schemas[name]!;
const nameIn = (document: Document, name: string) => schema(document, name).properties!.name;

/** By path, with the methods in the order of the contract. */
const TOP = {
  '/channels': 'getChannels postChannel',
  '/channels/{channel_id}': 'getChannelById patchChannelById deleteChannelById',
  '/channels/{channel_id}/force-delete': 'forceDeleteChannel',
  '/channels/{channel_id}/statuses': 'getChannelStatuses postChannelStatuses putChannelStatuses',
};
const NESTED = {
  '/channels/{channel_id}/versions': 'getVersionsByChannelId createVersion',
  '/channels/{channel_id}/versions/{version_id}':
    'getVersionById patchVersionById deleteVersionById',
  '/channels/{channel_id}/versions/{version_id}/force-delete': 'forceDeleteVersion',
  '/channels/{channel_id}/versions/{version_id}/statuses':
    'getVersionsStatuses postVersionStatuses putVersionStatuses',
};
const FLAT = {
  '/versions': 'getVersions',
  '/versions/{version_id}': 'getVersion patchVersion deleteVersion',
  '/versions/{version_id}/force-delete': 'forceDeleteVersionById',
  '/versions/{version_id}/statuses':
    'getVersionStatusesById postVersionStatusesById putVersionStatusesById',
};

it('names the operations of declared kinds as those of built-in ones', () => {
  const ids: Record<string, string> = {};
  for (const { path, id } of listOperations(expanded)) {
    if (path in contract.paths || path.includes('wifconfig')) continue;
    const route = path.slice(B.length);
    ids[route] = ids[route] === undefined ? id : `${ids[route]} ${id}`;
  }
  expect(ids).toEqual({ ...TOP, ...NESTED, ...FLAT });
});

it('says of each operation what it does with which kind', () => {
  const verbs = listOperations(expanded).flatMap(({ id, on }) =>
    on?.kind === 'Version' ? [`${id} ${on.verb}`] : [],
  );
  expect(verbs).toContain('createVersion create');
  expect(verbs).toContain('forceDeleteVersionById force-delete');
  expect(verbs).toHaveLength(17);
});

it('leaves nothing of the built-in kinds in what it clones', () => {
  const { document } = expand(
    { kind: 'Channel', plural: 'channels' },
    { kind: 'Version', plural: 'versions', parent_kind: 'Channel' },
    { kind: 'HTTPRoute', plural: 'httproutes', parent_kind: 'Channel' },
  );
  const text = JSON.stringify(added(document));
  expect(text.match(/.{0,40}(cluster|node ?pool).{0,40}/gi)).toBeNull();
  expect(text).not.toMatch(/\ba HTTP route\b/);
  expect(text).toMatch(/Create an HTTP route/);
  expect(text).toMatch(/List the HTTP routes of a channel/);
  expect(text).toContain(
    `"id":"201kf0hj0808sjpk9ga01xy0xj2","kind":"Channel","href":"${B}/channels/`,
  );
});

it('names one kind correctly whose name contains that of another', () => {
  const { document, faults } = expand(
    { kind: 'ClusterSet', plural: 'clustersets' },
    { kind: 'NodePoolSet', plural: 'nodepoolsets', parent_kind: 'ClusterSet' },
  );
  expect(faults).toEqual([]);
  const ids = listOperations(document).map(({ id }) => id as string);
  expect(ids).toEqual(expect.arrayContaining(['getClusterSets', 'getNodePoolSetsByClusterSetId']));
  expect(Object.keys(document.paths)).toContain(
    `${B}/clustersets/{clusterset_id}/nodepoolsets/{nodepoolset_id}`,
  );
  expect(schema(document, 'NodePoolSet').description).toBe(
    'A node pool set with its current status.',
  );
});

it('gives each declared kind a tag, next to those of the built-in kinds', () => {
  const tags = expanded.tags as { name: string; description: string }[];
  expect(tags.map(({ name }) => name).slice(0, 5)).toEqual([
    ...['Clusters', 'Node pools', 'Channels', 'Wif configs', 'Versions'],
  ]);
  expect(tags[4]!.description).toBe('Versions and their desired state. Each belongs to a channel.');
});

describe('names of resources', () => {
  it('have the declared limits in requests only, so that a tighter one spares what is stored', () => {
    const { document } = expand({
      ...{ kind: 'Channel', plural: 'channels', name_min_len: 5, name_max_len: 7 },
    });
    const create = schema(document, 'ChannelCreateRequest');
    expect(nameIn(document, 'ChannelCreateRequest')).toMatchObject({ minLength: 5, maxLength: 7 });
    expect(nameIn(document, 'Channel')).toMatchObject({ minLength: 1, maxLength: 100 });
    expect((create.example as Json).name).toBe('my-chan');
  });

  it('are limited to what is declared for a built-in kind, in requests', () => {
    const { document } = expand({ kind: 'Cluster', plural: 'clusters', name_max_len: 20 });
    expect(nameIn(document, 'ClusterCreateRequest')).toMatchObject({ minLength: 3, maxLength: 20 });
    expect(nameIn(document, 'Cluster')).toMatchObject({ minLength: 3, maxLength: 53 });
  });
});

it('lets a child that no adapter has looked at be at generation 0, unlike a node pool', () => {
  const minimum = (name: string) => schema(expanded, name).properties!.observed_generation!.minimum;
  expect(schema(expanded, 'Version').properties!.status).toEqual({
    $ref: '#/components/schemas/VersionStatus',
  });
  expect(minimum('VersionStatus')).toBe(0);
  expect(minimum('NodePoolStatus')).toBe(1);
});

it('shows references only where the kind declares some', () => {
  const with_ = (form: string) => ({ $ref: `#/components/schemas/${form}` });
  const references = (kind: string) =>
    ['', 'CreateRequest', 'PatchRequest', 'MergePatchRequest'].map(
      (form) => schema(expanded, kind + form).properties!.references,
    );
  const all = [...Array<object>(3).fill(with_('References')), with_('ReferencesMergePatch')];
  expect(references('Version')).toEqual(all);
  expect(references('Cluster')).toEqual(all);
  const none = Array<undefined>(4).fill(undefined);
  expect(references('Channel')).toEqual(none);
  expect(references('NodePool')).toEqual(none);
  expect(schema(expanded, 'Cluster').description).toMatch(
    /References: `wif_config` \(0 to 1 WifConfig\)\.$/,
  );
});

describe('what the contract has already', () => {
  const clashes = (...entities: object[]) =>
    expand(...entities).faults.map(
      (fault) => /^the kind (.+), which .+ already has$/.exec(fault)![1],
    );

  it.each([
    [
      'Error',
      'failures',
      [
        'operationId getErrors',
        'operationId getErrorById',
        'component Error',
        'component ErrorList',
      ],
    ],
    ['Adapter', 'adapters', ['component AdapterStatus']],
    ['Labels', 'labels', ['component Labels']],
    ['Conflict', 'conflicts', ['component Conflict']],
    ['Service', 'service', ['tag Service']],
  ])('cannot be declared again: %s', (kind, plural, names) => {
    expect(clashes({ kind, plural })).toEqual(names.map((name) => `${kind} needs the ${name}`));
  });

  it('is listed for Resource in full', () => {
    const needed = ['operationId getResources', 'operationId forceDeleteResource'].concat([
      'component Resource',
      'component ResourceList',
      'component ResourceMarked',
    ]);
    expect(clashes({ kind: 'Resource', plural: 'things' })).toEqual(
      expect.arrayContaining(needed.map((name) => `Resource needs the ${name}`)),
    );
  });

  it('includes what another kind has', () => {
    const { faults } = expand(
      { kind: 'Foo', plural: 'foos' },
      { kind: 'FooList', plural: 'foolists' },
    );
    expect(faults).toEqual([
      'the kind FooList needs the component FooList, which the kind Foo already has',
    ]);
  });

  it('is not claimed by others where an entry gives a built-in kind another plural', () => {
    const { kinds, faults } = declareKinds(
      [
        { kind: 'Cluster', plural: 'dogs' },
        { kind: 'NodePool', plural: 'pools' },
        { kind: 'Dog', plural: 'dogs' },
        { kind: 'Puppy', plural: 'puppies', parent_kind: 'Dog' },
      ],
      {},
    );
    expect(faults).toEqual([
      "entities.0.plural must be 'clusters': Cluster is built in",
      "entities.1.plural must be 'nodepools': NodePool is built in",
    ]);
    expect(expandContract(contract, kinds).faults).toEqual([]);
  });

  it('is not what every object inherits', () => {
    const { document, faults } = expand({ kind: 'Constructor', plural: 'constructor' });
    expect(faults).toEqual([]);
    expect(Object.keys(document.paths)).toContain(`${B}/constructor/{constructor_id}`);
    expect(schema(document, 'Constructor').properties!.kind).toMatchObject({
      enum: ['Constructor'],
    });
  });
});

it('leaves the contract as it is', () => {
  const before = structuredClone(contract);
  expandContract(contract, DECLARED_KINDS);
  expect(contract).toEqual(before);
});

it('is a document that the linter accepts', () => {
  const directory = mkdtempSync(join(tmpdir(), 'expand-'));
  try {
    const file = join(directory, 'openapi.json');
    writeFileSync(file, JSON.stringify(expanded));
    const redocly = join(ROOT, 'node_modules', '.bin', 'redocly');
    const args = ['lint', '--config', join(ROOT, 'redocly.yaml'), file];
    const env = { ...process.env, REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
    execFileSync(redocly, args, { env, stdio: 'pipe' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 60_000);
