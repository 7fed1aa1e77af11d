import { createGate } from '../../src/auth/gate';
import { assertServable, loadConfig } from '../../src/config/config';
import { recordedLog } from '../support/recorded-log';

test('all invalid values and all contradictions are reported at once', () => {
  const env = {
    ...{ API_PORT: '70000', DATABASE_URL: 'mysql://h/db', PGPASSWORD: 'x' },
    ...{ DATABASE_PASSWORD_FILE: '/x', TLS_CERT_FILE: '/x', AUTH_JWKS_URL: 'ftp://x' },
    ...{ AUTHZ_ENABLED: 'true', LOG_LEVEL: 'loud' },
  };
  const lines = /^The configuration is invalid:\n {2}API_PORT='70000'[^]*\n {2}LOG_LEVEL='loud'/;
  expect(() => loadConfig(env)).toThrow(lines);
  for (const name of ['DATABASE_URL', 'AUTH_JWKS_URL', 'AUTHZ_ENABLED', 'PGPASSWORD', 'TLS_CERT']) {
    expect(() => loadConfig(env)).toThrow(new RegExp(`^  ${name}`, 'm'));
  }
});

const serving = (env: NodeJS.ProcessEnv) => () => assertServable(loadConfig(env));

describe('what protects nothing unless a switch is on', () => {
  const ISSUER = {
    AUTH_JWKS_URL: 'https://login.example.com/keys',
    AUTH_JWKS_FILE: '/keys.json',
    AUTH_ISSUER: 'https://login.example.com',
    AUTH_AUDIENCE: 'hyperfleet',
    AUTH_ISSUERS_FILE: '/issuers.yaml',
  };
  const RULES = { AUTHZ_RULES_FILE: '/rules.yaml' };
  const OFF = { AUTH_ENABLED: 'false', AUTHZ_ENABLED: 'false' };

  test.each(Object.entries(ISSUER))(
    'stops the start while the switch is unset: %s',
    (name, value) => {
      expect(serving({ [name]: value })).toThrow(
        `The configuration is invalid:\n  AUTH_ENABLED must be set to true or false because ${name} is set`,
      );
    },
  );

  test('stops the start while the switch is unset: rules', () => {
    const message = 'AUTHZ_ENABLED must be set to true or false because AUTHZ_RULES_FILE is set';
    expect(serving(RULES)).toThrow(message);
    expect(serving({ ...ISSUER, ...RULES, AUTH_ENABLED: 'true' })).toThrow(message);
  });

  test('does not stop the other commands', () => {
    expect(() => loadConfig({ ...ISSUER, ...RULES })).not.toThrow();
  });

  test('is warned about when it is switched off', async () => {
    const log = jest.fn();
    expect(serving({ ...ISSUER, ...RULES, ...OFF })).not.toThrow();
    const gate = await createGate(
      loadConfig({ ...ISSUER, ...RULES, ...OFF }),
      recordedLog(log),
      [],
    );
    expect(gate).toEqual({});
    expect(log.mock.calls).toEqual([
      [
        'warn',
        `Without effect, because AUTH_ENABLED is not true: ${Object.keys(ISSUER).join(', ')}`,
      ],
      ['warn', 'Without effect, because AUTHZ_ENABLED is not true: AUTHZ_RULES_FILE'],
    ]);
  });

  test('is not mentioned when nothing is configured', async () => {
    const log = jest.fn();
    expect(serving({})).not.toThrow();
    expect(await createGate(loadConfig({}), recordedLog(log), [])).toEqual({});
    expect(log).not.toHaveBeenCalled();
  });
});
