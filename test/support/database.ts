import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import knexBuilder, { type Knex } from 'knex';
import pg from 'pg';

export interface TestDatabase {
  /** For the service; behind a pooler when the run has one. */
  url: string;
  /** Past the pooler, for a test that needs a session of its own or looks after the server. */
  directUrl: string;
  drop(): Promise<void>;
}

/** A database of its own for a test file, with the current schema and nothing in it. */
export function createTestDatabase(): Promise<TestDatabase> {
  return create(`${required('TEST_RUN_PREFIX')}template`);
}

/** The same without the schema. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return create('template0');
}

async function create(template: string): Promise<TestDatabase> {
  const server = required('TEST_RUN_SERVER_URL');
  const name = required('TEST_RUN_PREFIX') + randomBytes(5).toString('hex');
  await withClient(server, (client) => createFrom(client, template, name));
  return {
    url: databaseUrl(process.env.TEST_RUN_POOLER_URL ?? server, name),
    directUrl: databaseUrl(server, name),
    drop: () =>
      withClient(server, async (client) => {
        await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      }),
  };
}

/** A template cannot be copied while anyone is connected to it, be it autovacuum. */
async function createFrom(client: pg.Client, template: string, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
      return;
    } catch (error) {
      const inUse = (error as { code?: string }).code === '55006';
      if (!inUse || attempt === 20) throw error;
    }
    await sleep(100);
  }
}

/** Somebody has to listen: the server ends idle connections when a database is dropped or a server stops. */
const ignore = () => undefined;

export function createPool(url: string): pg.Pool {
  return new pg.Pool({ connectionString: url, max: 8 }).on('error', ignore);
}

export async function withClient<T>(
  target: string | pg.ClientConfig,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(target);
  client.on('error', ignore);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Returns once a server executes queries.
 * @param hasFailed ends the wait early
 * @throws the last error when it does not
 */
export async function waitForDatabase(
  url: string,
  timeoutMs: number,
  hasFailed = () => false,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      await withClient(url, (client) => client.query('SELECT 1'));
      return;
    } catch (error) {
      if (Date.now() > deadline || hasFailed()) throw error;
      await sleep(30);
    }
  }
}

export function knexOf(url: string): Knex {
  return knexBuilder({
    client: 'pg',
    connection: url,
    pool: { min: 0, max: 4 },
    // What goes wrong is thrown as well: nothing is lost by not printing it.
    log: { warn: ignore, error: ignore },
  });
}

/** The URL of another database on the same server. */
export function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

function required(variable: 'TEST_RUN_SERVER_URL' | 'TEST_RUN_PREFIX'): string {
  const value = process.env[variable];
  if (value === undefined) {
    throw new Error('No test database: this test belongs below test/integration or test/contract.');
  }
  return value;
}
