import { hrefOf, type Kind } from '../../src/kinds/kind';
import { bodyFor, createOf, onItsRoute, type Shown, WAITING_ENTITIES } from '../support/all-kinds';
import { api, MERGE_PATCH } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { ENTITIES, kindsFile } from '../support/declared-kinds';
import { newReport, uniqueName } from '../support/factories';

/* `/resources` serves resources of every kind, each as its own route serves it. */

const B = '/api/hyperfleet/v1';
const NOBODY = '201kf0hj0808sjpk9ga01xy0xj2';

let app: TestApp;
let kinds: Kind[];
beforeAll(async () => {
  app = await startTestApp({ env: { HYPERFLEET_KINDS_FILE: kindsFile(WAITING_ENTITIES) } });
  kinds = [...app.service.kinds.values()];
});
afterAll(() => app.stop());

const kindOf = (name: string) => kinds.find((kind) => kind.name === name)!;

describe.each(ENTITIES.map(({ kind }) => kind))('a %s', (name) => {
  let made: Shown;
  let at: string;
  beforeEach(async () => {
    made = await createOf(app, kindOf(name));
    at = `/resources/${made.id}`;
  });

  it('is read as on its own route, also in part and only when it has changed', async () => {
    const there = await onItsRoute(app, made);
    const here = await api(app).get(at);
    expect(here.body).toEqual(there.body);
    expect(here.headers.etag).toBe(there.headers.etag);
    expect((await api(app).get(at).set('If-None-Match', here.headers.etag!)).status).toBe(304);
    const { body } = await api(app).get(`${at}?fields=name,spec.size`);
    expect(body).toEqual({ id: made.id, name: made.name, spec: { size: 3 } });
    expect((await api(app).head(at)).headers['content-length']).toBe(
      there.headers['content-length'],
    );
  });

  it('is patched, both ways, unless another version is named', async () => {
    const patched = await api(app)
      .patch(at)
      .send({ spec: { size: 4, color: 'red' } });
    expect(patched).toMatchObject({ status: 200, body: { kind: name, generation: 2 } });
    const merged = await api(app)
      .patch(at)
      .set('If-Match', patched.headers.etag!)
      .type(MERGE_PATCH)
      .send({ spec: { color: null }, labels: { env: 'test' } });
    expect(merged).toMatchObject({ status: 200, body: { spec: { size: 4 }, generation: 3 } });
    const there = await onItsRoute(app, made);
    expect(merged.body).toEqual(there.body);
    expect(merged.headers.etag).toBe(there.headers.etag);
    const stale = await api(app)
      .patch(at)
      .set('If-Match', patched.headers.etag!)
      .send({ spec: {} });
    expect(stale).toMatchObject({ status: 412, body: { code: 'HYPERFLEET-PRE-001' } });
    const nothing = await api(app).patch(at).send({ name: 'other' });
    expect(nothing.body.errors).toMatchObject([{ field: 'name' }]);
  });

  it('is reported on, and its reports are listed', async () => {
    for (const method of ['put', 'post'] as const) {
      const report = await api(app)[method](`${at}/statuses`).send(newReport('validation'));
      expect(report).toMatchObject({ status: 201, body: { adapter: 'validation' } });
    }
    const here = await api(app).get(`${at}/statuses`);
    const there = await api(app).get(`${made.href.slice(B.length)}/statuses`);
    expect(here).toMatchObject({ status: 200, body: { total: 1 } });
    expect(here.body).toEqual(there.body);
    const bad = await api(app).post(`${at}/statuses`).send({});
    expect(bad.body.errors).toMatchObject([{ field: 'adapter' }, {}, {}]);
    const early = await api(app).post(`${at}/statuses`).send(newReport('validation', 2));
    expect(early).toMatchObject({ status: 409, body: { code: 'HYPERFLEET-CNF-002' } });
  });

  it('is marked, and removed by force', async () => {
    const early = await api(app).post(`${at}/force-delete`).send({ reason: 'none' });
    expect(early).toMatchObject({ status: 409, body: { code: 'HYPERFLEET-CNF-003' } });
    expect((await api(app).delete(at).set('If-Match', '"0"')).status).toBe(412);
    const marked = await api(app).delete(at);
    expect(marked).toMatchObject({
      status: 202,
      body: { kind: name, deleted_time: expect.any(String) as string },
    });
    const there = await onItsRoute(app, made);
    expect(marked.body).toEqual(there.body);
    expect(marked.headers.etag).toBe(there.headers.etag);
    expect((await api(app).post(`${at}/force-delete`).send({ reason: 'none' })).status).toBe(204);
    expect((await onItsRoute(app, made)).status).toBe(404);
    expect((await api(app).get(at)).status).toBe(404);
  });

  it('is measured as on its own route', async () => {
    const { idParameter, plural } = kindOf(name);
    const route = `path="${B}/${plural}/{${idParameter}}",code="200"`;
    const counted = async () => {
      const metrics = await app.service.metrics.registry.metrics();
      expect(metrics).not.toMatch(/path="[^"]*resource_id[^"]*",code="200"/);
      const line = metrics
        .split('\n')
        .find((text) => text.includes('requests_total{method="GET"') && text.includes(route));
      return Number(line?.split(' ').at(-1) ?? 0);
    };
    const before = await counted();
    expect((await api(app).get(at)).status).toBe(200);
    expect(await counted()).toBe(before + 1);
  });
});

