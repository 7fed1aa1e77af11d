import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { RequestAborted } from '../../src/postgres/errors';
import { PageAdmission } from '../../src/http/page-admission';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

class Response extends EventEmitter {
  closed = false;
  readonly destroy = jest.fn(() => this.close());

  close(): void {
    this.closed = true;
    this.emit('close');
  }
}

/** Asks for a page. @returns its response, and what became of it so far */
function ask(pages: PageAdmission, pageSize = 500) {
  const response = new Response();
  const asked = { response, state: 'waiting', error: undefined as unknown };
  pages.admit(pageSize, response as unknown as ServerResponse).then(
    () => (asked.state = 'admitted'),
    (error: unknown) => Object.assign(asked, { state: 'refused', error }),
  );
  return asked;
}

const settle = () => jest.advanceTimersByTimeAsync(0);
const states = (asked: { state: string }[]) => asked.map(({ state }) => state);

it('lets two large pages be read, then the next ones in their order, one for each that ends', async () => {
  const pages = new PageAdmission();
  const asked = Array.from({ length: 5 }, () => ask(pages));
  await settle();
  expect(states(asked)).toEqual(['admitted', 'admitted', 'waiting', 'waiting', 'waiting']);
  asked[1]!.response.close();
  await settle();
  expect(states(asked)).toEqual(['admitted', 'admitted', 'admitted', 'waiting', 'waiting']);
  asked[0]!.response.close();
  asked[2]!.response.close();
  await settle();
  expect(states(asked).every((state) => state === 'admitted')).toBe(true);
});

it('lets small pages through at any time', async () => {
  const pages = new PageAdmission();
  const asked = Array.from({ length: 50 }, (_, n) => ask(pages, n < 5 ? 101 : 100));
  await settle();
  expect(states(asked.slice(5)).every((state) => state === 'admitted')).toBe(true);
});

it('refuses a page whose turn does not come in five seconds, and says when to come again', async () => {
  const pages = new PageAdmission();
  const [first, , late] = Array.from({ length: 3 }, () => ask(pages));
  await jest.advanceTimersByTimeAsync(4999);
  expect(late!.state).toBe('waiting');
  await jest.advanceTimersByTimeAsync(1);
  expect(late).toMatchObject({
    state: 'refused',
    error: { code: 'SVC-001', headers: { 'Retry-After': '2' } },
  });
  first!.response.close();
  const next = ask(pages);
  await settle();
  expect(next.state).toBe('admitted');
});

it('forgets a client that leaves while it waits', async () => {
  const pages = new PageAdmission();
  const [first, , gone, patient] = Array.from({ length: 4 }, () => ask(pages));
  gone!.response.close();
  await settle();
  expect(gone).toMatchObject({ state: 'refused', error: expect.any(RequestAborted) as unknown });
  first!.response.close();
  await settle();
  expect(patient!.state).toBe('admitted');
});

it('ends the turn of a client that takes a minute to read', async () => {
  const pages = new PageAdmission();
  const [slow] = Array.from({ length: 2 }, () => ask(pages));
  await jest.advanceTimersByTimeAsync(60_000);
  expect(slow!.response.destroy).toHaveBeenCalled();
  const next = ask(pages);
  await settle();
  expect(next.state).toBe('admitted');
});
