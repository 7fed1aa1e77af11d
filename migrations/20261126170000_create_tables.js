// @ts-check

/**
 * All kinds of resources share one set of tables, distinguished by `kind`; no kind is named here.
 *
 * What users write (`resources`) is separate from what status reports write (`resource_status`): a report
 * then rewrites one narrow row, and the pages of `resources` stay all-visible, so that counting and deep
 * paging read only the index, however many reports arrive.
 */

const SHARDS = 32;
/** Any number works, as long as nothing else in the same database locks it. */
const COUNTS_LOCK = 495_346_198;

/** @param {import('knex').Knex} knex */
exports.up = async (knex) => {
  await knex.raw(`
    CREATE TABLE resources (
      id           text COLLATE "C" PRIMARY KEY,
      kind         text NOT NULL,
      owner_id     text COLLATE "C" REFERENCES resources (id),
      name         text COLLATE "C" NOT NULL,
      spec         jsonb NOT NULL CHECK (jsonb_typeof(spec) = 'object'),
      labels       jsonb NOT NULL CHECK (jsonb_typeof(labels) = 'object'),
      generation   integer NOT NULL CHECK (generation >= 1),
      created_time timestamptz(3) NOT NULL,
      created_by   text NOT NULL,
      updated_time timestamptz(3) NOT NULL,
      updated_by   text NOT NULL,
      deleted_time timestamptz(3),
      deleted_by   text,
      -- {"<ref_type>": ["<target id>", …]}, as its owner has ordered them; NULL: it refers to nothing.
      reference_ids jsonb,
      -- The transaction of the last change by a user, as opposed to a report.
      changed_xid  xid8 NOT NULL DEFAULT pg_current_xact_id(),
      CONSTRAINT resources_id_form CHECK (id ~ '^2[0-9a-hjkmnp-tv-z]{26}$'),
      CONSTRAINT resources_name_form CHECK (
        name ~ '^[a-z0-9]([-a-z0-9]*[a-z0-9])\\?$' AND length(name) <= 100
      ),
      CONSTRAINT resources_deleted_by_someone CHECK ((deleted_time IS NULL) = (deleted_by IS NULL))
    )`);
  // A name is free again as soon as its resource is marked for deletion.
  await knex.raw(`
    CREATE UNIQUE INDEX resources_name_key ON resources (kind, name)
      WHERE owner_id IS NULL AND deleted_time IS NULL`);
  await knex.raw(`
    CREATE UNIQUE INDEX resources_owner_name_key ON resources (owner_id, kind, name)
      WHERE owner_id IS NOT NULL AND deleted_time IS NULL`);
  await knex.raw('CREATE INDEX resources_kind_id_idx ON resources (kind, id)');
  await knex.raw('CREATE INDEX resources_kind_name_idx ON resources (kind, name, id)');
  await knex.raw(
    'CREATE INDEX resources_owner_id_idx ON resources (owner_id, kind, id) WHERE owner_id IS NOT NULL',
  );
  await knex.raw('CREATE INDEX resources_spec_idx ON resources USING gin (spec jsonb_path_ops)');

  // Free space on each page lets a report update its row on the same page.
  await knex.raw(`
    CREATE TABLE resource_status (
      resource_id             text COLLATE "C" PRIMARY KEY REFERENCES resources (id) ON DELETE CASCADE,
      kind                    text NOT NULL,
      version                 bigint NOT NULL,
      conditions              jsonb NOT NULL CHECK (jsonb_typeof(conditions) = 'array'),
      ready                   boolean NOT NULL,
      available               boolean NOT NULL,
      ready_last_updated_time timestamptz(3) NOT NULL,
      phase                   text NOT NULL CHECK (phase IN ('NotReady', 'Ready', 'Failed')),
      last_transition_time    timestamptz(3) NOT NULL,
      observed_generation     integer NOT NULL CHECK (observed_generation >= 0),
      last_updated_time       timestamptz(3) NOT NULL,
      -- The transaction of the last change that is visible in the resource: a reader that knows what an earlier snapshot
      -- saw finds what has been committed since (docs/decisions/0008-changes.md).
      changed_xid             xid8 NOT NULL DEFAULT pg_current_xact_id()
    ) WITH (fillfactor = 80)`);
  await knex.raw(
    'CREATE INDEX resource_status_ready_idx ON resource_status (kind, ready, resource_id)',
  );
  await knex.raw(
    'CREATE INDEX resource_status_available_idx ON resource_status (kind, available, resource_id)',
  );
  await knex.raw(`
    CREATE INDEX resource_status_ready_last_updated_time_idx
      ON resource_status (kind, ready_last_updated_time, resource_id)`);
  await knex.raw(
    'CREATE INDEX resource_status_changed_xid_idx ON resource_status (kind, changed_xid)',
  );

  await knex.raw(`
    CREATE TABLE resource_labels (
      kind        text NOT NULL,
      key         text COLLATE "C" NOT NULL,
      value       text COLLATE "C" NOT NULL,
      resource_id text COLLATE "C" NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
      PRIMARY KEY (kind, key, value, resource_id)
    )`);
  await knex.raw(
    'CREATE UNIQUE INDEX resource_labels_resource_key ON resource_labels (resource_id, key)',
  );

  await knex.raw(`
    CREATE TABLE adapter_statuses (
      resource_id         text COLLATE "C" NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
      adapter             text COLLATE "C" NOT NULL CHECK (length(adapter) BETWEEN 1 AND 63),
      observed_generation integer NOT NULL CHECK (observed_generation >= 1),
      created_time        timestamptz(3) NOT NULL,
      last_report_time    timestamptz(3) NOT NULL,
      conditions          jsonb NOT NULL CHECK (jsonb_typeof(conditions) = 'array'),
      metadata            jsonb,
      data                jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
      PRIMARY KEY (resource_id, adapter)
    ) WITH (fillfactor = 80)`);

  // The other direction of resources.reference_ids: who refers to a resource.
  await knex.raw(`
    CREATE TABLE resource_references (
      referrer_id text COLLATE "C" NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
      ref_type    text COLLATE "C" NOT NULL,
      target_id   text COLLATE "C" NOT NULL REFERENCES resources (id),
      PRIMARY KEY (target_id, ref_type, referrer_id)
    )`);
  await knex.raw(
    'CREATE INDEX resource_references_referrer_id_idx ON resource_references (referrer_id)',
  );

  await createRemovals(knex);
  await createCounts(knex);
};

