import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAuthenticator } from '../../src/auth/authenticator';
import { Authority } from '../support/certificates';
import { KeyServer } from '../support/key-provider';
import { directory, first, fresh, log, open, outcomeOf, second } from '../support/key-sources';
import { recordedLog } from '../support/recorded-log';

/* A key provider with a certificate of a private authority. */

let provider: KeyServer;
let caFile: string;
beforeEach(async () => {
  const authority = new Authority(directory, 'ours');
  caFile = authority.file;
  provider = new KeyServer(authority.forLocalhost());
  provider.keys = [first.jwk];
  await provider.start();
});
afterEach(() => provider.stop());

test('is asked when its authority is trusted', async () => {
  await open({ jwksUrl: provider.url, caFile });
  expect(await outcomeOf(fresh())).toBe('ok');
  expect(await outcomeOf(fresh(second))).toBe('AUT-002');
});

test('counts as down when its authority is not trusted', async () => {
  await open({ jwksUrl: provider.url });
  expect(await outcomeOf(fresh())).toBe('SVC-001');
  await open({ jwksUrl: provider.url, caFile: new Authority(directory, 'foreign').file });
  expect(await outcomeOf(fresh())).toBe('SVC-001');
  expect(provider.fetches).toBe(0);
});

test('counts as down when the certificate is for another name', async () => {
  await open({ jwksUrl: provider.url.replace('localhost', '127.0.0.1'), caFile });
  expect(await outcomeOf(fresh())).toBe('SVC-001');
});

test.each(['error', 'nonsense'] as const)('with %s counts as down', async (behaviour) => {
  provider.behaviour = behaviour;
  await open({ jwksUrl: provider.url, caFile });
  expect(await outcomeOf(fresh())).toBe('SVC-001');
});

test('that hangs is given up after three seconds', async () => {
  provider.behaviour = 'hang';
  const startedAt = process.hrtime.bigint();
  await open({ jwksUrl: provider.url, caFile });
  expect(await outcomeOf(fresh())).toBe('SVC-001');
  expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(4_500);
});

test('that breaks off amid the keys counts as down', async () => {
  provider.behaviour = 'break off';
  await open({ jwksUrl: provider.url, caFile });
  expect(await outcomeOf(fresh())).toBe('SVC-001');
});

test('is trusted again when its new authority is in the file', async () => {
  const file = join(directory, 'ca.crt');
  await copyFile(new Authority(directory, 'foreign').file, file);
  await open({ jwksUrl: provider.url, caFile: file });
  expect(await outcomeOf(fresh())).toBe('SVC-001');
  await copyFile(caFile, file);
  // The file is looked at every two seconds.
  await sleep(2_500);
  jest.advanceTimersByTime(6_000);
  expect(await outcomeOf(fresh())).toBe('ok');
});

test('files that cannot be used stop the start, and all of them are named', async () => {
  const empty = join(directory, 'empty.crt');
  const broken = join(directory, 'broken.crt');
  await writeFile(empty, 'nothing');
  await writeFile(broken, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const settings = { header: 'Authorization', identityClaim: 'sub', jwksUrl: provider.url };
  const files = [empty, caFile, broken, '/nowhere/ca.crt'];
  const opening = createAuthenticator(
    files.map((each, index) => ({ ...settings, issuer: String(index), caFile: each })),
    recordedLog(log),
  );
  const { message } = await opening.then(
    () => new Error('it started'),
    (error: unknown) => error as Error,
  );
  const named = files.filter((file) =>
    message.includes(`The CA file (jwk_cert_ca_file) ${file} cannot`),
  );
  expect(named).toEqual([empty, broken, '/nowhere/ca.crt']);
});
