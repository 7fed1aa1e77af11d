import { find, type Manifest } from './manifest';
import type { ValueSet } from './value-set';

const limits = (manifests: Manifest[]) => {
  const { minAvailable, maxUnavailable } = find(manifests, 'PodDisruptionBudget').spec ?? {};
  return { minAvailable, maxUnavailable };
};

/** How many pods a drain may evict: exactly one of the two limits is there. */
export const BUDGETS: ValueSet[] = [
  {
    name: 'a disruption budget without a limit: one pod',
    values: { podDisruptionBudget: { enabled: true } },
    check: (manifests) => {
      expect(limits(manifests)).toEqual({ maxUnavailable: 1 });
    },
  },
  {
    name: 'a disruption budget with a number of pods that stay',
    values: { replicaCount: 3, podDisruptionBudget: { enabled: true, minAvailable: 2 } },
    check: (manifests) => {
      expect(limits(manifests)).toEqual({ minAvailable: 2 });
    },
  },
  {
    name: 'a disruption budget with a percentage of pods that stay',
    values: { podDisruptionBudget: { enabled: true, minAvailable: '50%' } },
    check: (manifests) => {
      expect(limits(manifests)).toEqual({ minAvailable: '50%' });
    },
  },
  {
    name: 'a disruption budget for pods that the autoscaler counts',
    values: {
      replicaCount: 1,
      autoscaling: { enabled: true, minReplicas: 3 },
      podDisruptionBudget: { enabled: true, minAvailable: 2, maxUnavailable: null },
    },
    check: (manifests) => {
      expect(limits(manifests)).toEqual({ minAvailable: 2 });
    },
  },
  {
    name: 'a disruption budget while the service is stopped',
    values: { replicaCount: 0, podDisruptionBudget: { enabled: true, minAvailable: 2 } },
    check: (manifests) => {
      expect(limits(manifests)).toEqual({ minAvailable: 2 });
    },
  },
];
