import { rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  directory,
  first,
  fresh,
  open,
  outcomeOf,
  second,
  server,
  third,
} from '../support/key-sources';

describe('a key file', () => {
  const put = (name: string, keys: unknown) =>
    writeFile(join(directory, name), JSON.stringify({ keys }));

  test('is read again for an unknown key when the mounted link was swapped', async () => {
    await put('one.json', [first.jwk]);
    await put('two.json', [second.jwk]);
    const jwksFile = join(directory, 'keys.json');
    await symlink('one.json', jwksFile);
    await open({ jwksFile });
    expect(await outcomeOf(fresh())).toBe('ok');
    await symlink('two.json', join(directory, 'new'));
    await rename(join(directory, 'new'), jwksFile);
    expect(await outcomeOf(fresh(second))).toBe('ok');
    expect(await outcomeOf(fresh())).toBe('AUT-002');
  });

  test('that turns bad keeps its keys; unknown ones get 503 until it is mended', async () => {
    const jwksFile = join(directory, 'keys.json');
    await put('keys.json', [first.jwk]);
    await open({ jwksFile });
    await writeFile(jwksFile, '{');
    expect(await outcomeOf(fresh(second))).toBe('SVC-001');
    expect(await outcomeOf(fresh())).toBe('ok');
    await put('keys.json', [second.jwk]);
    expect(await outcomeOf(fresh(second))).toBe('ok');
  });

  test('and a provider work together, also when they share a key or a kid', async () => {
    const jwksFile = join(directory, 'keys.json');
    await put('keys.json', [first.jwk, second.jwk, { ...third.jwk, kid: 'first' }]);
    server.keys = [first.jwk];
    await open({ jwksUrl: server.url, jwksFile });
    expect(await outcomeOf(fresh(first))).toBe('ok');
    expect(await outcomeOf(fresh(second))).toBe('ok');
    expect(await outcomeOf(fresh(third, { kid: 'first' }))).toBe('ok');
    expect(await outcomeOf(fresh(third))).toBe('AUT-002');
  });

  test('works while the provider beside it is down', async () => {
    await put('keys.json', [second.jwk]);
    await server.stop();
    await open({ jwksUrl: server.url, jwksFile: join(directory, 'keys.json') });
    expect(await outcomeOf(fresh(second))).toBe('ok');
    expect(await outcomeOf(fresh(first))).toBe('SVC-001');
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
    await expect(open({ jwksFile: '/nowhere/keys.json' })).rejects.toThrow(
      'The key file (AUTH_JWKS_FILE or jwk_cert_file) /nowhere/keys.json cannot be used',
    );
  });
});
