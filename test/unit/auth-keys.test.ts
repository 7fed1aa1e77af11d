import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jwksUrlProblem } from '../../src/config/config';
import {
  type Authenticator,
  type AuthSettings,
  createAuthenticator,
} from '../../src/auth/authenticator';
import { ProblemError } from '../../src/problems/problem';
import { KeyServer, signingKey, token } from '../support/key-provider';

const first = signingKey('ES256', 'first');
const second = signingKey('ES256', 'second');
const third = signingKey('ES256', 'third');
const log = jest.fn();
let server: KeyServer;
let authenticator: Authenticator | undefined;
let directory: string;

// Only the clocks are under control, so that minutes pass at once while the network stays real.
function controlClocks(intervals: 'real intervals' | 'controlled intervals' = 'real intervals') {
  jest.useFakeTimers({
    doNotFake: [
      'hrtime',
      'nextTick',
      'queueMicrotask',
      'setImmediate',
      'clearImmediate',
      'setTimeout',
      'clearTimeout',
      ...(intervals === 'real intervals' ? (['setInterval', 'clearInterval'] as const) : []),
    ],
  });
}

beforeEach(async () => {
  log.mockClear();
  controlClocks();
  server = new KeyServer();
  server.keys = [first.jwk];
  await server.start();
  directory = await mkdtemp(join(tmpdir(), 'keys-'));
});

afterEach(async () => {
  authenticator?.close();
  await server.stop();
  await rm(directory, { recursive: true });
  jest.useRealTimers();
});

const open = async (settings: Partial<AuthSettings> = { jwksUrl: server.url }) => {
  authenticator = await createAuthenticator(
    { issuer: '*', audience: '*', identityClaim: 'sub', ...settings },
    log,
  );
};

let serial = 0;
/** Every token is a new one, so that nothing comes from memory. */
function fresh(key = first, header?: Record<string, unknown>): string {
  serial += 1;
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  return `Bearer ${token({ sub: 'ada', exp, serial }, key, header)}`;
}

/** 'ok', or the code of the problem. */
async function response(authorization: string): Promise<string> {
  try {
    await authenticator?.authenticate(authorization);
    return 'ok';
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.code === 'SVC-001') expect(Number(error.headers['Retry-After'])).toBeGreaterThan(0);
    return error.code;
  }
}

test('a provider that is down at the start makes tokens wait, not fail, until it is up', async () => {
  await server.stop();
  await open();
  expect(await response(fresh())).toBe('SVC-001');
  await server.start();
  expect(await response(fresh())).toBe('SVC-001');
  jest.advanceTimersByTime(6_000);
  expect(await response(fresh())).toBe('ok');
  expect(log.mock.calls.map(([level]: unknown[]) => level)).toEqual([
    'warn',
    'warn',
    'warn',
    'info',
  ]);
});

test.each(['error', 'nonsense'] as const)(
  'a provider with %s counts as down',
  async (behaviour) => {
    server.behaviour = behaviour;
    await open();
    expect(await response(fresh())).toBe('SVC-001');
  },
);

test('a token that is bad in itself is refused even while the provider is down', async () => {
  await server.stop();
  await open();
  expect(await response('Bearer nonsense')).toBe('AUT-002');
  expect(await response(fresh(first, { alg: 'none' }))).toBe('AUT-002');
});

test('known keys go on working while the provider is down, unknown ones get 503', async () => {
  await open();
  expect(await response(fresh())).toBe('ok');
  await server.stop();
  jest.advanceTimersByTime(3_000_000);
  expect(await response(fresh())).toBe('ok');
  expect(await response(fresh(second))).toBe('SVC-001');
  expect(await response(fresh(second, { kid: undefined }))).toBe('SVC-001');
  expect(await response(fresh(second, { kid: 'first' }))).toBe('AUT-002');
  expect(await response(fresh())).toBe('ok');
});

test('a provider that hangs holds up one unknown key for three seconds, and no known one', async () => {
  await open();
  server.behaviour = 'hang';
  jest.advanceTimersByTime(11_000);
  const startedAt = process.hrtime.bigint();
  const unknown = [response(fresh(second)), response(fresh(second))];
  expect(await response(fresh())).toBe('ok');
  expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(1_000);
  expect(await Promise.all(unknown)).toEqual(['SVC-001', 'SVC-001']);
  expect(await response(fresh(second))).toBe('SVC-001');
  expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(4_500);
  expect(server.fetches).toBe(2);
});

test('a rotated key is found after the cooldown, and a hundred requests ask once for it', async () => {
  await open();
  server.keys = [first.jwk, second.jwk];
  expect(await response(fresh(second))).toBe('AUT-002');
  jest.advanceTimersByTime(11_000);
  const responses = await Promise.all(Array.from({ length: 100 }, () => response(fresh(second))));
  expect(new Set(responses)).toEqual(new Set(['ok']));
  expect(server.fetches).toBe(2);
});

test('a rotation is noticed for tokens without kid, too', async () => {
  server.keys = [{ ...first.jwk, kid: undefined }];
  await open();
  server.keys = [{ ...second.jwk, kid: undefined }];
  jest.advanceTimersByTime(11_000);
  expect(await response(fresh(second, { kid: undefined }))).toBe('ok');
});

