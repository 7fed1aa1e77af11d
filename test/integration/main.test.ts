import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import supertest from 'supertest';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster } from '../support/factories';
import { FREE_PORTS, runService, startService, stopServices } from '../support/service-process';

/* The process as operators meet it: commands, exit codes, and what it says when it will not start. */

const ROOT = join(__dirname, '..', '..');
const { version, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  scripts: Record<string, string>;
};

jest.setTimeout(120_000);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-main-'));
});
afterEach(stopServices);
afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10 }));

const run = (args: string[], env: Record<string, string> = {}) => runService(args, env, directory);

describe('commands', () => {
  it('prints the version and nothing else, whatever the configuration', async () => {
    const ended = await run(['version'], { API_PORT: 'nonsense' });
    expect(ended).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('gives Node the same options in the image and here', () => {
    const image = readFileSync(join(ROOT, 'Containerfile'), 'utf8');
    const entrypoint = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(image)![1]!) as string[];
    const options = entrypoint.slice(1, -1);
    expect(options).toEqual(['--max-semi-space-size=16']);
    expect(scripts.start).toBe(`exec node ${options.join(' ')} dist/src/main.js serve`);
  });

  it('prints the configuration in force with its secrets masked', async () => {
    const ended = await run(['config'], {
      DATABASE_URL: 'postgres://jane:hunter2@db.example.org/fleet',
      PGPASSWORD: 'hunter3',
      HYPERFLEET_DEFAULT_PAGE_SIZE: '77',
      HYPERFLEET_CLUSTER_ADAPTERS: 'validation,dns',
    });
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      API_PORT: 8000,
      DATABASE_URL: '***',
      HYPERFLEET_DEFAULT_PAGE_SIZE: 77,
      HYPERFLEET_CLUSTER_ADAPTERS: ['validation', 'dns'],
    });
    expect(ended.stdout + ended.stderr).not.toMatch(/hunter/);
  });

  it('says what it can do when asked, and when it does not know a command', async () => {
    const [help, unknown] = await Promise.all([run(['--help']), run(['srve'])]);
    expect(help.code).toBe(0);
    for (const command of ['serve', 'migrate', 'reaggregate', 'contract', 'config', 'version']) {
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/'srve'/);
    expect(unknown.stderr).toMatch(/^ {2}migrate /m);
  });

  it.each([
    [['migrate', '--help'], 0, ''],
    [['reaggregate', '-h'], 0, ''],
    [['migrate', '--dry-run'], 2, "Unknown option '--dry-run'"],
    [['serve', 'now'], 2, "Unexpected argument 'now'"],
    [['--port', '80'], 2, "Unknown option '--port'"],
    [['reaggregate', '--after'], 2, "'--after <value>' argument missing"],
    [['contract', '--xml'], 2, "Unknown option '--xml'"],
    [['version', '--json'], 2, "Unknown option '--json'"],
  ])('does nothing but explain itself for %p', async (args, code, message) => {
    const ended = await run(args, { API_PORT: 'nonsense' });
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain(message);
    expect(ended.stdout + ended.stderr).toMatch(/^Usage: hyperfleet-api/m);
    expect(existsSync(join(directory, '.data'))).toBe(false);
  });
});

