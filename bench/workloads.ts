import { CLUSTER_ADAPTERS, clusterId, NODE_POOLS_EACH, ownersOf } from './fleet';
import {
  CLUSTERS,
  type Context,
  create,
  flips,
  gets,
  lastPages,
  listPath,
  lists,
  mixed,
  partOf,
  patches,
  poll,
  reports,
  someIds,
  type Source,
  unchangedGets,
} from './requests';

export interface Workload {
  name: string;
  title: string;
  /** The first is the one that is held against the mark. */
  connections: readonly number[];
  /** The least it should reach, as a ratio to the baseline's GET by id at 32 connections. */
  mark?: number;
  source(context: Context): Source | Promise<Source>;
}

export const GET: Workload = {
  name: 'get',
  title: 'GET by id',
  connections: [32, 1, 16, 64],
  mark: 0.9,
  source: gets,
};

export const LIST: Workload = {
  name: 'list-first',
  title: 'list, first page',
  connections: [16, 1, 64],
  mark: 0.22,
  source: () => lists(listPath({})),
};

export const LABEL: Workload = {
  name: 'label',
  title: 'label search, 100 of a tenth of the fleet',
  connections: [8],
  mark: 0.05,
  source: () => lists(listPath({ size: 100, search: "labels.tenth='yes'" })),
};

export const REPORT: Workload = {
  ...{ name: 'report', title: 'status report, only times change' },
  ...{ connections: [16, 1, 64], mark: 0.3 },
  source: (context) => reports(context, partOf(context.fleet, 'report')),
};

export const CREATE: Workload = {
  ...{ name: 'create', title: 'create', connections: [16], mark: 0.35 },
  source: () => ({ expected: [201], next: create }),
};

export const MIXED: Workload = {
  ...{ name: 'mixed', title: 'mixed: 70 % GET, 20 % reports, 8 % lists, 2 % creates' },
  ...{ connections: [32, 1, 16, 64], mark: 0.45, source: mixed },
};

export const WORKLOADS: readonly Workload[] = [
  GET,
  {
    ...{ name: 'get-304', title: 'the same, If-None-Match answered 304' },
    ...{ connections: [32], mark: 1.1, source: unchangedGets },
  },
  LIST,
  { name: 'list-last', title: 'list, last pages', connections: [8], mark: 0.15, source: lastPages },
  LABEL,
  {
    ...{ name: 'label-none', title: 'label search, no match', connections: [8], mark: 0.5 },
    source: () => lists(listPath({ search: "labels.tenth='perhaps'" })),
  },
  {
    ...{ name: 'condition', title: 'condition search, 20 of half the fleet' },
    ...{ connections: [8], mark: 0.15 },
    source: () => lists(listPath({ search: "status.conditions.Ready='False'" })),
  },
  {
    ...{ name: 'name-none', title: 'by name, no match', connections: [16], mark: 0.7 },
    source: () => lists(listPath({ search: "name='nobody'" })),
  },
  {
    ...{ name: 'node-pools', title: `node pools of a cluster, ${NODE_POOLS_EACH}` },
    ...{ connections: [16], mark: 0.4 },
    source: ({ fleet }) =>
      lists(
        ...Array.from(
          { length: ownersOf(fleet) },
          (_, n) => `${CLUSTERS}/${clusterId(fleet, n)}/nodepools`,
        ),
      ),
  },
  {
    ...{ name: 'statuses', title: `statuses of a cluster, ${CLUSTER_ADAPTERS.length}` },
    ...{ connections: [16], mark: 0.7 },
    source: ({ fleet }) => lists(...someIds(fleet).map((id) => `${CLUSTERS}/${id}/statuses`)),
  },
  {
    ...{ name: 'poll', title: "Sentinel's poll: 100 a page, all of half the fleet" },
    ...{ connections: [1, 16, 64], source: (context) => poll(context) },
  },
  {
    ...{ name: 'poll-gzip', title: 'the same, compressed as Go clients ask for it' },
    ...{ connections: [1], source: (context) => poll(context, 'Accept-Encoding: gzip\r\n') },
  },
  REPORT,
  {
    name: 'report-flip',
    title: 'status report that flips Ready',
    connections: [16],
    source: flips,
  },
  CREATE,
  { name: 'patch', title: 'PATCH', connections: [16], source: patches },
  MIXED,
];

/** About the whole fleet, to see what many reports leave behind. */
export const REPORTS_EVERYWHERE: Workload = {
  ...{ name: 'reports-everywhere', title: 'status reports on every cluster', connections: [16] },
  source: (context) => reports(context, { first: 0, count: context.fleet.size }),
};
