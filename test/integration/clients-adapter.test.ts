import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';
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

describe('an adapter', () => {
  const report = (extra: object = {}) => ({
    adapter: 'validation',
    observed_generation: 1,
    observed_time: new Date().toISOString().replace(/\.\d+Z/, 'Z'),
    conditions: [
      { type: 'Applied', status: 'True', reason: '', message: '' },
      { type: 'Available', status: 'True', reason: 'Done', message: 'All done' },
      { type: 'Health', status: 'True', reason: '', message: '' },
    ],
    ...extra,
  });

  it.each(['POST', 'PUT'])(
    'reports by %s, with whole seconds and empty reasons',
    async (method) => {
      const { href } = await create(newCluster());
      const sent = report();
      const response = await ask({ method, path: `${href as string}/statuses`, body: sent });
      expect(response.status).toBe(201);
      const { body } = await ask({ path: `${href as string}/statuses` });
      expect(body).toMatchObject({ kind: 'AdapterStatusList', total: 1, items: [response.body] });
      expect(body.items[0]).toEqual({
        adapter: 'validation',
        observed_generation: 1,
        conditions: sent.conditions.map((condition) => ({
          ...condition,
          last_transition_time: sent.observed_time.replace('Z', '.000Z'),
        })),
        data: {},
        created_time: sent.observed_time.replace('Z', '.000Z'),
        last_report_time: sent.observed_time.replace('Z', '.000Z'),
      });
    },
  );

  it('reports by POST and PUT in turn: the later one replaces the earlier', async () => {
    const { href } = await create(newCluster());
    const path = `${href as string}/statuses`;
    await ask({ method: 'POST', path, body: report({ data: { by: 'POST' } }) });
    await ask({ method: 'PUT', path, body: report({ data: { by: 'PUT' } }) });
    expect((await ask({ path })).body.items).toMatchObject([{ data: { by: 'PUT' } }]);
  });

  it('sends times with an offset', async () => {
    const { href } = await create(newCluster());
    const body = report({ observed_time: '2026-01-15T12:30:00+02:00' });
    const response = await ask({ method: 'PUT', path: `${href as string}/statuses`, body });
    expect(response.body.last_report_time).toBe('2026-01-15T10:30:00.000Z');
  });

  it('makes itself seen with a first report that knows nothing yet', async () => {
    const { href } = await create(newCluster());
    const path = `${href as string}/statuses`;
    const body = report({ conditions: [{ type: 'Available', status: 'Unknown' }] });
    expect((await ask({ method: 'POST', path, body })).status).toBe(201);
    expect((await ask({ path })).body.total).toBe(1);
    expect((await ask({ method: 'POST', path, body })).status).toBe(204);
  });

  it('learns that its cluster is gone, even when it reports generation 0', async () => {
    const path = `${B}/clusters/201kf0hj0808sjpk9ga01xy0xj2/statuses`;
    const response = await ask({ method: 'PUT', path, body: report({ observed_generation: 0 }) });
    expect(response.status).toBe(404);
    expect(response.body.code).toBe('HYPERFLEET-NTF-001');
  });

  it('sees all adapters of a resource on one page, without asking for a size', async () => {
    const { href } = await create(newCluster());
    const path = `${href as string}/statuses`;
    const adapters = Array.from({ length: 30 }, (_, index) => `adapter-${100 + index}`);
    await Promise.all(
      adapters.map((adapter) => ask({ method: 'PUT', path, body: report({ adapter }) })),
    );
    const { body } = await ask({ path });
    expect((body.items as { adapter: string }[]).map((item) => item.adapter)).toEqual(adapters);
  });

  it('sees no deleted_time until there is one, not even as null', async () => {
    const { href, id } = await create(newCluster());
    const raw = await Promise.all(
      [href as string, `${B}/clusters`, `${B}/clusters?search=id='${id as string}'`].map((path) =>
        ask({ path }),
      ),
    );
    for (const { text } of raw) expect(text).not.toMatch(/deleted|null/);
    await ask({ method: 'DELETE', path: href as string, headers: JSON_TYPE });
    expect((await ask({ path: href as string })).body.deleted_time).toMatch(/Z$/);
  });

  it('may report the way the oldest readme shows', async () => {
    const { href } = await create(newCluster());
    const body = {
      adapter: 'dns-adapter',
      observed_generation: 1,
      conditions: [
        {
          adapter: 'dns-adapter',
          type: 'Ready',
          status: 'True',
          observed_generation: 1,
          reason: 'ClusterProvisioned',
          message: 'Cluster successfully provisioned',
          created_at: '2025-11-17T15:04:05Z',
          updated_at: '2025-11-17T15:04:05Z',
        },
      ],
      data: {},
    };
    const before = Date.now();
    const response = await ask({ method: 'POST', path: `${href as string}/statuses`, body });
    expect(response.status).toBe(201);
    const { last_report_time: time, conditions } = response.body as {
      last_report_time: string;
      conditions: unknown;
    };
    expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
    expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    expect(conditions).toEqual([
      {
        type: 'Ready',
        status: 'True',
        reason: 'ClusterProvisioned',
        message: 'Cluster successfully provisioned',
        last_transition_time: time,
      },
    ]);
  });
});
