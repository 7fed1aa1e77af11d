import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config';
import { connectionOptions } from '../../src/postgres/connection-options';
import { waitForDatabase } from '../../src/postgres/first-connection';
import { silentLogger } from '../../src/telemetry/log';
import { Authority } from '../support/certificates';
import { withClient } from '../support/database';
import { OwnPostgres } from '../support/own-postgres';

/* sslmode in the meaning of libpq, against a server with TLS, without it, and with nothing else. */

jest.setTimeout(60_000);

let postgres: OwnPostgres;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-tls-'));
  new Authority(directory, 'foreign');
  // The name is localhost, and not the address: verify-full must tell them apart.
  new Authority(directory, 'ours').issue('server', 'DNS:localhost');
  postgres = await OwnPostgres.create();
  for (const name of ['server.crt', 'server.key']) {
    postgres.install(name, readFileSync(join(directory, name), 'utf8'));
  }
});
afterAll(async () => {
  await postgres.destroy();
  rmSync(directory, { recursive: true, force: true });
});

type Outcome = 'plain' | 'encrypted' | RegExp;

/** How the service would be connected, or why not. */
async function connect(host: string, query: string): Promise<string> {
  const url = `${postgres.url('postgres', host)}?${query}`;
  try {
    const options = connectionOptions(loadConfig({ DATABASE_URL: url }));
    const settled = await waitForDatabase(options, 0, silentLogger);
    // What was settled must do for every later connection.
    const { rows } = await withClient(settled.client, (client) =>
      client.query<{ ssl: boolean }>('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'),
    );
    return rows[0]!.ssl ? 'encrypted' : 'plain';
  } catch (error) {
    return (error as Error).message;
  }
}

async function expectOutcome(host: string, query: string, outcome: Outcome): Promise<void> {
  const found = await connect(host, query.replaceAll('DIR', directory));
  if (outcome instanceof RegExp) expect(found).toMatch(outcome);
  else expect(found).toBe(outcome);
}

describe('a server without TLS', () => {
  beforeAll(() => postgres.start({ unix_socket_directories: postgres.instance.data }));
  afterAll(() => postgres.stop());

  it('through its socket', async () => {
    const { username, password } = new URL(postgres.url());
    const socket = `host=${postgres.instance.data}&port=${postgres.port}`;
    const url = `postgres://${username}:${password}@/postgres?${socket}`;
    const options = connectionOptions(loadConfig({ DATABASE_URL: url }));
    const { client } = await waitForDatabase(options, 0, silentLogger);
    await withClient(client, async (connected) => {
      const { rows } = await connected.query('SELECT inet_server_addr() AS address');
      expect(rows).toEqual([{ address: null }]);
    });
  });

  it.each<[string, Outcome]>([
    ['', 'plain'],
    ['sslmode=disable', 'plain'],
    ['sslmode=allow', 'plain'],
    ['sslmode=prefer', 'plain'],
    ['sslmode=require', /does not support SSL/],
    ['sslmode=verify-full&sslrootcert=DIR/ours.crt', /does not support SSL/],
  ])('%s', (query, outcome) => expectOutcome('127.0.0.1', query, outcome));
});

describe('a server with TLS', () => {
  beforeAll(() => postgres.start({ ssl: 'on' }));
  afterAll(() => postgres.stop());

  it.each<[string, string, Outcome]>([
    ['127.0.0.1', 'sslmode=disable', 'plain'],
    ['127.0.0.1', 'sslmode=allow', 'plain'],
    ['127.0.0.1', 'sslmode=prefer', 'encrypted'],
    ['127.0.0.1', 'sslmode=require', 'encrypted'],
    // libpq: a root certificate makes `require` verify.
    ['127.0.0.1', 'sslmode=require&sslrootcert=DIR/ours.crt', 'encrypted'],
    ['127.0.0.1', 'sslmode=require&sslrootcert=DIR/foreign.crt', /certificate|signature/],
    ['127.0.0.1', 'sslmode=verify-ca&sslrootcert=DIR/ours.crt', 'encrypted'],
    ['127.0.0.1', 'sslmode=verify-ca&sslrootcert=DIR/foreign.crt', /certificate|signature/],
    ['127.0.0.1', 'sslmode=verify-ca', /certificate/],
    ['localhost', 'sslmode=verify-full&sslrootcert=DIR/ours.crt', 'encrypted'],
    ['127.0.0.1', 'sslmode=verify-full&sslrootcert=DIR/ours.crt', /not in the cert's list/],
    ['localhost', 'sslmode=verify-full&sslrootcert=DIR/foreign.crt', /certificate|signature/],
    ['127.0.0.1', 'sslmode=verify-ca&sslrootcert=DIR/none.crt', /PGSSLROOTCERT='.*none.crt'/],
    ['127.0.0.1', 'sslmode=sometimes', /sslmode must be one of disable, allow/],
  ])('%s %s', (host, query, outcome) => expectOutcome(host, query, outcome));

  it.each(['verify-ca', 'verify-full'])('follows a new authority, %s', async (mode) => {
    const trusted = join(directory, `trusted-${mode}.crt`);
    copyFileSync(join(directory, 'ours.crt'), trusted);
    const query = `sslmode=${mode}&sslrootcert=${trusted}`;
    const url = `${postgres.url('postgres', 'localhost')}?${query}`;
    const { client } = connectionOptions(loadConfig({ DATABASE_URL: url }));
    const attempt = () => withClient(client, () => Promise.resolve('connected'));
    expect(await attempt()).toBe('connected');
    copyFileSync(join(directory, 'foreign.crt'), trusted);
    await expect(attempt()).rejects.toThrow(/certificate|signature/);
    rmSync(trusted);
    await expect(attempt()).rejects.toThrow(/certificate|signature/);
    copyFileSync(join(directory, 'ours.crt'), trusted);
    expect(await attempt()).toBe('connected');
  });
});

describe('a server that refuses connections without TLS', () => {
  beforeAll(() => {
    postgres.install(
      'pg_hba.conf',
      'local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n',
    );
    return postgres.start({ ssl: 'on' }, `${postgres.url()}?sslmode=no-verify`);
  });

  it.each<[string, Outcome]>([
    ['sslmode=disable', /no encryption/],
    ['sslmode=allow', 'encrypted'],
    ['sslmode=prefer', 'encrypted'],
  ])('%s', (query, outcome) => expectOutcome('127.0.0.1', query, outcome));

  it('says why both ways failed', async () => {
    const url = postgres.url().replace(/:[^:@]*@/, ':wrong@');
    const options = connectionOptions(loadConfig({ DATABASE_URL: `${url}?sslmode=prefer` }));
    await expect(waitForDatabase(options, 0, silentLogger)).rejects.toThrow(
      /password authentication failed.*; without TLS: .*no encryption/,
    );
  });
});