describe('a configuration that cannot be used', () => {
  it('is refused by one message that names every wrong variable', async () => {
    const ended = await run(['serve'], {
      API_PORT: '70000',
      LOG_LEVEL: 'loud',
      DATABASE_POOL_MAX: 'many',
      HYPERFLEET_CLUSTER_ADAPTERS: 'dns,dns',
      HYPERFLEET_NODEPOOL_ADAPTERS: '',
      MIGRATE_ON_START: 'perhaps',
    });
    expect(ended.code).toBe(1);
    for (const name of [
      'API_PORT',
      'LOG_LEVEL',
      'DATABASE_POOL_MAX',
      'HYPERFLEET_CLUSTER_ADAPTERS',
      'HYPERFLEET_NODEPOOL_ADAPTERS',
      'MIGRATE_ON_START',
    ]) {
      expect(ended.stderr).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
    expect(ended.stderr).not.toMatch(/\bat .*\.js/);
  });

  it.each([
    ['the API is not on loopback', { API_HOST: '0.0.0.0' }, /AUTH_ENABLED.*API_HOST=0\.0\.0\.0/],
    [
      'this is production and nothing is said about authentication and the database',
      { NODE_ENV: 'production' },
      /AUTH_ENABLED.*NODE_ENV=production[^]*DATABASE_URL or PGHOST/,
    ],
    [
      'authentication lacks its keys, issuer and audience',
      { AUTH_ENABLED: 'true' },
      /AUTH_JWKS_URL[^]*AUTH_ISSUER[^]*AUTH_AUDIENCE/,
    ],
    [
      'the schema of the specs cannot be read',
      { OPENAPI_SCHEMA_PATH: 'nowhere.yaml' },
      /OPENAPI_SCHEMA_PATH.*nowhere\.yaml/,
    ],
  ] as [string, Record<string, string>, RegExp][])(
    'is refused when %s',
    async (_why, env, message) => {
      const ended = await run(['serve'], { ...FREE_PORTS, ...env });
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(message);
      expect(ended.stdout).not.toMatch(/"ready"/);
    },
  );

  it('does not keep `migrate` from its work when only serving would be unsafe', async () => {
    const database = await createEmptyDatabase();
    const env = { NODE_ENV: 'production', API_HOST: '0.0.0.0', DATABASE_URL: database.url };
    const ended = await run(['migrate'], env);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    await database.drop();
  });

  it.each(['API_PORT', 'HEALTH_PORT', 'METRICS_PORT'])(
    'ends when %s is taken, and leaves nothing running',
    async (name) => {
      const database = await createTestDatabase();
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      const env = { ...FREE_PORTS, [name]: String(port), DATABASE_URL: database.url };
      const ended = await run(['serve'], env);
      expect(ended.code).toBe(1);
      expect(ended.stderr).toContain(`address already in use 127.0.0.1:${port}`);
      taken.close();
      await database.drop();
    },
  );

  it('names the database that cannot be reached, without its password', async () => {
    const ended = await run(['serve'], {
      ...FREE_PORTS,
      DATABASE_URL: 'postgres://jane:hunter2@127.0.0.1:1/fleet',
      DATABASE_CONNECT_RETRIES: '0',
    });
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/fleet@127\.0\.0\.1:1 as jane.*cannot be reached/);
    expect(ended.stdout + ended.stderr).not.toMatch(/hunter2/);
  });
});

describe('the schema', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createEmptyDatabase();
  });
  afterEach(async () => {
    await stopServices();
    await database.drop();
  });

  it('stops the start when it is outdated, and the message names the command that helps', async () => {
    const env = { ...FREE_PORTS, DATABASE_URL: database.url };
    const refused = await run(['serve'], env);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/create_tables.*npm run migrate/);

    const migrations = await Promise.all([run(['migrate'], env), run(['migrate'], env)]);
    expect(migrations.map(({ code, stderr }) => ({ code, stderr }))).toEqual([
      { code: 0, stderr: '' },
      { code: 0, stderr: '' },
    ]);
    const applied = migrations.flatMap(({ stdout }) => stdout.match(/"migrated"/g) ?? []);
    expect(applied).toHaveLength(1);

    const service = startService(['serve'], env, directory);
    const { api } = await service.ready();
    expect((await supertest(api).get('clusters')).body).toEqual({
      kind: 'ClusterList',
      page: 1,
      size: 0,
      total: 0,
      items: [],
    });
  });

  it('is brought up to date by the start when MIGRATE_ON_START says so', async () => {
    const env = { ...FREE_PORTS, DATABASE_URL: database.url, MIGRATE_ON_START: 'true' };
    await startService(['serve'], env, directory).ready();
  });
});

describe('a running service', () => {
  it('says where it listens, responds there, and ends cleanly on SIGTERM', async () => {
    const database = await createTestDatabase();
    const env = { ...FREE_PORTS, DATABASE_URL: database.url };
    const service = startService(['serve'], env, directory);
    const { api, health, metrics, openapi } = await service.ready();

    const ports = [api, health, metrics].map((url) => new URL(url).port);
    expect(new Set(ports).size).toBe(3);
    expect(ports).not.toContain('0');
    const get = (url: string) => supertest(url).get('');
    expect((await get(health)).status).toBe(200);
    expect((await get(openapi)).body.openapi).toMatch(/^3\.0/);
    const created = await supertest(api).post('clusters').send(newCluster());
    expect(created.status).toBe(201);
    expect(created.body.created_by).toBe('system@hyperfleet.local');
    expect((await get(metrics)).text).toMatch(
      /hyperfleet_api_requests_total\{.*path="\/api\/hyperfleet\/v1\/clusters".*\} 1/,
    );

    const ended = await service.end('SIGTERM');
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    const line = service.log.find(({ message }) => message === 'database')!;
    expect(line.embedded).toBe(false);
    const password = new URL(database.url).password;
    if (password !== '') expect(ended.stdout).not.toContain(password);
    await database.drop();
  });
});
