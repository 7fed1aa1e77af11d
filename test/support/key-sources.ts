import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Authenticator, createAuthenticator } from '../../src/auth/authenticator';
import type { IssuerSettings } from '../../src/config/issuers-file';
import { ProblemError } from '../../src/problems/problem';
import { KeyServer, signingKey, token } from './key-provider';
import { recordedLog } from './recorded-log';

/* An authenticator for each test, with a key provider and a directory for key files. */

export const first = signingKey('ES256', 'first');
export const second = signingKey('ES256', 'second');
export const third = signingKey('ES256', 'third');
export const log = jest.fn();
export let server: KeyServer;
let authenticator: Authenticator | undefined;
export let directory: string;

// Only the clocks are under control, so that minutes pass at once while the network stays real.
export function controlClocks(
  intervals: 'real intervals' | 'controlled intervals' = 'real intervals',
) {
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

export const open = async (settings: Partial<IssuerSettings> = { jwksUrl: server.url }) => {
  authenticator?.close();
  authenticator = await createAuthenticator(
    [{ header: 'Authorization', identityClaim: 'sub', ...settings }],
    recordedLog(log),
  );
};

let serial = 0;
/** Every token is a new one, so that nothing comes from memory. */
export function fresh(key = first, header?: Record<string, unknown>): string {
  serial += 1;
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  return `Bearer ${token({ sub: 'ada', exp, serial }, key, header)}`;
}

/** 'ok', or the code of the problem. */
export async function outcomeOf(authorization: string): Promise<string> {
  try {
    await authenticator?.authenticate({ authorization });
    return 'ok';
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    if (error.code === 'SVC-001') expect(Number(error.headers['Retry-After'])).toBeGreaterThan(0);
    return error.code;
  }
}
