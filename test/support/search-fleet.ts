import type { Knex } from 'knex';

/** Ids are a 2, zeros and the first letter of the name, so that a result reads as letters. */
export function idOf(letter: string): string {
  return letter.padStart(26, '0').padStart(27, '2');
}

export function nameOf(id: string): string {
  return id.length === 27 && id.startsWith('20') ? id.slice(-1) : id.charAt(0);
}

interface Resource {
  kind: string;
  name: string;
  owner?: string;
  /** Types, and the targets as letters. */
  references?: Record<string, string>;
  spec?: object;
  labels?: Record<string, string>;
  row?: Record<string, unknown>;
  status?: Record<string, unknown>;
  conditions?: object[];
}

const DAY = (day: number): string => `2026-01-0${day}T00:00:00.000Z`;

const CLUSTERS: Omit<Resource, 'kind'>[] = [
  {
    name: 'alpha',
    spec: {
      region: 'us-east',
      nodes: 3,
      on: true,
      a: { b: { c: 'deep' } },
      list: [1, { x: 1 }],
      'odd key.': 'q',
      nothing: null,
      'what?': 'yes',
    },
    labels: {
      env: 'prod',
      shard: '1',
      'app.kubernetes.io/name': 'web',
      'my-key': 'x',
      'a.b/c': 'y',
    },
    status: { ready: true, available: true, phase: 'Ready', ready_last_updated_time: DAY(2) },
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'ResourceReady',
        message: 'All good',
        observed_generation: 2,
        last_transition_time: DAY(1),
        created_time: DAY(1),
        last_updated_time: DAY(2),
      },
      {
        type: 'DnsSuccessful',
        status: 'True',
        reason: 'Done',
        message: 'It\'s 100% "done"',
        observed_generation: 2,
        last_transition_time: DAY(2),
        created_time: DAY(1),
        last_updated_time: DAY(3),
      },
    ],
    row: { generation: 2, created_by: 'ann@example.com', created_time: '2026-01-01T12:00:00.123Z' },
  },
  {
    name: 'bravo',
    spec: { region: 'us-west', nodes: '3', on: 'true', a: { b: { c: 5 } } },
    labels: { env: 'prod', shard: '2', empty: '', on: 'true' },
    status: { ready: false, available: true, phase: 'NotReady', ready_last_updated_time: DAY(1) },
    conditions: [
      {
        type: 'Available',
        status: 'True',
        reason: 'ResourceAvailable',
        observed_generation: 1,
        last_transition_time: DAY(4),
        created_time: DAY(1),
        last_updated_time: DAY(5),
      },
      {
        type: 'DnsSuccessful',
        status: 'False',
        observed_generation: 1,
        last_transition_time: DAY(3),
        created_time: DAY(2),
        last_updated_time: DAY(4),
      },
    ],
    row: { created_by: 'bob@example.com', created_time: '2026-01-02T12:00:00Z' },
  },
  {
    name: 'charlie',
    spec: { region: 'US-EAST', nodes: 10, on: false, a: [{ b: 1 }], version: '4.14' },
    labels: { env: 'stage', shard: '10' },
    status: { phase: 'Failed', observed_generation: 0 },
    conditions: [{ type: 'a.bSuccessful', status: 'True', observed_generation: 1 }],
    row: { generation: 7, created_by: 'Ann@example.com', created_time: '2026-01-03T12:00:00Z' },
  },
  {
    name: 'delta',
    row: {
      deleted_time: '2026-01-05T00:00:00Z',
      deleted_by: 'bob@example.com',
      created_time: '2026-01-04T12:00:00Z',
    },
  },
  {
    name: 'echo',
    spec: { region: '100%', nodes: 2.5, path: 'c:\\x', list: '1', nodes_text: '10' },
    labels: { env: 'Prod' },
    row: { created_time: '2026-01-05T12:00:00Z', updated_time: '2026-01-09T00:00:00Z' },
  },
];

