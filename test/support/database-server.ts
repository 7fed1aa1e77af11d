import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startEmbedded } from '../../src/embedded/embedded-postgres';
import { isAlive } from '../../src/embedded/instance';
import { migrateUp } from '../../src/postgres/migrations';
import { databaseUrl, knexOf, waitForDatabase, withClient } from './database';
import { type Pooler, startPooler } from './pooler';

interface Server {
  kind: string;
  url: string;
  stop(): Promise<void>;
}

interface Run extends Server {
  prefix: string;
}

const CONTAINER_IMAGE = 'postgres:17-alpine';
const DIRECTORY_PREFIX = 'hyperfleet-test-';
const READY_TIMEOUT_MS = 30_000;

let current: Promise<Run> | undefined;

/** One PostgreSQL for the whole run with one migrated template; the workers learn of it by environment. */
export async function startRun(): Promise<void> {
  // Every jest project asks, the first one is served.
  current ??= prepareRun();
  await current;
}

export async function stopRun(): Promise<void> {
  const run = await current;
  current = undefined;
  if (run === undefined) return;
  await dropDatabases(run).catch((error: unknown) => {
    console.warn(`Test databases ${run.prefix}* are left over: ${String(error)}`);
  });
  await run.stop();
}

async function prepareRun(): Promise<Run> {
  const begin = Date.now();
  const server = await startServer();
  try {
    // Several runs may share one server.
    const prefix = `hyperfleet_test_${randomBytes(5).toString('hex')}_`;
    const template = `${prefix}template`;
    // The image starts a temporary server to set itself up: a port that listens is not yet a database.
    await waitForDatabase(server.url, READY_TIMEOUT_MS);
    await withClient(server.url, (client) => client.query(`CREATE DATABASE ${template}`));
    const knex = knexOf(databaseUrl(server.url, template));
    await migrateUp(knex).finally(() => knex.destroy());
    process.env.TEST_RUN_SERVER_URL = server.url;
    process.env.TEST_RUN_PREFIX = prefix;
    const pooler = await poolerIfAsked(server.url);
    const kind = server.kind + (pooler ? ' behind PgBouncer' : '');
    process.stdout.write(`Test database: ${kind}, ready in ${Date.now() - begin} ms\n`);
    return {
      ...{ ...server, prefix },
      async stop() {
        await pooler?.stop();
        await server.stop();
      },
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** With TEST_PGBOUNCER=1 services and tests reach their databases through PgBouncer in transaction mode. */
async function poolerIfAsked(serverUrl: string): Promise<Pooler | undefined> {
  if (process.env.TEST_PGBOUNCER !== '1') return undefined;
  const pooler = await startPooler(serverUrl);
  if (pooler === undefined) throw new Error('TEST_PGBOUNCER=1, but PgBouncer is not installed.');
  process.env.TEST_RUN_POOLER_URL = pooler.url;
  process.env.DATABASE_PREPARED_STATEMENTS = 'false';
  return pooler;
}

async function startServer(): Promise<Server> {
  const url = process.env.TEST_DATABASE_URL;
  if (url !== undefined && url !== '') {
    return { kind: 'TEST_DATABASE_URL', url, stop: () => Promise.resolve() };
  }
  return (await startContainer()) ?? (await startTemporary());
}

async function startContainer(): Promise<Server | undefined> {
  const { getContainerRuntimeClient, Wait } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
  try {
    const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
    const container = await new PostgreSqlContainer(CONTAINER_IMAGE)
      .withCommand([
        'postgres',
        ...[
          'fsync=off',
          'synchronous_commit=off',
          'full_page_writes=off',
          'max_connections=200',
        ].flatMap((setting) => ['-c', setting]),
      ])
      // Health checks need a timer of the host's systemd, which is not everywhere.
      .withWaitStrategy(Wait.forListeningPorts())
      .start();
    return {
      kind: `container ${CONTAINER_IMAGE}`,
      url: container.getConnectionUri(),
      stop: async () => {
        await container.stop();
      },
    };
  } catch (error) {
    console.warn(`No PostgreSQL container, using the embedded one: ${String(error)}`);
    return undefined;
  }
}

async function startTemporary(): Promise<Server> {
  removeLeftovers();
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), `${DIRECTORY_PREFIX}${process.pid}-`));
  const remove = () => fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const database = await startEmbedded({
      directory,
      onProgress: () => undefined,
      fast: true,
    });
    return {
      kind: 'embedded PostgreSQL',
      url: database.url,
      stop: async () => {
        await database.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** An interrupted run stops its server but has no chance to delete the files. */
function removeLeftovers(): void {
  for (const name of fs.readdirSync(os.tmpdir())) {
    const pid = new RegExp(`^${DIRECTORY_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      fs.rmSync(path.join(os.tmpdir(), name), { recursive: true, force: true });
    } catch {
      // Somebody else's: theirs to remove.
    }
  }
}

async function dropDatabases({ url, prefix }: Run): Promise<void> {
  await withClient(url, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [prefix],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE ${datname} WITH (FORCE)`);
  });
}
