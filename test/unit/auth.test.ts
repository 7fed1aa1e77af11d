import { type Authenticator, createAuthenticator } from '../../src/auth/authenticator';
import { ProblemError } from '../../src/problems/problem';
import {
  ACCEPTED,
  AUDIENCE,
  BAD,
  EXPIRED,
  good,
  ISSUER,
  MISSING,
  now,
  PUBLISHED,
  server,
  stranger,
  without,
} from './auth-tokens';
import { recordedLog } from '../support/recorded-log';

let authenticator: Authenticator;
const log = jest.fn();
const authenticate = (authorization: string | undefined, by = authenticator) =>
  by.authenticate({ authorization });

beforeAll(async () => {
  server.keys = PUBLISHED;
  await server.start();
  const settings = { issuer: ISSUER, audience: AUDIENCE, identityClaim: 'email' };
  authenticator = await createAuthenticator(
    [{ jwksUrl: server.url, header: 'Authorization', ...settings }],
    recordedLog(log),
  );
});

afterAll(async () => {
  authenticator.close();
  await server.stop();
});

async function problemOf(promise: Promise<unknown>): Promise<ProblemError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProblemError)) throw new Error(`no problem but ${String(error)}`);
  return error;
}

describe('the token matrix', () => {
  test.each(ACCEPTED)('accepts %s', async (_name, authorization, actor) => {
    const identity = await authenticate(authorization());
    expect(identity.actor).toBe(actor);
    expect(identity.claims.iss).toBe(ISSUER);
  });

  test.each(MISSING)('asks for a token when it gets %s', async (_name, authorization) => {
    const problem = await problemOf(authenticate(authorization()));
    expect([problem.status, problem.code]).toEqual([401, 'AUT-001']);
    expect(problem.headers).toEqual({ 'WWW-Authenticate': 'Bearer realm="hyperfleet"' });
  });

  test.each([
    ...EXPIRED.map((row) => ['AUT-003', ...row] as const),
    ...BAD.map((row) => ['AUT-002', ...row] as const),
  ])('responds with %s to %s', async (code, _name, authorization) => {
    const problem = await problemOf(authenticate(authorization()));
    expect([problem.status, problem.code]).toEqual([401, code]);
    expect(problem.headers['WWW-Authenticate']).toMatch(
      /^Bearer realm="hyperfleet", error="invalid_token", error_description="[ -~]+"$/,
    );
    expect(problem.message).not.toMatch(/jose|jwk|jws/i);
  });

  test.each([
    ['The token has no exp claim.', () => without('exp')],
    [
      'The iss claim of the token is not one that is accepted in the Authorization header.',
      () => good({ iss: 'other' }),
    ],
    ['The token is not valid yet.', () => good({ nbf: now() + 60 })],
    ['The signature of the token is wrong.', () => good({}, stranger)],
  ])('says what is wrong: %s', async (message, authorization) => {
    const problem = await problemOf(authenticate(authorization()));
    expect(problem.message).toBe(message);
  });

  test('a flood of unknown keys makes the provider be asked at most once in the cooldown', async () => {
    const before = server.fetches;
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        problemOf(authenticate(good({}, { ...stranger, kid: `kid ${index}` }))),
      ),
    );
    expect(server.fetches - before).toBeLessThanOrEqual(1);
  });

  test('a key of the provider that cannot be used is logged for operators', () => {
    expect(log).toHaveBeenCalledWith('warn', expect.stringContaining('key'), expect.anything());
  });
});

describe('issuer and audience *', () => {
  test('accept any and are warned about', async () => {
    const warnings = jest.fn();
    const lenient = await createAuthenticator(
      [{ jwksUrl: server.url, header: 'Authorization', identityClaim: 'sub' }],
      recordedLog(warnings),
    );
    const authorization = good({ iss: undefined, aud: 'anything', sub: 'me@example.com' });
    expect((await authenticate(authorization, lenient)).actor).toBe('me@example.com');
    expect((await problemOf(authenticate(without('exp'), lenient))).code).toBe('AUT-002');
    expect(warnings.mock.calls.filter(([level]) => level === 'warn')).toHaveLength(2);
    lenient.close();
  });
});

test('an identity on which a pattern backtracks for hours is refused soon, and at once the next time', async () => {
  const warnings = jest.fn();
  const careless = await createAuthenticator(
    [
      {
        ...{ jwksUrl: server.url, issuer: ISSUER, audience: AUDIENCE },
        ...{ header: 'Authorization', identityClaim: 'sub', identityPattern: /^(?:(a+)+)$/u },
      },
    ],
    recordedLog(warnings),
  );
  expect((await authenticate(good({ sub: 'aaa' }), careless)).claims.sub).toBe('aaa');
  const startedAt = performance.now();
  const costly = good({ sub: `${'a'.repeat(200)}!` });
  for (let count = 0; count < 10; count += 1) {
    const problem = await problemOf(authenticate(costly, careless));
    expect(problem.message).toBe('The sub claim does not match the pattern of its issuer.');
  }
  expect(performance.now() - startedAt).toBeLessThan(900);
  expect(warnings.mock.calls).toEqual([
    ['info', 'The key provider is reachable', expect.anything()],
    ['warn', 'an identity took too long to match its pattern', { pattern: '^(?:(a+)+)$' }],
  ]);
  careless.close();
});
