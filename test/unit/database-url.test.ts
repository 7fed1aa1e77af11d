import os from 'node:os';
import { ConfigError, loadConfig } from '../../src/config/config';
import { connectionOptions } from '../../src/postgres/connection-options';

const read = (url: string, env: Record<string, string> = {}) =>
  connectionOptions(loadConfig({ ...env, DATABASE_URL: url }));

function refusal(url: string): string {
  try {
    read(url);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error(`${url} was accepted`);
}

const PLAIN = { host: 'h', port: 5432, database: 'db', user: 'u', password: 'p' };

describe('forms that providers hand out', () => {
  it.each<[string, Record<string, unknown>]>([
    ['postgres://u:p@h/db', PLAIN],
    ['postgresql://u:p@h:6432/db', { ...PLAIN, port: 6432 }],
    ['postgres://u:p@h:/db', PLAIN],
    ['postgres://u:p@h/db\n', PLAIN],
    ['postgres://u@h/db', { ...PLAIN, password: undefined }],
    ['postgres://u@h', { host: 'h', port: 5432, database: 'u', user: 'u' }],
    ['postgres:///db', { host: 'localhost', database: 'db' }],
    [
      'postgres://u:p@/db?host=/cloudsql/project:region:instance',
      { ...PLAIN, host: '/cloudsql/project:region:instance' },
    ],
    ['postgres://u:p@/db?host=%2Fvar%2Frun&port=6432', { ...PLAIN, host: '/var/run', port: 6432 }],
    ['postgres://u:p@%2Fvar%2Frun/db', { ...PLAIN, host: '/var/run' }],
    ['postgres://u:p@localhost/db?host=h', PLAIN],
    ['postgres://u:p@h:1/db?port=5432', PLAIN],
    ['postgres://u:p@[::1]:5433/db', { ...PLAIN, host: '::1', port: 5433 }],
    ['postgres://u:p@/db?host=::1', { ...PLAIN, host: '::1' }],
    [
      'postgres://u%40server:p%40%2F%3F%23%3A%25@h/my%20db',
      { ...PLAIN, user: 'u@server', password: 'p@/?#:%', database: 'my db' },
    ],
    // As before: only one `@` can be meant by both readings.
    ['postgres://u@server:p@h/db', { ...PLAIN, user: 'u@server' }],
    ['postgres://u:a:b+c@h/db', { ...PLAIN, password: 'a:b+c' }],
    [
      'postgres://u:p@h/db?application_name=fleet%20one',
      { ...PLAIN, application_name: 'fleet one' },
    ],
    ['postgres://u:p@h/db?connect_timeout=10', { ...PLAIN, connectionTimeoutMillis: 10_000 }],
    ['postgres://u:p@h/db?sslmode=disable&', { ...PLAIN, ssl: false }],
    ['postgres://u:p@h/db?sslmode=require', { ...PLAIN, ssl: { rejectUnauthorized: false } }],
    [
      'postgres://u:p@h/db?sslrootcert=system&sslmode=verify-full',
      { ...PLAIN, ssl: { rejectUnauthorized: true } },
    ],
  ])('%j', (url, client) => {
    const options = read(url);
    expect(options.client).toMatchObject(client);
    expect(options.warnings).toEqual([]);
  });

  it('are completed by the variables of libpq', () => {
    const env = { PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'db', PGSSLMODE: 'disable' };
    expect(read('postgres://h', env).client).toMatchObject({ ...PLAIN, ssl: false });
    expect(
      read('postgres://u:p@h/db', { PGUSER: 'x', PGPASSWORD: 'x', PGDATABASE: 'x' }).client,
    ).toMatchObject(PLAIN);
  });

  it('have the user of the process, whatever the shell says, and a database of that name', () => {
    const { username } = os.userInfo();
    const shell = process.env.USER;
    process.env.USER = 'somebody';
    for (const options of [read('postgres://h'), connectionOptions(loadConfig({ PGHOST: 'h' }))]) {
      expect(options.client).toMatchObject({ user: username, database: username });
      expect(options.description).toBe(`${username}@h:5432 as ${username} (sslmode prefer)`);
    }
    if (shell === undefined) delete process.env.USER;
    else process.env.USER = shell;
  });

  it('need PGUSER where the process has a user without a name', () => {
    jest.spyOn(os, 'userInfo').mockImplementationOnce(() => {
      throw new Error('ENOENT');
    });
    expect(refusal('postgres://h')).toContain('PGUSER must be set, because the user of the');
  });

  it('are described without the password', () => {
    expect(read('postgres://u:s3cret@/db?host=/cloudsql/x').description).toBe(
      'db@/cloudsql/x:5432 as u (sslmode disable)',
    );
  });
});

it.each([
  'channel_binding=require',
  'channel_binding=prefer',
  'gssencmode=disable',
  'target_session_attrs=any',
])('warns about %s, which changes nothing', (parameter) => {
  const options = read(`postgres://u:p@h/db?sslmode=require&${parameter}`);
  expect(options.warnings).toEqual([`DATABASE_URL: ${parameter} is ignored`]);
  expect(options.client).toMatchObject(PLAIN);
});

describe('is refused, never ignored', () => {
  it.each([
    ['options=-c%20statement_timeout%3D1', 'options is not supported, because connection poolers'],
    ['pgbouncer=true', 'the parameter pgbouncer is not supported'],
    ['ssl=true', 'the parameter ssl is not supported'],
    ['sslcert=a.crt', 'the parameter sslcert is not supported'],
    ['user=s3cret', 'the parameter user is not supported'],
    ['password=s3cret', 'the parameter password is not supported'],
    ['hostaddr=127.0.0.1', 'the parameter hostaddr is not supported'],
    ['SSLMODE=require', 'the parameter SSLMODE is not supported'],
    ['toString=x', 'the parameter toString is not supported'],
    ['__proto__=x', 'the parameter __proto__ is not supported'],
    ['gssencmode=require', 'gssencmode must be one of disable, prefer'],
    [
      'target_session_attrs=read-write',
      'target_session_attrs must be any; other values are not supported',
    ],
    ['sslmode=no-verify', 'sslmode must be one of disable, allow, prefer'],
    ['sslmode=', 'sslmode has no value'],
    ['sslmode=disable&sslmode=require', 'sslmode is given twice'],
    ['port=0', 'port must be a whole number from 1 to 65535'],
    ['port=5432x', 'port must be a whole number from 1 to 65535'],
    ['connect_timeout=soon', 'connect_timeout must be a whole number from 0 to 3600'],
    ['host=h1,h2', 'several hosts are not supported'],
  ])('%s', (parameter, reason) => {
    const message = refusal(`postgres://u:s3cret@h/db?${parameter}`);
    expect(message).toContain(`DATABASE_URL: ${reason}`);
    expect(message).not.toContain('s3cret');
  });

  it('several hosts', () => {
    expect(refusal('postgres://u:p@h1,h2/db')).toContain('DATABASE_URL: several hosts are not');
  });
});

/** A password with a character that ends a part of a URL, not encoded. */
const MISREAD = [
  's3cr@tpart#x',
  's3cr#t',
  's3cr?t',
  '12?s3cr',
  '12?s3cr=t',
  '12/s3cr',
  's3cr/t',
  's3@cr/t',
  '1#2',
  's3cr%t',
  's3cr%zz',
  's3cr%00',
  's3\ncr',
];

it.each([
  ...MISREAD.map((password) => `postgres://user1:${password}@example/base`),
  ...MISREAD.map((password) => `postgres://user1:${password}@example:5432/base?sslmode=require`),
  'postgres://user1:s3cret',
  'postgres://user1:s3cret/base',
  'postgres://user1:s3cret@example:port/base',
  'postgres://user1:s3cret@exa mple/base',
  'postgres://user1:s3cret@exa%40mple/base',
  'postgres://user1:s3cret@[::1/base',
  'postgres://user1:s3cret@[example]/base',
  'postgres://user1:s3cret@::1/base',
  'postgres://user1:s3cret@example/base?s3cret',
  'postgres://user1:s3cret@example/base?a b=1',
  'postgres://user1:s3cret@example/base?host=user1@example',
  'postgres://user1:s3cret@example/ba%ffse',
])('names the variable and shows no part of a malformed URL: %j', (url) => {
  expect(refusal(url)).toBe(
    'The configuration is invalid:\n  DATABASE_URL is not a valid URL (special characters in user and password must be percent-encoded)',
  );
});
