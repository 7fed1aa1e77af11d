import supertest from 'supertest';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool, newReport } from '../support/factories';

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

async function aCluster() {
  const { body, headers } = await api(app).post('/clusters').send(newCluster());
  return { path: `/clusters/${body.id}`, etag: headers.etag!, body };
}

const read = (path: string, ifNoneMatch: string) =>
  api(app).get(path).set('If-None-Match', ifNoneMatch);

const patch = (path: string, ifMatch: string, spec = { changed: true }) =>
  api(app).patch(path).set('If-Match', ifMatch).send({ spec });

const remove = (path: string, ifMatch: string) => api(app).delete(path).set('If-Match', ifMatch);

describe('a created resource', () => {
  test('can be read where Location says, with the ETag of the response', async () => {
    const cluster = await api(app).post('/clusters').send(newCluster());
    const pool = await api(app).post(`/clusters/${cluster.body.id}/nodepools`).send(newNodePool());
    for (const created of [cluster, pool]) {
      expect(created.status).toBe(201);
      expect(created.headers.location).toBe(created.body.href);
      const found = await supertest(app.url).get(created.headers.location!);
      expect(found.body).toEqual(created.body);
      expect(found.headers.etag).toBe(created.headers.etag);
      expect(found.headers.etag).toMatch(/^"[^"]+"$/);
    }
  });

  test('has one ETag wherever it is read', async () => {
    const { path } = await aCluster();
    const { body } = await api(app).post(`${path}/nodepools`).send(newNodePool());
    const below = await api(app).get(`${path}/nodepools/${body.id}`);
    const above = await api(app).get(`/nodepools/${body.id}`);
    const head = await api(app).head(`/nodepools/${body.id}`);
    expect(above.headers.etag).toBe(below.headers.etag);
    expect(head.headers.etag).toBe(below.headers.etag);
  });
});

test('the ETag changes with every visible change, and with nothing else', async () => {
  const { path, etag } = await aCluster();
  let state = { etag, text: (await api(app).get(path)).text };
  const step = async (
    changes: boolean,
    work: () => Promise<{ status: number }>,
    status: number,
  ) => {
    expect((await work()).status).toBe(status);
    const now = await api(app).get(path);
    const visible = now.text !== state.text;
    expect(visible).toBe(changes);
    expect(now.headers.etag !== state.etag).toBe(changes);
    expect((await read(path, state.etag)).status).toBe(changes ? 200 : 304);
    state = { etag: now.headers.etag!, text: now.text };
  };
  const report = (...args: Parameters<typeof newReport>) =>
    api(app)
      .post(`${path}/statuses`)
      .send(newReport(...args));
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();

  await step(false, () => api(app).get(path), 200);
  await step(true, () => report('validation', 1, {}, at(-60)), 201);
  await step(true, () => report('dns', 1, {}, at(-50)), 201);
  await step(true, () => report('dns', 1, { Available: 'False' }, at(-40)), 201);
  await step(false, () => report('dns', 1, { Available: 'Unknown' }, at(-30)), 204);
  await step(false, () => report('dns', 1, {}, at(-45)), 204);
  await step(false, () => report('dns', 2, {}, at(-30)), 409);
  await step(true, () => report('extra', 1, {}, at(-30)), 201);
  await step(
    true,
    () =>
      api(app)
        .patch(path)
        .send({ labels: { a: 'b' } }),
    200,
  );
  await step(
    false,
    () =>
      api(app)
        .patch(path)
        .send({ labels: { a: 'b' } }),
    200,
  );
  await step(false, () => api(app).patch(path).send({ name: 'other' }), 400);
  await step(false, () => api(app).post(`${path}/nodepools`).send(newNodePool()), 201);
  await step(false, () => api(app).post(`${path}/force-delete`).send({ reason: 'x' }), 409);
  await step(true, () => api(app).delete(path), 202);
  await step(false, () => api(app).delete(path), 202);
  await step(true, () => report('dns', 3, { Finalized: 'True' }), 201);
});