const NODE_POOLS: Omit<Resource, 'kind'>[] = [
  { name: 'victor', owner: 'a', labels: { role: 'infra' }, spec: { replicas: 2 } },
  {
    name: 'whiskey',
    owner: 'a',
    labels: { role: 'worker' },
    spec: { replicas: 4 },
    status: { ready: true, phase: 'Ready' },
  },
  {
    name: 'xray',
    owner: 'b',
    labels: { role: 'infra', env: 'prod' },
    status: { observed_generation: 0 },
  },
  {
    name: 'yankee',
    owner: 'c',
    spec: { replicas: '2' },
    conditions: [{ type: 'HypershiftSuccessful', status: 'True' }],
  },
];

/** Resources of three more kinds, and one of a kind that is no longer declared; targets come first. */
const OTHERS: Resource[] = [
  { kind: 'WifConfig', name: 'mike', references: { cluster: 'a' } },
  { kind: 'WifConfig', name: 'november', labels: { env: 'prod' }, status: { ready: true } },
  { kind: 'Channel', name: 'foxtrot', references: { wif_config: 'n' } },
  {
    kind: 'Channel',
    name: 'golf',
    row: { deleted_time: '2026-01-05T00:00:00Z', deleted_by: 'bob@example.com' },
  },
  { kind: 'Version', name: 'papa', owner: 'f', references: { wif_config: 'm' } },
  {
    kind: 'Version',
    name: 'quebec',
    owner: 'f',
    references: { wif_config: 'nm', replaces: 'p' },
    labels: { env: 'prod' },
  },
  { kind: 'Version', name: 'romeo', owner: 'g', status: { observed_generation: 0 } },
  { kind: 'Ghost', name: 'zulu', references: { wif_config: 'm' }, labels: { env: 'prod' } },
];

const ADAPTERS = [
  { adapter: 'dns', observed_generation: 1, created_time: DAY(1), last_report_time: DAY(2) },
  { adapter: 'hypershift', observed_generation: 2, created_time: DAY(2), last_report_time: DAY(3) },
  { adapter: 'validation', observed_generation: 2, created_time: DAY(1), last_report_time: DAY(5) },
];

/**
 * Five clusters a–e, four node pools v–y of the first three, three reports about the first cluster; two channels f and g,
 * three versions p–r of theirs, two WIF configurations m and n; and a stray z.
 */
export async function insertFleet(knex: Knex): Promise<void> {
  for (const resource of CLUSTERS) await insert(knex, { kind: 'Cluster', ...resource });
  for (const resource of NODE_POOLS) await insert(knex, { kind: 'NodePool', ...resource });
  for (const resource of OTHERS) await insert(knex, resource);
  for (const owner of ['a', 'b']) {
    await knex('adapter_statuses').insert(
      ADAPTERS.map((row) => ({ ...row, resource_id: idOf(owner), conditions: '[]', data: '{}' })),
    );
  }
}

async function insert(knex: Knex, resource: Resource): Promise<void> {
  const { kind, name, owner, spec = {}, labels = {}, row, status, conditions = [] } = resource;
  const id = idOf(name.charAt(0));
  await knex('resources').insert({
    id,
    kind,
    owner_id: owner === undefined ? null : idOf(owner),
    name,
    spec: JSON.stringify(spec),
    labels: JSON.stringify(labels),
    generation: 1,
    created_time: DAY(1),
    created_by: 'system@hyperfleet.local',
    updated_time: DAY(6),
    updated_by: 'system@hyperfleet.local',
    ...row,
  });
  for (const [key, value] of Object.entries(labels)) {
    await knex('resource_labels').insert({ kind, key, value, resource_id: id });
  }
  for (const [ref_type, targets] of Object.entries(resource.references ?? {})) {
    for (const target of targets) {
      const row = { referrer_id: id, ref_type, target_id: idOf(target) };
      await knex('resource_references').insert(row);
    }
  }
  await knex('resource_status').insert({
    resource_id: id,
    kind,
    version: 1,
    conditions: JSON.stringify(conditions),
    ready: false,
    available: false,
    ready_last_updated_time: DAY(6),
    phase: 'NotReady',
    last_transition_time: DAY(6),
    observed_generation: 1,
    last_updated_time: DAY(6),
    ...status,
  });
}
