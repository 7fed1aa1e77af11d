import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';

/* What a list accepts of a watch before any stream begins. */

const LISTS = ['/clusters', '/nodepools', '/resources'];
const CURSOR = '1.00000001.1~1~0';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const get = (path: string, headers: Record<string, string> = {}) => api(app).get(path).set(headers);

function faultsOf({ status, body }: { status: number; body: unknown }): Record<string, string> {
  expect(status).toBe(400);
  const { code, errors } = body as { code: string; errors: { field: string; message: string }[] };
  expect(code).toBe('HYPERFLEET-VAL-000');
  return Object.fromEntries(errors.map(({ field, message }) => [field, message]));
}

describe.each(LISTS)('a list at %s', (path) => {
  it('refuses everything about pages in a watch at once', async () => {
    const about = 'page=1&pageSize=2&size=3&order=asc&orderBy=name';
    const response = await get(`${path}?watch=true&${about}&unknown=1&since=%20`);
    expect(faultsOf(response)).toEqual({
      page: 'page cannot be used with watch=true',
      pageSize: 'pageSize cannot be used with watch=true',
      size: 'size cannot be used with watch=true',
      order: 'order cannot be used with watch=true',
      orderBy: 'orderBy cannot be used with watch=true',
      unknown: expect.stringContaining('known: '),
      since: expect.stringContaining('must match pattern'),
    });
  });

  it.each([
    ['since without watch', `since=${CURSOR}`, 'since'],
    ['since with watch=false', `watch=false&since=${CURSOR}`, 'since'],
    ['an empty since', 'watch=true&since=', 'since'],
    ['a since of other characters', 'watch=true&since=a/b', 'since'],
    ['a since that is too long', `watch=true&since=${'1'.repeat(513)}`, 'since'],
    ['since twice', 'watch=true&since=1&since=2', 'since'],
    ['watch without a value', 'watch=', 'watch'],
    ['a watch that is no boolean', 'watch=1', 'watch'],
    ['watch in upper case', 'watch=TRUE', 'watch'],
    ['watch twice', 'watch=true&watch=true', 'watch'],
  ])('refuses %s', async (_, query, field) => {
    expect(Object.keys(faultsOf(await get(`${path}?${query}`)))).toEqual([field]);
  });

  it.each([
    ['empty', ''],
    ['of other characters', 'a b'],
    ['too long', '1'.repeat(513)],
  ])('refuses a Last-Event-ID that is %s', async (_, id) => {
    const response = await get(`${path}?watch=true&since=${CURSOR}`, { 'Last-Event-ID': id });
    expect(Object.keys(faultsOf(response))).toEqual(['Last-Event-ID']);
  });

  it('cannot be watched with HEAD', async () => {
    const response = await api(app).head(`${path}?watch=true`);
    expect(response.status).toBe(400);
    expect(response.type).toBe('application/problem+json');
    await api(app).head(`${path}?watch=false`).expect(200);
  });

  it.each([
    ['watch=false', '?watch=false', {}],
    ['Accept: text/event-stream alone', '', { Accept: 'text/event-stream' }],
    ['a type that it does not have', '', { Accept: 'image/png' }],
    ['a Last-Event-ID that is ignored', '', { 'Last-Event-ID': 'a b' }],
    ['an empty Last-Event-ID', '', { 'Last-Event-ID': '' }],
  ])('responds with a page to %s', async (_, query, headers) => {
    const response = await get(path + query, headers);
    expect(response.status).toBe(200);
    expect(response.type).toBe('application/json');
    expect(response.body).toMatchObject({ page: 1, items: [] });
  });
});

test('statuses cannot be watched', async () => {
  const response = await get('/clusters/none/statuses?watch=true&since=1', {
    'Last-Event-ID': 'a b',
  });
  expect(Object.keys(faultsOf(response))).toEqual(['watch', 'since']);
});
