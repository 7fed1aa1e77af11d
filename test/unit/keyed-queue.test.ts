import { setTimeout as sleep } from 'node:timers/promises';
import { KeyedQueue } from '../../src/postgres/keyed-queue';

const PATIENT_MS = 10_000;

test('work under one key is done one after the other, in the order of arrival', async () => {
  const queue = new KeyedQueue(PATIENT_MS);
  const events: string[] = [];
  const work = (name: string, ms: number) =>
    queue.run('key', async () => {
      events.push(`${name} begins`);
      await sleep(ms);
      events.push(`${name} ends`);
      return name;
    });

  expect(await Promise.all([work('a', 20), work('b', 1), work('c', 1)])).toEqual(['a', 'b', 'c']);
  expect(events).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test('work under another key does not wait', async () => {
  const queue = new KeyedQueue(PATIENT_MS);
  let finish: () => void = () => undefined;
  const slow = queue.run('one', () => new Promise<void>((resolve) => (finish = resolve)));

  expect(await queue.run('other', () => Promise.resolve('done'))).toBe('done');
  finish();
  await slow;
});

test('work that fails passes its turn on, and its failure to nobody else', async () => {
  const queue = new KeyedQueue(PATIENT_MS);
  const failing = queue.run('key', () => Promise.reject(new Error('mine')));
  const next = queue.run('key', () => Promise.resolve('fine'));

  await expect(failing).rejects.toThrow('mine');
  expect(await next).toBe('fine');
});

test('nobody waits for ever behind work that hangs', async () => {
  const queue = new KeyedQueue(20);
  void queue.run('key', () => new Promise(() => undefined));

  expect(await queue.run('key', () => Promise.resolve('went ahead'))).toBe('went ahead');
});