/**
 * What has been removed, so that readers of changes learn of it; rows are pruned after the retention.
 * @param {import('knex').Knex} knex
 */
async function createRemovals(knex) {
  await knex.raw(`
    CREATE TABLE removed_resources (
      id           text COLLATE "C" NOT NULL,
      kind         text NOT NULL,
      owner_id     text COLLATE "C",
      changed_xid  xid8 NOT NULL DEFAULT pg_current_xact_id(),
      removed_time timestamptz(3) NOT NULL DEFAULT now(),
      -- Starts like the index of resource_status. A resource that was put back from a backup can be removed again.
      PRIMARY KEY (kind, changed_xid, id)
    )`);
  await knex.raw(`
    CREATE FUNCTION record_removed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO removed_resources (id, kind, owner_id) SELECT id, kind, owner_id FROM removed;
      RETURN NULL;
    END $$`);
  await knex.raw(`
    CREATE TRIGGER record_removed AFTER DELETE ON resources
      REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION record_removed()`);
  // The highest changed_xid that has been pruned: whoever stands before it may have missed a removal.
  await knex.raw(`
    CREATE TABLE pruned_removals (
      changed_xid xid8 NOT NULL,
      only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row)
    )`);
  await knex.raw("INSERT INTO pruned_removals (changed_xid) VALUES ('0')");
}

/** @param {import('knex').Knex} knex */
async function createCounts(knex) {
  // Exact totals without counting. Each kind has a row per shard, so that writers seldom need the same row.
  await knex.raw(`
    CREATE TABLE resource_counts (
      kind      text NOT NULL,
      shard     integer NOT NULL,
      total     bigint NOT NULL,
      ready     bigint NOT NULL,
      available bigint NOT NULL,
      PRIMARY KEY (kind, shard)
    ) WITH (fillfactor = 10)`);
  // A transaction changes only the shard of its own backend, and locks it until it ends: otherwise two that change two
  // kinds in opposite orders would deadlock.
  await knex.raw(`
    CREATE FUNCTION add_to_counts(of_kind text, resources bigint, ready_ones bigint, available_ones bigint)
    RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      own_shard integer := pg_backend_pid() % ${SHARDS};
    BEGIN
      PERFORM pg_advisory_xact_lock(${COUNTS_LOCK}, own_shard);
      INSERT INTO resource_counts AS c (kind, shard, total, ready, available)
      VALUES (of_kind, own_shard, resources, ready_ones, available_ones)
      ON CONFLICT (kind, shard) DO UPDATE SET
        total = c.total + excluded.total,
        ready = c.ready + excluded.ready,
        available = c.available + excluded.available;
    END $$`);
  // Counts once per statement: a row that one transaction updates a thousand times is slow to find.
  await knex.raw(`
    CREATE FUNCTION count_resources() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      sign integer := CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END;
    BEGIN
      PERFORM add_to_counts(
        kind,
        sign * count(*),
        sign * count(*) FILTER (WHERE ready),
        sign * count(*) FILTER (WHERE available)
      )
      FROM changed GROUP BY kind;
      RETURN NULL;
    END $$`);
  await knex.raw(`
    CREATE TRIGGER count_inserted AFTER INSERT ON resource_status
      REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_resources()`);
  await knex.raw(`
    CREATE TRIGGER count_deleted AFTER DELETE ON resource_status
      REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_resources()`);

  // A report seldom changes what is counted; if it does not, it causes no work here. Deferred, so that the counter is
  // locked last, when the transaction commits.
  await knex.raw(`
    CREATE FUNCTION count_flip() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM add_to_counts(
        NEW.kind,
        0,
        NEW.ready::integer - OLD.ready::integer,
        NEW.available::integer - OLD.available::integer
      );
      RETURN NULL;
    END $$`);
  await knex.raw(`
    CREATE CONSTRAINT TRIGGER count_flipped AFTER UPDATE ON resource_status
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
      WHEN (OLD.ready <> NEW.ready OR OLD.available <> NEW.available)
      EXECUTE FUNCTION count_flip()`);
}

/** @param {import('knex').Knex} knex */
exports.down = async (knex) => {
  await knex.raw(`
    DROP TABLE resource_counts, pruned_removals, removed_resources, resource_references, adapter_statuses,
      resource_labels, resource_status, resources`);
  await knex.raw(`
    DROP FUNCTION count_resources(), count_flip(), add_to_counts(text, bigint, bigint, bigint),
      record_removed()`);
};
