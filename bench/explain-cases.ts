import { RESOURCE_COLUMNS, RESOURCE_TABLES } from '../src/repositories/rows';
import type { ListScope } from '../src/lists/lists';
import { NODE_POOL } from '../test/support/kinds';
import type { Fleet } from './fleet';

/** A list, and what is taken away from it to see what it is worth. */
export interface Case {
  title: string;
  /** What is to be seen. */
  why: string;
  list(fleet: Fleet): { search?: string; page?: number; pageSize?: number; scope?: ListScope };
  /** Statements that remove an index. */
  drop: readonly string[];
  /** Another way to ask for the same, to be compared with instead. */
  naive?: (fleet: Fleet) => { text: string; values: readonly unknown[] };
}

const dropIndex = (name: string) => `DROP INDEX ${name}`;

/** Counting all and sorting all, as one would write it first. */
const naivePage = (page: number) => ({
  text: `SELECT ${RESOURCE_COLUMNS}, count(*) OVER () AS total
         FROM ${RESOURCE_TABLES} WHERE r.kind = 'Cluster'
         ORDER BY r.created_time DESC, r.id DESC LIMIT 20 OFFSET ${(page - 1) * 20}`,
  values: [],
});

const lastPage = ({ size }: Fleet) => Math.ceil(size / 20);
const middlePage = ({ size }: Fleet) => Math.ceil(size / 40);

export const CASES: readonly Case[] = [
  {
    title: 'Newest node pools',
    why: 'The page comes from `resources_kind_id_idx` in its order, twenty entries of it; the total from 32 rows of counters. Without it the way to the newest node pool leads past all clusters that are newer.',
    list: () => ({ scope: { kinds: [NODE_POOL] } }),
    drop: [dropIndex('resources_kind_id_idx')],
  },
  {
    title: 'Newest clusters',
    why: 'Nothing is counted, nothing is sorted but the page: ids sort by time, totals are kept.',
    list: () => ({}),
    drop: [],
    naive: () => naivePage(1),
  },
  {
    title: 'Last page',
    why: 'The far end is near when read backwards. The branch for the nearer half is planned with `LIMIT 0` and reads nothing.',
    list: (fleet) => ({ page: lastPage(fleet) }),
    drop: [],
    naive: (fleet) => naivePage(lastPage(fleet)),
  },
  {
    title: 'A page in the middle',
    why: 'The worst page there is: half of the index is passed over, but only the index; 20 rows are read in full.',
    list: (fleet) => ({ page: middlePage(fleet) }),
    drop: [dropIndex('resources_kind_id_idx')],
  },
  {
    title: 'By name',
    why: 'One entry of `resources_kind_name_idx`. The unique index cannot serve: it leaves out what is marked for deletion, which lists show.',
    list: () => ({ search: "name='cluster-777'" }),
    drop: [dropIndex('resources_kind_name_idx')],
  },
  {
    title: 'By label',
    why: 'The primary key of `resource_labels` holds all matches side by side: counted without looking at a single row of `resources`.',
    list: () => ({ search: "labels.tenth='yes'", pageSize: 100 }),
    drop: ['ALTER TABLE resource_labels DROP CONSTRAINT resource_labels_pkey'],
  },
  {
    title: 'By label, against a GIN index on the labels',
    why: 'What an index over the `labels` column would give instead: every match is a visit to its row, and they must be sorted.',
    list: () => ({ search: "labels.tenth='yes'", pageSize: 100 }),
    drop: [
      'CREATE INDEX other ON resources USING gin (labels jsonb_path_ops)',
      'ANALYZE resources',
    ],
    naive: () => ({
      text: `WITH m AS MATERIALIZED (
               SELECT id FROM resources WHERE kind = 'Cluster' AND labels @> '{"tenth": "yes"}')
             SELECT (SELECT count(*) FROM m) AS total, ${RESOURCE_COLUMNS} FROM ${RESOURCE_TABLES}
             WHERE r.id IN (SELECT id FROM m ORDER BY id DESC LIMIT 100) ORDER BY r.id DESC`,
      values: [],
    }),
  },
  {
    title: 'By two labels',
    why: 'The matches of either label lie side by side; both are read and compared.',
    list: () => ({ search: "labels.tenth='yes' and labels.team='team-3'", pageSize: 100 }),
    drop: ['ALTER TABLE resource_labels DROP CONSTRAINT resource_labels_pkey'],
  },
  {
    title: 'By the status of Ready, a page in the middle',
    why: 'Page from `resource_status_ready_idx`, total from the counters.',
    list: (fleet) => ({
      search: "status.conditions.Ready='False'",
      page: Math.ceil(fleet.size / 80),
    }),
    drop: [dropIndex('resource_status_ready_idx')],
  },
  {
    title: 'By the status of Available, a page in the middle',
    why: 'The same for the other condition that clients ask for, from `resource_status_available_idx`.',
    list: (fleet) => ({
      search: "status.conditions.Available='False'",
      page: Math.ceil(fleet.size / 80),
    }),
    drop: [dropIndex('resource_status_available_idx')],
  },
  {
    title: "By Ready's last_updated_time",
    why: 'What a Sentinel looks for: the few that nobody has heard of for long. Here a hundredth of the fleet.',
    list: (fleet) => {
      const moment = new Date(fleet.begin + fleet.size * 10).toISOString();
      return { search: `status.conditions.Ready.last_updated_time < '${moment}'`, pageSize: 100 };
    },
    drop: [dropIndex('resource_status_ready_last_updated_time_idx')],
  },
  {
    title: 'Node pools of a cluster',
    why: 'Its ten entries of `resources_owner_id_idx`.',
    list: (fleet) => ({ scope: { kinds: [NODE_POOL], ownerId: fleet.ids[7] } }),
    drop: [dropIndex('resources_owner_id_idx'), dropIndex('resources_owner_name_key')],
  },
  {
    title: 'By a spec field',
    why: 'An equality on any path of `spec` is a containment that `resources_spec_idx` can look up. Nothing matches here: what is seen is the cost of knowing that.',
    list: () => ({ search: "spec.region='nowhere'" }),
    drop: [dropIndex('resources_spec_idx')],
  },
];
