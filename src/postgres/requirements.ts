import type { Knex } from 'knex';

const OLDEST_SUPPORTED = 13;

interface Found {
  encoding: string;
  version: string;
  version_num: string;
}

/** @throws Error for a PostgreSQL that is too old, or an encoding that cannot store every text */
export async function assertUsable(knex: Knex): Promise<void> {
  const { rows } = await knex.raw<{ rows: [Found] }>(`
    SELECT current_setting('server_encoding') AS encoding,
      current_setting('server_version') AS version, current_setting('server_version_num') AS version_num`);
  const [{ encoding, version, version_num }] = rows;
  if (Number(version_num) < OLDEST_SUPPORTED * 10_000) {
    throw new Error(
      `The database server is PostgreSQL ${version}. PostgreSQL ${OLDEST_SUPPORTED} or newer is required.`,
    );
  }
  if (encoding !== 'UTF8') {
    throw new Error(
      `The database has the encoding ${encoding}. It must be UTF8: create a database with ENCODING 'UTF8' TEMPLATE template0.`,
    );
  }
}
