import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest, { type Response } from 'supertest';
import { api } from '../support/api';
import {
  createEmptyDatabase,
  createTestDatabase,
  databaseUrl,
  type TestDatabase,
  withClient,
} from '../support/database';
import { newCluster, newReport } from '../support/factories';
import {
  FREE_PORTS,
  runService,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* A database that answers and still is of no use: too old, of another encoding, without the schema. */

jest.setTimeout(60_000);

const SERVER = process.env.TEST_RUN_SERVER_URL!;
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-unusable-'));
});
afterEach(stopServices);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const onServer = (...statements: string[]) =>
  withClient(SERVER, async (client) => {
    for (const text of statements) await client.query(text);
  });

describe.each(['serve', 'migrate', 'reaggregate'])('%s', (command) => {
  const refusal = async (url: string) => {
    const env = { ...FREE_PORTS, DATABASE_URL: url, MIGRATE_ON_START: 'true' };
    const { code, stderr } = await runService([command], env, directory);
    expect(code).toBe(1);
    return stderr;
  };

  it.each(['LATIN1', 'SQL_ASCII'])('refuses a database with the encoding %s', async (encoding) => {
    const name = process.env.TEST_RUN_PREFIX! + randomBytes(5).toString('hex');
    await withClient(SERVER, async (client) => {
      const { rows } = await client.query<{ num: number }>(
        "SELECT current_setting('server_version_num')::integer AS num",
      );
      const provider = rows[0]!.num < 150_000 ? '' : 'LOCALE_PROVIDER libc';
      await client.query(
        `CREATE DATABASE ${name} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' ${provider} TEMPLATE template0`,
      );
    });
    const stderr = await refusal(databaseUrl(SERVER, name));
    expect(stderr).toBe(
      `The database has the encoding ${encoding}. It must be UTF8: create a database with ENCODING 'UTF8' TEMPLATE template0.\n`,
    );
    await withClient(databaseUrl(SERVER, name), async (client) => {
      const { rowCount } = await client.query(
        "SELECT 1 FROM pg_tables WHERE schemaname = 'public'",
      );
      expect(rowCount).toBe(0);
    });
    await onServer(`DROP DATABASE ${name} WITH (FORCE)`);
  });

  it('says that a database which does not exist cannot be used, not that it cannot be reached', async () => {
    const env = { DATABASE_URL: databaseUrl(SERVER, 'nowhere'), DATABASE_CONNECT_RETRIES: '1' };
    const ended = await runService([command], { ...FREE_PORTS, ...env }, directory);
    expect(ended.stderr).toMatch(
      /^The database nowhere@.* cannot be used: .*database "nowhere" does not exist\n$/,
    );
    expect(ended.stdout).toContain('"database not usable yet"');
    expect(ended.stdout).not.toContain('"database not reachable yet"');
  });

  it('refuses a PostgreSQL older than 13', async () => {
    const database = await createEmptyDatabase();
    // No such server is at hand: this one is made to say that it is one.
    await withClient(database.directUrl, async (client) => {
      await client.query(`
        CREATE FUNCTION public.current_setting(name text) RETURNS text LANGUAGE sql AS $$
          SELECT CASE name
            WHEN 'server_version' THEN '12.22'
            WHEN 'server_version_num' THEN '120022'
            ELSE pg_catalog.current_setting(name) END
        $$`);
    });
    const { pathname } = new URL(database.directUrl);
    await onServer(`ALTER DATABASE ${pathname.slice(1)} SET search_path = public, pg_catalog`);
    expect(await refusal(database.directUrl)).toBe(
      'The database server is PostgreSQL 12.22. PostgreSQL 13 or newer is required.\n',
    );
    await database.drop();
  });
});

