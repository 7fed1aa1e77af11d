import { createClient, type WatchSelection } from '../../src/client';

/* What a client does without a service: `fetch` is replaced. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const BASE_URL = 'http://service.test:8000';

const respond = (body: string, init: ResponseInit) => () =>
  Promise.resolve(new Response(body, init));

/** What the watch throws, and what it would have tried again for. */
async function watch(
  options: Partial<Parameters<typeof createClient>[0]>,
  selection: WatchSelection = {},
) {
  const retried: (Error | undefined)[] = [];
  const stop = new AbortController();
  const onReconnect = (reason?: Error) => {
    retried.push(reason);
    stop.abort(new Error('retried'));
  };
  const events = createClient({ baseUrl: BASE_URL, ...options }).watch(CLUSTERS, {
    ...{ signal: stop.signal, onReconnect, ...selection },
  });
  const error = await events.next().then(
    () => undefined,
    (thrown: unknown) => thrown as Error,
  );
  return { message: error?.message, retried };
}

describe('the base URL', () => {
  it.each(['http://localhost:8000', 'HTTPS://api.example.org/fleet/', 'http://[::1]'])(
    'may be %s',
    (baseUrl) => {
      expect(() => createClient({ baseUrl })).not.toThrow();
    },
  );

  it.each([
    'localhost:8000',
    '',
    '/api',
    'ftp://localhost',
    'http://',
    'http://ada:secret@localhost',
    'http://ada@localhost',
    'http://:secret@localhost',
  ])('cannot be %p, and is not shown', (baseUrl) => {
    const message = 'baseUrl must be an http or https URL without a user name or password';
    expect(() => createClient({ baseUrl })).toThrow(new TypeError(message));
  });
});

describe('a watch', () => {
  it('throws what the token throws', async () => {
    const token = () => Promise.reject(new Error('no such file'));
    expect(await watch({ token })).toEqual({ message: 'no such file', retried: [] });
  });

  it('throws when the response is not a stream of events', async () => {
    const init = { headers: { 'Content-Type': 'text/html' } };
    expect(await watch({ fetch: respond('<h1>Welcome</h1>', init) })).toEqual({
      ...{ message: 'The response is text/html and not a stream of events', retried: [] },
    });
  });

  it('tries again when the service is not reached', async () => {
    const reason = new TypeError('fetch failed');
    const ended = await watch({ token: 'good', fetch: () => Promise.reject(reason) });
    expect(ended).toEqual({ message: 'retried', retried: [reason] });
  });

  it.each([200, 400])('tries again when the body of a %d breaks', async (status) => {
    const reason = new TypeError('terminated');
    const body = new ReadableStream({ pull: (controller) => controller.error(reason) });
    const headers = { 'Content-Type': 'text/event-stream' };
    const fetch = () => Promise.resolve(new Response(body, { status, headers }));
    expect(await watch({ fetch })).toEqual({ message: 'retried', retried: [reason] });
  });
});
