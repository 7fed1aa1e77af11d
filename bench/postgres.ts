import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knexBuilder, { type Knex } from 'knex';
import pg from 'pg';
import { startEmbedded } from '../src/embedded/embedded-postgres';
import { migrateUp } from '../src/postgres/migrations';
import { isProgram, parentOf } from './processes';

/** The PostgreSQL that is measured: one of our own in a temporary directory, or the one of BENCH_DATABASE_URL. */
export interface Postgres {
  /** For the tables: version, and whose server it is. */
  description: string;
  /** Process of the server; undefined when it runs on another machine, where its CPU cannot be seen. */
  postmaster: number | undefined;
  /** A new database with the schema in place; it is dropped by `stop`. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/** With its usual durability: a benchmark that does not flush to disk measures something else. */
export async function startPostgres(): Promise<Postgres> {
  const given = process.env.BENCH_DATABASE_URL;
  if (given) return usePostgres(given, 'given server', () => Promise.resolve());

  const directory = mkdtempSync(join(tmpdir(), 'hyperfleet-bench-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const onProgress = (message: string) => process.stderr.write(`${message}\n`);
    const embedded = await startEmbedded({ directory, onProgress });
    return await usePostgres(embedded.url, 'embedded', async () => {
      await embedded.stop();
      remove();
    });
  } catch (error) {
    remove();
    throw error;
  }
}

async function usePostgres(
  serverUrl: string,
  whose: string,
  stopServer: () => Promise<void>,
): Promise<Postgres> {
  const admin = new pg.Client({ connectionString: serverUrl });
  // The server is stopped while we may still be connected.
  admin.on('error', () => undefined);
  await admin.connect();
  const { rows } = await admin.query<{ version: string; pid: number }>(
    "SELECT current_setting('server_version') AS version, pg_backend_pid() AS pid",
  );
  const { version, pid } = rows[0]!;
  const local = isProgram(pid, 'postgres');
  const created: string[] = [];
  return {
    description: `PostgreSQL ${version} (${whose})`,
    postmaster: local ? parentOf(pid) : undefined,
    async createDatabase() {
      const name = `hyperfleet_bench_${process.pid}_${created.length}`;
      await admin.query(`CREATE DATABASE ${name}`);
      created.push(name);
      const url = new URL(serverUrl);
      url.pathname = `/${name}`;
      const knex = connect(url.href);
      await migrateUp(knex).finally(() => knex.destroy());
      return url.href;
    },
    async stop() {
      for (const name of created) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
      await stopServer();
    },
  };
}

/** One connection for loading and looking, not for measuring. */
export function connect(url: string): Knex {
  return knexBuilder({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
}