describe('If-None-Match', () => {
  test('responds with 304 without a body when any of its tags is the present one', async () => {
    const { path, etag } = await aCluster();
    for (const tags of [
      etag,
      `W/${etag}`,
      `"x", ${etag}`,
      `W/"x",W/${etag}`,
      '"a,b" , ' + etag,
      '*',
    ]) {
      const response = await read(path, tags);
      expect([tags, response.status]).toEqual([tags, 304]);
      expect(response.text).toBe('');
      expect(response.headers.etag).toBe(etag);
      expect(response.headers['content-type']).toBeUndefined();
    }
  });

  test('responds in full when none of them is, or nothing in it is a tag', async () => {
    const { path, etag, body } = await aCluster();
    const bare = etag.slice(1, -1);
    for (const tags of ['"x"', bare, `"*"`, `"a,*,b"`, `x"${bare}`, '', `"${bare} "`]) {
      const response = await read(path, tags);
      expect([tags, response.status]).toEqual([tags, 200]);
      expect(response.body).toEqual(body);
    }
  });

  test('does not turn a missing resource into one that is not modified', async () => {
    expect((await read('/clusters/none', '*')).status).toBe(404);
  });

  test('means nothing where a response has no ETag', async () => {
    for (const path of ['/clusters', '/compatibility', '/errors', '/openapi']) {
      const { status, headers } = await read(path, '*');
      expect([path, status, headers.etag]).toEqual([path, 200, undefined]);
    }
  });
});

describe('If-Match', () => {
  test('lets a PATCH pass when any of its tags is the present one', async () => {
    for (const around of ['%', '"x", %', '%,"x"', '"a,b",W/"y", %', '*']) {
      const { path, etag } = await aCluster();
      const response = await patch(path, around.replace('%', etag));
      expect([around, response.status]).toEqual([around, 200]);
      expect(response.headers.etag).not.toBe(etag);
    }
  });

  test('stops PATCH and DELETE when none of them is; a weak tag never is', async () => {
    const { path, etag, body } = await aCluster();
    for (const tags of ['"x"', `W/${etag}`, etag.slice(1, -1), '"a,*,b"', '']) {
      for (const response of [await patch(path, tags), await remove(path, tags)]) {
        expect([tags, response.status]).toEqual([tags, 412]);
        expect(response.type).toBe('application/problem+json');
        expect(response.body.code).toBe('HYPERFLEET-PRE-001');
      }
    }
    const now = await api(app).get(path);
    expect(now.body).toEqual(body);
    expect(now.headers.etag).toBe(etag);
  });

  test('is about the state before, so it stops a change that would change nothing as well', async () => {
    const { path, etag, body } = await aCluster();
    expect((await patch(path, '"x"', body.spec)).status).toBe(412);
    expect((await patch(path, etag, body.spec)).headers.etag).toBe(etag);
  });

  test('notices a report that came in between', async () => {
    const { path, etag } = await aCluster();
    await api(app).post(`${path}/statuses`).send(newReport('dns'));
    expect((await patch(path, etag)).status).toBe(412);
    expect((await remove(path, etag)).status).toBe(412);
  });

  test('lets a DELETE pass once, and a second one only with the new tag', async () => {
    const { path, etag } = await aCluster();
    const deleted = await remove(path, etag);
    expect(deleted.status).toBe(202);
    expect((await remove(path, etag)).status).toBe(412);
    expect((await remove(path, deleted.headers.etag!)).status).toBe(202);
  });

  test('stops a force-delete too, of every kind of path', async () => {
    const { path, body } = await aCluster();
    const pool = await api(app).post(`${path}/nodepools`).send(newNodePool());
    const nodePool = `/nodepools/${pool.body.id}`;
    const { etag } = (await remove(path, '*')).headers;
    const current = (await read(nodePool, '"x"')).headers.etag!;
    const force = (at: string, tags: string) =>
      api(app).post(`${at}/force-delete`).set('If-Match', tags).send({ reason: 'gone' });
    const paths = [path, nodePool, path + nodePool, `/resources/${body.id}`];

    for (const at of paths) {
      expect(await force(at, '"x"')).toMatchObject({
        ...{ status: 412, body: { code: 'HYPERFLEET-PRE-001' } },
      });
    }
    expect((await force(path + nodePool, current)).status).toBe(204);
    expect((await read(path, etag!)).status).toBe(200);
    expect((await force(path, etag!)).status).toBe(412);
    const now = (await read(path, '"x"')).headers.etag!;
    expect((await force(path, now)).status).toBe(204);
  });

  test('on what does not exist is a 404', async () => {
    expect((await patch('/clusters/none', '*')).status).toBe(404);
    expect((await remove('/clusters/none', '"1"')).status).toBe(404);
  });

  test('lets one of many writers with the same tag through', async () => {
    const { path, etag } = await aCluster();
    const responses = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        api(app).patch(path).set('If-Match', etag).send({ spec: { n } }),
      ),
    );
    const statuses = responses.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
    expect((await api(app).get(path)).body.generation).toBe(2);
  });
});
