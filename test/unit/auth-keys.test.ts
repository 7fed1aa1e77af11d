import { token } from '../support/key-provider';
import {
  controlClocks,
  first,
  fresh,
  log,
  open,
  outcomeOf,
  second,
  server,
} from '../support/key-sources';

test('a provider that is down at the start makes tokens wait, not fail, until it is up', async () => {
  await server.stop();
  await open();
  expect(await outcomeOf(fresh())).toBe('SVC-001');
  await server.start();
  expect(await outcomeOf(fresh())).toBe('SVC-001');
  jest.advanceTimersByTime(6_000);
  expect(await outcomeOf(fresh())).toBe('ok');
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
    expect(await outcomeOf(fresh())).toBe('SVC-001');
  },
);

test('a token that is bad in itself is refused even while the provider is down', async () => {
  await server.stop();
  await open();
  expect(await outcomeOf('Bearer nonsense')).toBe('AUT-002');
  expect(await outcomeOf(fresh(first, { alg: 'none' }))).toBe('AUT-002');
});

test('known keys go on working while the provider is down, unknown ones get 503', async () => {
  await open();
  expect(await outcomeOf(fresh())).toBe('ok');
  await server.stop();
  jest.advanceTimersByTime(3_000_000);
  expect(await outcomeOf(fresh())).toBe('ok');
  expect(await outcomeOf(fresh(second))).toBe('SVC-001');
  expect(await outcomeOf(fresh(second, { kid: undefined }))).toBe('SVC-001');
  expect(await outcomeOf(fresh(second, { kid: 'first' }))).toBe('AUT-002');
  expect(await outcomeOf(fresh())).toBe('ok');
});

test('a provider that hangs holds up one unknown key for three seconds, and no known one', async () => {
  await open();
  server.behaviour = 'hang';
  jest.advanceTimersByTime(11_000);
  const startedAt = process.hrtime.bigint();
  const unknown = [outcomeOf(fresh(second)), outcomeOf(fresh(second))];
  expect(await outcomeOf(fresh())).toBe('ok');
  expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(1_000);
  expect(await Promise.all(unknown)).toEqual(['SVC-001', 'SVC-001']);
  expect(await outcomeOf(fresh(second))).toBe('SVC-001');
  expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(4_500);
  expect(server.fetches).toBe(2);
});

test('a rotated key is found after the cooldown, and a hundred requests ask once for it', async () => {
  await open();
  server.keys = [first.jwk, second.jwk];
  expect(await outcomeOf(fresh(second))).toBe('AUT-002');
  jest.advanceTimersByTime(11_000);
  const responses = await Promise.all(Array.from({ length: 100 }, () => outcomeOf(fresh(second))));
  expect(new Set(responses)).toEqual(new Set(['ok']));
  expect(server.fetches).toBe(2);
});

test('a rotation is noticed for tokens without kid, too', async () => {
  server.keys = [{ ...first.jwk, kid: undefined }];
  await open();
  server.keys = [{ ...second.jwk, kid: undefined }];
  jest.advanceTimersByTime(11_000);
  expect(await outcomeOf(fresh(second, { kid: undefined }))).toBe('ok');
});

test('a withdrawn key stops working in the background, for tokens already seen as well', async () => {
  jest.useRealTimers();
  controlClocks('controlled intervals');
  await open();
  const seen = fresh();
  expect(await outcomeOf(seen)).toBe('ok');
  server.keys = [second.jwk];
  jest.advanceTimersByTime(290_000);
  const seenLater = fresh();
  expect(await outcomeOf(seenLater)).toBe('ok');
  jest.advanceTimersByTime(20_000);
  while ((await outcomeOf(fresh(second))) !== 'ok') await new Promise(setImmediate);
  expect(await outcomeOf(seenLater)).toBe('AUT-002');
  expect(await outcomeOf(seen)).toBe('AUT-002');
  expect(server.fetches).toBe(2);
});

test('a token is not remembered beyond its end', async () => {
  await open();
  const exp = Math.floor(Date.now() / 1_000) - 20;
  const authorization = `Bearer ${token({ sub: 'ada', exp }, first)}`;
  expect(await outcomeOf(authorization)).toBe('ok');
  jest.advanceTimersByTime(15_000);
  expect(await outcomeOf(authorization)).toBe('AUT-003');
});

test('a token is verified again only when thirty seconds have passed', async () => {
  await open();
  const verify = jest.spyOn(crypto.subtle, 'verify');
  const authorization = fresh();
  for (let count = 0; count < 100; count += 1) expect(await outcomeOf(authorization)).toBe('ok');
  expect(verify).toHaveBeenCalledTimes(1);
  jest.advanceTimersByTime(31_000);
  expect(await outcomeOf(authorization)).toBe('ok');
  expect(verify).toHaveBeenCalledTimes(2);
  verify.mockRestore();
});
