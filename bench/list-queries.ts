import { listPath, lists } from './requests';
import type { Workload } from './workloads';

const half = (size: number) => Math.max(1, Math.floor(size / 20 / 2));

/** The lists whose growth with the fleet is watched. */
export const LIST_QUERIES: readonly Workload[] = [
  {
    ...{ name: 'lists/first', title: 'first page', connections: [16], mark: 0.2 },
    source: () => lists(listPath({})),
  },
  {
    ...{ name: 'lists/name', title: 'by name', connections: [16], mark: 0.7 },
    source: ({ fleet }) =>
      lists(
        ...Array.from({ length: 100 }, (_, n) =>
          listPath({ search: `name='cluster-${Math.floor((fleet.size * n) / 100)}'` }),
        ),
      ),
  },
  {
    ...{ name: 'lists/last', title: 'last page', connections: [8], mark: 0.15 },
    source: ({ fleet }) => lists(listPath({ page: Math.ceil(fleet.size / 20) })),
  },
  {
    ...{ name: 'lists/middle', title: 'a page in the middle', connections: [8], mark: 0.02 },
    source: ({ fleet }) => lists(listPath({ page: half(fleet.size) })),
  },
  {
    ...{
      name: 'lists/label',
      title: 'label, a tenth matches (100 a page)',
      connections: [8],
      mark: 0.03,
    },
    source: () => lists(listPath({ size: 100, search: "labels.tenth='yes'" })),
  },
  {
    ...{ name: 'lists/label-none', title: 'label, nothing matches', connections: [8], mark: 0.5 },
    source: () => lists(listPath({ search: "labels.tenth='perhaps'" })),
  },
  {
    ...{ name: 'lists/not-ready', title: 'condition Ready=False, half matches' },
    ...{ connections: [8], mark: 0.03 },
    source: () => lists(listPath({ search: "status.conditions.Ready='False'" })),
  },
  {
    ...{
      name: 'lists/spec-none',
      title: 'spec field =, nothing matches',
      connections: [8],
      mark: 0.4,
    },
    source: () => lists(listPath({ search: "spec.region='nowhere'" })),
  },
  {
    ...{ name: 'lists/stale', title: 'Ready older than a moment, half matches (100 a page)' },
    connections: [8],
    source: ({ fleet }) => {
      const moment = new Date(fleet.begin + (fleet.size * 1000) / 2).toISOString();
      const stale = `status.conditions.Ready.last_updated_time < '${moment}'`;
      return lists(listPath({ size: 100, search: stale }));
    },
  },
];
