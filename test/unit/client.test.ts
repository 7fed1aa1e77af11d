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

describe('a token', () => {
  it.each(['line\nbreak', 'two words', 'tab\tulator', 'null\0', 'caf\u00e9', '\u20ac'])(
    'with %j inside is refused, and not shown',
    async (token) => {
      const fetch = jest.fn(respond('', { status: 503 }));
      const message = 'The token must consist of visible ASCII characters, without white space';
      const client = createClient({ baseUrl: BASE_URL, token, fetch });
      await expect(client.GET(CLUSTERS)).rejects.toThrow(new TypeError(message));
      expect(await watch({ token: () => token, fetch })).toEqual({ message, retried: [] });
      expect(fetch).not.toHaveBeenCalled();
    },
  );

  it('may come with the line break of a file', async () => {
    const sent: (string | null)[] = [];
    const fetch = ({ headers }: Request) => {
      sent.push(headers.get('Authorization'));
      return respond('{}', { status: 200 })();
    };
    await createClient({ baseUrl: BASE_URL, token: '\na.b.c\r\n', fetch }).GET(CLUSTERS);
    expect(sent).toEqual(['Bearer a.b.c']);
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

  it.each([
    [undefined, 'removed'],
    [' \n', 'removed'],
    ["name='oslo'", 'left'],
  ])('with the search %j tells as %s what is gone after a start anew', async (search, type) => {
    const oslo = { kind: 'Cluster', id: '1', href: `${CLUSTERS}/1` };
    const headers = { 'Content-Type': 'text/event-stream' };
    const stream = (body: string) =>
      respond(`retry: 1\n${body}event: synced\ndata: {}\n\n`, { headers });
    const responses = [
      stream(`event: updated\ndata: ${JSON.stringify(oslo)}\n\nid: cursor\n`),
      respond('{}', { status: 410 }),
      stream('id: later\n'),
    ];
    const fetch = () => responses.shift()!();
    const seen: unknown[] = [];
    for await (const event of createClient({ baseUrl: BASE_URL, fetch }).watch(CLUSTERS, {
      search,
    })) {
      seen.push(event);
      if ('id' in event) break;
    }
    expect(seen).toEqual([
      { type: 'updated', resource: oslo },
      { type: 'synced' },
      { type, ...oslo },
    ]);
  });
});
