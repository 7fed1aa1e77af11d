import type { Knex } from 'knex';
import {
  clusterRows,
  type Fleet,
  NODE_POOLS_EACH,
  nodePoolRows,
  ownersOf,
  type Rows,
} from './fleet';

const BATCH = 1000;

const COUNTS = [
  ['clusters', "kind = 'Cluster'"],
  ['clusters_ready', "kind = 'Cluster' AND ready"],
  ['clusters_available', "kind = 'Cluster' AND available"],
  ['node_pools', "kind = 'NodePool'"],
  ['node_pools_ready', "kind = 'NodePool' AND ready"],
  ['node_pools_available', "kind = 'NodePool' AND available"],
] as const;

/** Puts a fleet into an empty database. */
export async function loadFleet(knex: Knex, fleet: Fleet): Promise<void> {
  const unchecked = await withoutTriggers(knex);
  for (let first = 0; first < fleet.size; first += BATCH) {
    const count = Math.min(BATCH, fleet.size - first);
    await insert(
      knex,
      Array.from({ length: count }, (_, index) => clusterRows(fleet, first + index)),
    );
  }
  for (let owner = 0; owner < ownersOf(fleet); owner += BATCH / NODE_POOLS_EACH) {
    const count = Math.min(BATCH / NODE_POOLS_EACH, ownersOf(fleet) - owner);
    const pools = Array.from({ length: count * NODE_POOLS_EACH }, (_, index) =>
      nodePoolRows(fleet, owner + Math.floor(index / NODE_POOLS_EACH), index % NODE_POOLS_EACH),
    );
    await insert(knex, pools);
  }
  if (unchecked) await knex.raw('SET session_replication_role = DEFAULT');
  await settle(knex);
}

/** Foreign keys and counters checked row by row take longer than all the rest; a superuser may leave them out. */
async function withoutTriggers(knex: Knex): Promise<boolean> {
  return knex.raw('SET session_replication_role = replica').then(
    () => true,
    () => false,
  );
}

async function insert(knex: Knex, rows: Rows[]): Promise<void> {
  const tables = {
    resources: rows.map(({ resource }) => resource),
    resource_status: rows.map(({ status }) => status),
    resource_labels: rows.flatMap(({ labels }) => labels),
    adapter_statuses: rows.flatMap(({ reports }) => reports),
  };
  await knex.transaction(async (trx) => {
    for (const [table, records] of Object.entries(tables)) {
      const columns = Object.keys(records[0]!).join(', ');
      await trx.raw(
        `INSERT INTO ${table} (${columns})
         SELECT ${columns} FROM jsonb_populate_recordset(NULL::${table}, ?::jsonb)`,
        [JSON.stringify(records)],
      );
    }
  });
}

/** Removes what a benchmark has created, and leaves the tables as a quiet moment would. */
export async function settle(knex: Knex, created?: string): Promise<void> {
  if (created !== undefined) {
    await knex.raw("DELETE FROM resources WHERE kind = 'Cluster' AND starts_with(name, ?)", [
      created,
    ]);
  }
  await knex.raw(`
    UPDATE resource_counts SET
      ${COUNTS.map(([column]) => `${column} = CASE WHEN shard = 0 THEN c.${column} ELSE 0 END`).join(', ')}
    FROM (
      SELECT ${COUNTS.map(([column, of]) => `count(*) FILTER (WHERE ${of}) AS ${column}`).join(', ')}
      FROM resource_status
    ) c`);
  await knex.raw('VACUUM ANALYZE');
}
