import { startTestApp, type TestApp } from '../support/app';
import { newCluster, uniqueName } from '../support/factories';
import { type RawRequest, type RawResponse, sendRaw } from '../support/raw-http';

/*
 * The clients that exist, with requests as they put them on the wire. Nothing here is what we would like
 * them to send: it is what they do send.
 */

const B = '/api/hyperfleet/v1';
const JSON_TYPE = { 'Content-Type': 'application/json' };

let app: TestApp;
const ask = (request: RawRequest): Promise<RawResponse> => sendRaw(app.url, request);
const create = async (body: object): Promise<RawResponse['body']> =>
  (await ask({ method: 'POST', path: `${B}/clusters`, body })).body;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

describe('the command line', () => {
  it('names JSON as the content type of requests that have no body', async () => {
    const { href } = await create(newCluster());
    for (const path of [href as string, `${B}/clusters`, `${href as string}/statuses`]) {
      expect((await ask({ path, headers: JSON_TYPE })).status).toBe(200);
    }
    const removed = await ask({ method: 'DELETE', path: href as string, headers: JSON_TYPE });
    expect(removed.status).toBe(202);
    expect(removed.type).toBe('application/json');
    expect(removed.body.id).toBe((href as string).split('/').at(-1));
  });

  it('may send a body with GET and DELETE, which nobody reads', async () => {
    const { href } = await create(newCluster());
    const path = href as string;
    expect((await ask({ path, body: {} })).status).toBe(200);
    expect((await ask({ method: 'DELETE', path, body: { reason: 'x' } })).status).toBe(202);
    expect((await ask({ method: 'DELETE', path, body: 'not json' })).status).toBe(202);
    expect((await ask({ path })).status).toBe(200);
  });

  it('searches without encoding anything', async () => {
    const cluster = newCluster();
    const { id } = await create(cluster);
    const { status, body } = await ask({ path: `${B}/clusters?search=name='${cluster.name}'` });
    expect(status).toBe(200);
    expect(body.items).toMatchObject([{ id, name: cluster.name }]);
  });

  it('replaces the whole spec, or all labels', async () => {
    const { href } = await create(newCluster());
    const path = href as string;
    const spec = await ask({ method: 'PATCH', path, body: { spec: { nodes: 5 } } });
    expect(spec.body).toMatchObject({ generation: 2, labels: { env: 'production' } });
    expect(spec.body.spec).toEqual({ nodes: 5 });
    const labels = await ask({ method: 'PATCH', path, body: { labels: { a: 'b' } } });
    expect(labels.body.labels).toEqual({ a: 'b' });
    expect(labels.body.spec).toEqual({ nodes: 5 });
  });

  it('adds last_transition_time to the conditions it reports', async () => {
    const { href } = await create(newCluster());
    const conditions = [
      { type: 'Available', status: 'True', last_transition_time: '2020-01-01T00:00:00Z' },
    ];
    const body = {
      adapter: 'dns',
      observed_generation: 1,
      observed_time: '2026-01-15T10:00:00Z',
      conditions,
    };
    const response = await ask({ method: 'POST', path: `${href as string}/statuses`, body });
    expect(response.status).toBe(201);
    expect(response.body.conditions[0].last_transition_time).toBe('2026-01-15T10:00:00.000Z');
  });

  it('can send back what it got as a new cluster', async () => {
    const first = await create(newCluster());
    const second = await ask({
      method: 'POST',
      path: `${B}/clusters`,
      body: { ...first, name: uniqueName('copy') },
    });
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.id);
    expect(second.body.spec).toEqual(first.spec);
  });
});
