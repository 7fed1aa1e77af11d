import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from '../src/embedded/embedded-postgres';
import { databaseUrl, withClient } from '../test/support/database';
import { postmasterOf } from './processes';

/** The PostgreSQL that is measured: one of our own in a temporary directory, or that of BENCH_DATABASE_URL. */
export interface Postgres {
  /** For the tables: version, and whose server it is. */
  description: string;
  /** Process of the server; undefined when it runs on another machine, where its CPU cannot be seen. */
  postmaster: number | undefined;
  /** A new and empty database; it is dropped by `stop`. */
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
    const embedded = await startEmbedded({ directory, onProgress: console.error });
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
  const { version, postmaster } = await withClient(serverUrl, async (client) => {
    const { rows } = await client.query<{ version: string; pid: number }>(
      "SELECT current_setting('server_version') AS version, pg_backend_pid() AS pid",
    );
    return { version: rows[0]!.version, postmaster: postmasterOf(rows[0]!.pid) };
  });
  const created: string[] = [];
  return {
    description: `PostgreSQL ${version} (${whose})`,
    postmaster,
    async createDatabase() {
      const name = `hyperfleet_bench_${process.pid}_${created.length}`;
      await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${name}`));
      created.push(name);
      return databaseUrl(serverUrl, name);
    },
    async stop() {
      await withClient(serverUrl, async (client) => {
        for (const name of created) await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      });
      await stopServer();
    },
  };
}