describe('a running service', () => {
  let database: TestDatabase;
  let service: ServiceProcess;
  let url: string;
  let readyz: () => Promise<Response>;
  let path: string;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  async function start(databaseAddress = database.url): Promise<void> {
    service = startService(['serve'], { ...FREE_PORTS, DATABASE_URL: databaseAddress }, directory);
    const listening = await service.ready();
    url = new URL(listening.api).origin;
    readyz = () => supertest(listening.health).get('');
    const created = await api({ url }).post('/clusters').send(newCluster());
    expect([created.status, (await readyz()).status]).toEqual([201, 200]);
    path = `/clusters/${created.body.id as string}`;
    // Often enough that its statements are prepared.
    for (let count = 0; count < 3; count++) await api({ url }).get(path);
  }

  const admin = (text: string) => withClient(database.directUrl, (client) => client.query(text));

  function requests(): Promise<Response[]> {
    const http = api({ url });
    return Promise.all([
      http.get('/clusters'),
      http.get('/clusters').query({ search: "labels.env = 'production'" }),
      http.get(path),
      http.post('/clusters').send(newCluster()),
      http.patch(path).send({ labels: { a: 'b' } }),
      http.put(`${path}/statuses`).send(newReport('dns')),
      http.delete(path),
    ]);
  }

  async function expectAllUnavailable(): Promise<void> {
    for (const { status, body, text } of await requests()) {
      expect({ status, code: body.code }).toEqual({ status: 503, code: 'HYPERFLEET-SVC-001' });
      expect(text).not.toMatch(/relation|column|schema|permission/);
    }
    expect(service.log.filter(({ level }) => level === 'error')).toEqual([]);
  }

  async function expectNotReady(reason: string): Promise<void> {
    const { status, body } = await readyz();
    expect({ status, body }).toEqual({ status: 503, body: { status: 'unavailable', reason } });
  }

  it('is not ready without the schema, responds with 503, and recovers once it is migrated', async () => {
    await start();
    await admin('DROP SCHEMA public CASCADE');
    await expectNotReady('the database schema is missing or cannot be read');
    await expectAllUnavailable();

    await admin('CREATE SCHEMA public');
    await expectNotReady('the database schema is missing or cannot be read');
    const env = { DATABASE_URL: database.url };
    expect(await runService(['migrate'], env, directory)).toMatchObject({ code: 0, stderr: '' });
    for (let tries = 0; (await readyz()).status !== 200 && tries < 20; tries++) await sleep(50);
    expect((await readyz()).status).toBe(200);
    const http = api({ url });
    expect((await http.get('/clusters')).body).toMatchObject({ total: 0 });
    expect((await http.get(path)).status).toBe(404);
    expect((await http.post('/clusters').send(newCluster())).status).toBe(201);
  });

  it('is not ready with a schema that is older than the code', async () => {
    await start();
    await admin("UPDATE knex_migrations SET name = '20200101000000_of_an_older_release.js'");
    await expectNotReady(
      'the database schema is outdated; missing: 20261126170000_create_tables.js',
    );
    await admin('ALTER TABLE resource_status DROP COLUMN version CASCADE');
    await expectAllUnavailable();
  });

  it('is not ready when a single table is missing', async () => {
    await start();
    await admin('DROP TABLE resource_status CASCADE');
    await expectNotReady('the database schema is outdated; missing: resource_status');
    await expectAllUnavailable();
  });

  it('is ready while a table is locked: the probe waits for no migration', async () => {
    await start();
    await withClient(database.directUrl, async (holder) => {
      await holder.query('BEGIN; LOCK TABLE resources, resource_status IN ACCESS EXCLUSIVE MODE');
      expect((await readyz()).status).toBe(200);
      await holder.query('ROLLBACK');
    });
  });

  it('is not ready, and responds with 503, when its user has lost its privileges', async () => {
    const role = `${process.env.TEST_RUN_PREFIX!}${randomBytes(5).toString('hex')}`;
    await onServer(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
    await admin(`
      GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role};
      GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO ${role}`);
    const address = new URL(database.directUrl);
    address.username = role;
    address.password = 'secret';
    await start(address.href);
    await admin(`REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ${role}`);
    await expectNotReady('the database schema is missing or cannot be read');
    await expectAllUnavailable();
    await service.end('SIGTERM');
    await database.drop();
    await onServer(`DROP ROLE ${role}`);
  });
});
