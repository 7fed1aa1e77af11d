import { CLUSTER_ADAPTERS, CLUSTERS, NODE_POOLS_EACH, ownersOf } from './fleet';
import type { Source } from './load';
import {
  type Context,
  creates,
  flips,
  gets,
  lastPages,
  listPath,
  lists,
  mixed,
  patches,
  poll,
  reports,
  somePaths,
  unchangedGets,
} from './requests';

export interface Workload {
  name: string;
  title: string;
  /** Measured with each of them. */
  connections: readonly [number, ...number[]];
  source(context: Context): Source | Promise<Source>;
}

export const GET: Workload = {
  name: 'get',
  title: 'GET by id',
  connections: [32, 1, 16, 64],
  source: gets,
};

export const FIRST_PAGE: Workload = {
  name: 'list-first',
  title: 'list, first page',
  connections: [16, 1, 64],
  source: () => lists(listPath({})),
};

const LAST_PAGES: Workload = {
  name: 'list-last',
  title: 'list, last pages',
  connections: [8],
  source: lastPages,
};

export const LABEL: Workload = {
  name: 'label',
  title: 'label search, 100 of a tenth of the fleet',
  connections: [8],
  source: () => lists(listPath({ pageSize: 100, search: "labels.tenth='yes'" })),
};

const NO_LABEL: Workload = {
  name: 'label-none',
  title: 'label search, no match',
  connections: [8],
  source: () => lists(listPath({ search: "labels.tenth='perhaps'" })),
};

const CONDITION: Workload = {
  name: 'condition',
  title: 'condition search, 20 of half the fleet',
  connections: [8],
  source: () => lists(listPath({ search: "status.conditions.Ready='False'" })),
};

export const REPORT: Workload = {
  name: 'report',
  title: 'status report, only times change',
  connections: [16, 1, 64],
  source: ({ fleet }) => reports(fleet),
};

export const CREATE: Workload = {
  name: 'create',
  title: 'create',
  connections: [16],
  source: creates,
};

export const MIXED: Workload = {
  name: 'mixed',
  title: 'mixed: 70 % GET, 20 % reports, 8 % lists, 2 % creates',
  connections: [32, 1, 16, 64],
  source: mixed,
};

export const WORKLOADS: readonly Workload[] = [
  GET,
  {
    name: 'get-304',
    title: 'GET by id with If-None-Match, 304',
    connections: [32],
    source: unchangedGets,
  },
  FIRST_PAGE,
  LAST_PAGES,
  LABEL,
  NO_LABEL,
  CONDITION,
  {
    name: 'name-none',
    title: 'by name, no match',
    connections: [16],
    source: () => lists(listPath({ search: "name='nobody'" })),
  },
  {
    name: 'node-pools',
    title: `node pools of a cluster, ${NODE_POOLS_EACH}`,
    connections: [16],
    source: ({ fleet }) =>
      lists(...fleet.ids.slice(0, ownersOf(fleet)).map((id) => `${CLUSTERS}/${id}/nodepools`)),
  },
  {
    name: 'statuses',
    title: `statuses of a cluster, ${CLUSTER_ADAPTERS.length}`,
    connections: [16],
    source: ({ fleet }) => lists(...somePaths(fleet).map((path) => `${path}/statuses`)),
  },
  {
    name: 'poll',
    title: "Sentinel's poll: 100 a page, all of half the fleet",
    connections: [1, 16, 64],
    source: (context) => poll(context),
  },
  {
    name: 'poll-gzip',
    title: 'the same, compressed as Go clients ask for it',
    connections: [16, 1],
    source: (context) => poll(context, { 'Accept-Encoding': 'gzip' }),
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

/** The lists whose growth with the fleet is watched. */
export const LISTS: readonly Workload[] = [
  FIRST_PAGE,
  {
    name: 'name',
    title: 'by name',
    connections: [16],
    source: ({ fleet: { size } }) =>
      lists(
        ...Array.from({ length: 100 }, (_, n) =>
          listPath({ search: `name='cluster-${Math.floor((size * n) / 100)}'` }),
        ),
      ),
  },
  LAST_PAGES,
  {
    name: 'list-middle',
    title: 'list, a page in the middle',
    connections: [8],
    source: ({ fleet }) => lists(listPath({ page: Math.ceil(fleet.size / 40) })),
  },
  LABEL,
  NO_LABEL,
  CONDITION,
  {
    name: 'spec-none',
    title: 'spec field =, no match',
    connections: [8],
    source: () => lists(listPath({ search: "spec.region='nowhere'" })),
  },
  {
    name: 'stale',
    title: 'Ready older than a moment, 100 of half the fleet',
    connections: [8],
    source: ({ fleet: { begin, size } }) => {
      const moment = new Date(begin + (size * 1000) / 2).toISOString();
      const search = `status.conditions.Ready.last_updated_time < '${moment}'`;
      return lists(listPath({ pageSize: 100, search }));
    },
  },
];

/** About the whole fleet, to see what many reports leave behind. */
export const REPORTS_EVERYWHERE: Workload = {
  name: 'reports-everywhere',
  title: 'status reports on every cluster',
  connections: [16],
  source: ({ fleet }) => reports(fleet, { first: 0, count: fleet.size }),
};