describe('creation', () => {
  const post = (body: object) => api(app).post('/resources').send(body);

  it('makes a resource of each kind without a parent, and names the route of the others', async () => {
    for (const kind of kinds) {
      const body = bodyFor(kind);
      const response = await post(body);
      if (kind.parent === undefined) {
        expect(response.status).toBe(201);
        const there = await onItsRoute(app, response.body as Shown);
        expect(response.body).toEqual(there.body);
        expect(response.headers.location).toBe(hrefOf(kind, response.body.id as string));
        expect(response.headers.etag).toBe(there.headers.etag);
        const taken = await post(body);
        expect(taken).toMatchObject({ status: 409, body: { errors: [{ field: 'name' }] } });
      } else {
        const route = `${B}/${kind.parent.plural}/{${kind.parent.idParameter}}/${kind.plural}`;
        expect(response).toMatchObject({
          status: 400,
          body: {
            code: 'HYPERFLEET-VAL-000',
            errors: [{ field: 'kind', message: expect.stringContaining(route) as string }],
          },
        });
      }
    }
  });

  it.each([
    ['none', undefined, 'required'],
    ['null', null, 'enum'],
    ['a number', 5, 'enum'],
    ['an unknown one', 'Nothing', 'enum'],
    ['a name that every object inherits', 'constructor', 'enum'],
    ['the wrong case', 'channel', 'enum'],
  ])('refuses a kind that is none: %s', async (_, kind, constraint) => {
    const response = await post({ kind, name: 'x', spec: {} });
    expect(response.status).toBe(400);
    expect(response.body.errors).toMatchObject([{ field: 'kind', constraint }]);
    expect(response.text).not.toContain('Version');
  });

  it('has the limits of the kind', async () => {
    const named = (kind: string, length: number) =>
      post({ kind, name: 'x'.repeat(length), spec: {} });
    const statuses = [
      await named('Channel', 40),
      await named('Channel', 41),
      await named('WifConfig', 100),
      await named('WifConfig', 101),
      await named('Cluster', 2),
      await named('Cluster', 54),
    ];
    expect(statuses.map(({ status }) => status)).toEqual([201, 400, 201, 400, 400, 400]);
    expect(statuses.at(-1)!.body.errors).toMatchObject([{ field: 'name' }]);
    expect((await post({ kind: 'Channel' })).body.errors).toMatchObject([
      { field: 'name' },
      { field: 'spec' },
    ]);
  });

  it('checks references as the own route does', async () => {
    const references = async (list: object[]) => {
      const body = { ...bodyFor(kindOf('Cluster')), references: { wif_config: list } };
      const here = await post(body);
      const there = await api(app)
        .post('/clusters')
        .send({ ...body, name: uniqueName() });
      expect(here.status).toBe(there.status);
      expect(here.body.errors).toEqual(there.body.errors);
      return here;
    };
    const [{ id }, channel] = [
      await createOf(app, kindOf('WifConfig')),
      await createOf(app, kindOf('Channel')),
    ];
    expect((await references([{ id }])).body).toMatchObject({
      references: { wif_config: [{ id, kind: 'WifConfig', href: `${B}/wifconfigs/${id}` }] },
    });
    for (const target of [{ id: channel.id }, { id: NOBODY }, { id, kind: 'Channel' }]) {
      const { status, body } = await references([target]);
      expect({ status, errors: body.errors }).toMatchObject({
        status: 400,
        errors: [{ field: 'references.wif_config[0]' }],
      });
    }
    expect((await references([{}])).body.errors).toMatchObject([{ constraint: 'required' }]);
    expect((await references([{ id }, { id: NOBODY }])).body.errors).toMatchObject([
      { field: 'references.wif_config' },
      { field: 'references.wif_config[1]' },
    ]);
  });
});

describe('a resource that does not exist', () => {
  it.each([
    ['get', '', undefined],
    ['patch', '', { spec: {} }],
    ['patch', '', {}],
    ['delete', '', undefined],
    ['post', '/force-delete', { reason: 'none' }],
    ['get', '/statuses', undefined],
    ['put', '/statuses', newReport('validation')],
    ['post', '/statuses', newReport('validation')],
    ['post', '/statuses', {}],
    // Refused while it is read, before the kind is looked for.
    ['put', '/statuses', { adapter: '\0' }],
  ] as const)('is a 404: %s %s %j', async (method, suffix, body) => {
    for (const id of [NOBODY, '%20', '%00', '__proto__', 'x'.repeat(500)]) {
      const response = await api(app)[method](`/resources/${id}${suffix}`).send(body);
      expect(response).toMatchObject({ status: 404, body: { code: 'HYPERFLEET-NTF-001' } });
    }
  });

  it('is not one whose reports are refused while they are read', async () => {
    const { id } = await createOf(app, kindOf('Channel'));
    const response = await api(app).post(`/resources/${id}/statuses`).send({ adapter: '\0' });
    expect(response).toMatchObject({ status: 400, body: { code: 'HYPERFLEET-VAL-000' } });
  });
});
