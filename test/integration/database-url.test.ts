import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '../support/database';
import { FREE_PORTS, runService, stopServices } from '../support/service-process';

/* DATABASE_URL as the process shows what it makes of it; the forms it takes are in test/unit/database-url.test.ts. */

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-url-'));
});
afterEach(stopServices);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const run = (command: string, url: string) =>
  runService(
    [command],
    { ...FREE_PORTS, DATABASE_URL: url, DATABASE_CONNECT_RETRIES: '0', LOG_LEVEL: 'debug' },
    directory,
  );

it.each(['serve', 'migrate', 'reaggregate'])(
  '%s shows no part of a malformed one',
  async (command) => {
    const ended = await run(command, 'postgres://jane:s3cr@tpart#x@example/fleet');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/DATABASE_URL is not a valid URL/);
    expect(ended.stdout + ended.stderr).not.toMatch(/jane|s3cr|tpart|example|fleet@/);
  },
);

it('warns about a parameter without effect', async () => {
  const database = await createTestDatabase();
  const ended = await run('migrate', `${database.url}?channel_binding=require`);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toContain(
    '"level":"warn","message":"DATABASE_URL: channel_binding=require is ignored"',
  );
  await database.drop();
});

it('waits for a silent server as long as connect_timeout says', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const ended = await run('serve', `postgres://jane@127.0.0.1:${port}/fleet?connect_timeout=1`);
  const end = Date.now();
  silent.close();
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/cannot be reached: .*timeout/);
  const line = ended.stdout.split('\n').find((text) => text.includes('"message":"database"'))!;
  const { timestamp } = JSON.parse(line) as { timestamp: string };
  expect(end - Date.parse(timestamp)).toBeLessThan(4000);
});

describe('DATABASE_URL_FILE', () => {
  const file = (text: string) => {
    writeFileSync(join(directory, 'url'), text);
    return { DATABASE_URL_FILE: join(directory, 'url'), DATABASE_CONNECT_RETRIES: '0' };
  };
  const refused = async (env: Record<string, string>) => {
    const { code, stdout, stderr } = await runService(
      ['migrate'],
      { ...env, NODE_ENV: 'production', LOG_LEVEL: 'debug' },
      directory,
    );
    expect(code).toBe(1);
    expect(stdout + stderr).not.toMatch(/s3cr/);
    return stderr;
  };

  it('is the URL with a line break at its end', async () => {
    const database = await createTestDatabase();
    const env = { ...file(`${database.url}?channel_binding=require\n`), NODE_ENV: 'production' };
    const ended = await runService(['migrate'], env, directory);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('DATABASE_URL_FILE: channel_binding=require is ignored');
    await database.drop();
  });

  it('is named when its content cannot be used', async () => {
    expect(await refused(file('postgres://jane:s3cr@tpart#x@example/fleet'))).toMatch(
      /^ {2}The content of DATABASE_URL_FILE is not a valid URL/m,
    );
    expect(await refused({ DATABASE_URL_FILE: '/nowhere/url' })).toMatch(
      /DATABASE_URL_FILE='\/nowhere\/url' cannot be read \(ENOENT\)/,
    );
  });

  it('and DATABASE_URL exclude each other, as do passwords and DATABASE_PASSWORD_FILE', async () => {
    const url = 'postgres://jane:s3cret@example/fleet';
    const PASSWORD = { DATABASE_PASSWORD_FILE: join(directory, 'url') };
    expect(await refused({ ...file(url), DATABASE_URL: url })).toMatch(
      /DATABASE_URL and DATABASE_URL_FILE must not both be set/,
    );
    expect(await refused({ PGHOST: 'h', PGPASSWORD: 's3cret', ...PASSWORD })).toMatch(
      /PGPASSWORD and DATABASE_PASSWORD_FILE must not both be set/,
    );
    for (const [name, env] of Object.entries({
      DATABASE_URL: { DATABASE_URL: url },
      DATABASE_URL_FILE: file(url),
    })) {
      expect(await refused({ ...env, ...PASSWORD })).toContain(
        `${name} contains a password, so DATABASE_PASSWORD_FILE must not be set`,
      );
    }
    const nowhere = { PGHOST: 'h', DATABASE_PASSWORD_FILE: '/nowhere/password' };
    expect(await refused(nowhere)).toMatch(
      /DATABASE_PASSWORD_FILE='\/nowhere\/password' cannot be read \(ENOENT\)/,
    );
  });
});
