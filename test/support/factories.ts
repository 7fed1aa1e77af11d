import type { components } from '../../generated/openapi';

type Schemas = components['schemas'];

let serial = 0;

/** A name nobody else has in this test file. */
export function uniqueName(prefix = 'c'): string {
  serial++;
  return `${prefix}-${serial.toString(36)}-${process.pid.toString(36)}`;
}

export function newCluster(
  overrides: Partial<Schemas['ClusterCreateRequest']> = {},
): Schemas['ClusterCreateRequest'] {
  return {
    kind: 'Cluster',
    name: uniqueName('cluster'),
    spec: { region: 'us-west-2', version: '4.15', nodes: 3 },
    labels: { env: 'production' },
    ...overrides,
  };
}

export function newNodePool(
  overrides: Partial<Schemas['NodePoolCreateRequest']> = {},
): Schemas['NodePoolCreateRequest'] {
  return {
    kind: 'NodePool',
    name: uniqueName('p').slice(0, 15).replace(/-$/, ''),
    spec: { instance_type: 'm5.2xlarge', replicas: 3 },
    labels: { role: 'worker' },
    ...overrides,
  };
}

type Status = Schemas['ConditionStatus'];

/** A report whose conditions are given by type, `Available=True, Applied=True, Health=True` unless said. */
export function newReport(
  adapter: string,
  generation = 1,
  conditions: Record<string, Status> = {},
  observedTime: string | undefined = new Date().toISOString(),
): Schemas['AdapterStatusCreateRequest'] {
  const statuses = { Available: 'True', Applied: 'True', Health: 'True', ...conditions };
  return {
    adapter,
    observed_generation: generation,
    observed_time: observedTime,
    conditions: Object.entries(statuses).map(([type, status]) => ({
      type,
      status: status as Status,
      reason: `${type}Reason`,
      message: `${adapter} says ${type} is ${status}`,
    })),
    data: { source: adapter },
  };
}
