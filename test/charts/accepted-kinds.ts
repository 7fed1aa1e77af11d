import { parseDocument } from 'yaml';
import { BUILT_IN } from '../../src/kinds/built-in';
import { declareKinds } from '../../src/kinds/declare';
import {
  apiOf,
  environmentOf,
  expectMounted,
  find,
  kinds,
  type Manifest,
  serveEnv,
} from './manifest';
import { LOOKALIKES } from './lookalikes';
import type { ValueSet } from './value-set';

const CHANNEL = { kind: 'Channel', plural: 'channels', required_adapters: LOOKALIKES };
const VERSION = {
  kind: 'Version',
  plural: 'versions',
  parent_kind: 'Channel',
  on_parent_delete: 'restrict',
  spec_schema_name: '0o17',
  require_spec_schema: false,
  name_min_len: 0,
  name_max_len: 40,
  references: [{ ref_type: 'base_image', target_kind: 'Channel', min: 0, max: 1 }],
};
const CLUSTER = { kind: 'Cluster', plural: 'clusters', required_adapters: ['dns'] };
const ADAPTERS = ['HYPERFLEET_CLUSTER_ADAPTERS', 'HYPERFLEET_NODEPOOL_ADAPTERS'];

/** `entities` of the mounted file, read as the service reads it. */
const entitiesOf = (manifests: Manifest[]): unknown => {
  const { data } = find(manifests, 'ConfigMap', 'hyperfleet-api-kinds');
  expect(Object.keys(data ?? {})).toEqual(['kinds.yaml']);
  const document = parseDocument(data?.['kinds.yaml'] ?? '', { merge: true });
  expect(document.errors).toEqual([]);
  return (document.toJS() as { entities: unknown }).entities;
};

/** Required adapters by kind, of a service with this file and these variables. */
const requiredAdapters = (manifests: Manifest[]) => {
  const environment = serveEnv(manifests);
  const chosen = BUILT_IN.map(({ kind }, index) => [
    kind,
    JSON.parse(environment[ADAPTERS[index]!] ?? 'null') ?? undefined,
  ]);
  const declared = declareKinds(entitiesOf(manifests), Object.fromEntries(chosen));
  expect(declared.faults).toEqual([]);
  return Object.fromEntries(
    [...declared.kinds.values()].map((kind) => [kind.name, kind.requiredAdapters]),
  );
};

/** Who declares kinds, and which adapters they require. */
export const KINDS: ValueSet[] = [
  {
    name: 'no kinds: no file, and adapters left to the service',
    values: { kinds: [] },
    check: (manifests) => {
      const environment = serveEnv(manifests);
      for (const name of ['HYPERFLEET_KINDS_FILE', ...ADAPTERS]) {
        expect(environment).not.toHaveProperty(name);
      }
      expect(manifests.map(({ metadata }) => metadata.name)).not.toContain('hyperfleet-api-kinds');
    },
  },
  {
    name: 'kinds, in a file as it was given, for the container that reads it',
    values: { kinds: [CHANNEL, VERSION] },
    check: (manifests) => {
      expect(entitiesOf(manifests)).toEqual([CHANNEL, VERSION]);
      expect(requiredAdapters(manifests)).toEqual({
        ...Object.fromEntries(BUILT_IN.map((kind) => [kind.kind, kind.required_adapters])),
        Channel: LOOKALIKES,
        Version: [],
      });
      const pod = apiOf(manifests);
      expect(environmentOf(pod.containers[0]).HYPERFLEET_KINDS_FILE).toBe(
        '/etc/hyperfleet/kinds/kinds.yaml',
      );
      expectMounted(pod.containers[0], 'kinds');
      expect(pod.volumes).toContainEqual({
        name: 'kinds',
        configMap: { name: 'hyperfleet-api-kinds' },
      });
      expect(kinds(manifests).filter((kind) => kind === 'Deployment')).toHaveLength(1);
    },
  },
  {
    name: 'adapters of a built-in kind that its entry names',
    values: { kinds: [CLUSTER] },
    check: (manifests) => {
      expect(requiredAdapters(manifests)).toEqual({
        Cluster: ['dns'],
        NodePool: ['validation', 'hypershift'],
      });
    },
  },
  {
    name: 'adapters that win over the entry of a built-in kind',
    values: { kinds: [CLUSTER], adapters: { cluster: ['hypershift'], nodepool: [] } },
    check: (manifests) => {
      expect(requiredAdapters(manifests)).toEqual({ Cluster: ['hypershift'], NodePool: [] });
    },
  },
];
