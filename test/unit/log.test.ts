import { setImmediate } from 'node:timers/promises';
import { describeConfig, loadConfig } from '../../src/config/config';
import { createLogger } from '../../src/telemetry/log';

async function logged(format: 'json' | 'text', fields: Record<string, unknown>): Promise<string> {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  createLogger({ level: 'info', format }).info('event', fields);
  await setImmediate();
  const [[line]] = write.mock.calls as [[string]];
  write.mockRestore();
  return line;
}

describe.each(['json', 'text'] as const)('a line of the log as %s', (format) => {
  const shown = async (config: Record<string, string>) =>
    (await logged(format, { config: describeConfig(loadConfig(config)) })).replaceAll('\\"', '"');

  test('shows which variables of secrets are unset, and where files are', async () => {
    const files = { DATABASE_URL_FILE: '/run/url', DATABASE_PASSWORD_FILE: '/run/password' };
    const line = await shown(files);
    expect(line).toContain('"DATABASE_URL":null,"DATABASE_URL_FILE":"/run/url"');
    expect(line).toContain('"PGPASSWORD":null,"DATABASE_PASSWORD_FILE":"/run/password"');
  });

  test('masks what they are set to', async () => {
    const line = await shown({ DATABASE_URL: 'postgres://u:hunter2@h', PGPASSWORD: 'hunter2' });
    expect(line).toContain('"DATABASE_URL":"***"');
    expect(line).toContain('"PGPASSWORD":"***"');
    expect(line).not.toContain('hunter2');
  });

  test.each([
    ...['credentials', 'passphrase', 'private_key', 'access_key', 'auth-key', 'apiKey', 'cookie'],
    ...['authorization', 'password', 'passwd', 'secret', 'token', 'database_url'],
  ])('masks %s', async (name) => {
    expect(await logged(format, { [name]: 'hunter2' })).not.toContain('hunter2');
    expect(await logged(format, { deep: { [name]: ['hunter2'] } })).not.toContain('hunter2');
  });
});

test('a line of the log as text spells out what a terminal would obey, or not show', async () => {
  const line = await logged('text', { actor: 'a\u202eb\u2066c\u009bd\u2028e' });
  expect(line).toMatch(/ INFO event actor="?a\\u202eb\\u2066c\\u009bd\\u2028e"?\n$/);
});