test('a withdrawn key stops working in the background, for tokens already seen as well', async () => {
  jest.useRealTimers();
  controlClocks('controlled intervals');
  await open();
  const seen = fresh();
  expect(await response(seen)).toBe('ok');
  server.keys = [second.jwk];
  jest.advanceTimersByTime(290_000);
  const seenLater = fresh();
  expect(await response(seenLater)).toBe('ok');
  jest.advanceTimersByTime(20_000);
  while ((await response(fresh(second))) !== 'ok') await new Promise(setImmediate);
  expect(await response(seenLater)).toBe('AUT-002');
  expect(await response(seen)).toBe('AUT-002');
  expect(server.fetches).toBe(2);
});

test('a token is not remembered beyond its end', async () => {
  await open();
  const exp = Math.floor(Date.now() / 1_000) - 20;
  const authorization = `Bearer ${token({ sub: 'ada', exp }, first)}`;
  expect(await response(authorization)).toBe('ok');
  jest.advanceTimersByTime(15_000);
  expect(await response(authorization)).toBe('AUT-003');
});

test('a token is verified again only when thirty seconds have passed', async () => {
  await open();
  const verify = jest.spyOn(crypto.subtle, 'verify');
  const authorization = fresh();
  for (let count = 0; count < 100; count += 1) expect(await response(authorization)).toBe('ok');
  expect(verify).toHaveBeenCalledTimes(1);
  jest.advanceTimersByTime(31_000);
  expect(await response(authorization)).toBe('ok');
  expect(verify).toHaveBeenCalledTimes(2);
  verify.mockRestore();
});

describe('a key file', () => {
  const put = (name: string, keys: unknown) =>
    writeFile(join(directory, name), JSON.stringify({ keys }));

  test('is read again for an unknown key when the mounted link was swapped', async () => {
    await put('one.json', [first.jwk]);
    await put('two.json', [second.jwk]);
    const jwksFile = join(directory, 'keys.json');
    await symlink('one.json', jwksFile);
    await open({ jwksFile });
    expect(await response(fresh())).toBe('ok');
    await symlink('two.json', join(directory, 'new'));
    await rename(join(directory, 'new'), jwksFile);
    expect(await response(fresh(second))).toBe('ok');
    expect(await response(fresh())).toBe('AUT-002');
  });

  test('that turns bad keeps its keys; unknown ones get 503 until it is mended', async () => {
    const jwksFile = join(directory, 'keys.json');
    await put('keys.json', [first.jwk]);
    await open({ jwksFile });
    await writeFile(jwksFile, '{');
    expect(await response(fresh(second))).toBe('SVC-001');
    expect(await response(fresh())).toBe('ok');
    await put('keys.json', [second.jwk]);
    expect(await response(fresh(second))).toBe('ok');
  });

  test('and a provider work together, also when they share a key or a kid', async () => {
    const jwksFile = join(directory, 'keys.json');
    await put('keys.json', [first.jwk, second.jwk, { ...third.jwk, kid: 'first' }]);
    server.keys = [first.jwk];
    await open({ jwksUrl: server.url, jwksFile });
    expect(await response(fresh(first))).toBe('ok');
    expect(await response(fresh(second))).toBe('ok');
    expect(await response(fresh(third, { kid: 'first' }))).toBe('ok');
    expect(await response(fresh(third))).toBe('AUT-002');
  });

  test('works while the provider beside it is down', async () => {
    await put('keys.json', [second.jwk]);
    await server.stop();
    await open({ jwksUrl: server.url, jwksFile: join(directory, 'keys.json') });
    expect(await response(fresh(second))).toBe('ok');
    expect(await response(fresh(first))).toBe('SVC-001');
  });

  test.each([
    ['no JSON', 'x'],
    ['no key set', '[]'],
    ['a secret key', JSON.stringify({ keys: [first.privateKey.export({ format: 'jwk' })] })],
    ['a shared secret', '{"keys":[{"kty":"oct","k":"AAAA"}]}'],
  ])('with %s stops the start and is named', async (_name, content) => {
    const jwksFile = join(directory, 'keys.json');
    await writeFile(jwksFile, content);
    await expect(open({ jwksFile })).rejects.toThrow(jwksFile);
  });

  test('that is missing stops the start and is named', async () => {
    await expect(open({ jwksFile: '/nowhere/keys.json' })).rejects.toThrow('/nowhere/keys.json');
  });
});

describe('the address of the key provider', () => {
  test.each([
    'https://sso.example.com/certs',
    'http://localhost:8080/certs',
    'http://127.0.0.1/certs',
    'http://[::1]:80/certs',
  ])('may be %s', (address) => {
    expect(jwksUrlProblem(address)).toBeUndefined();
  });

  test.each([
    'http://sso.example.com/certs',
    'http://127.0.0.1.example.com/certs',
    'http://localhost.example.com/certs',
    'https://user:password@sso.example.com/certs',
    'file:///etc/keys.json',
    'sso.example.com/certs',
    '',
  ])('may not be %p', (address) => {
    expect(jwksUrlProblem(address)).toMatch(/^must /);
  });
});
