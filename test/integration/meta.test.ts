import supertest from 'supertest';
import { parse } from 'yaml';
import { PROBLEMS } from '../../src/problems/problem';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';

const B = '/api/hyperfleet/v1';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.stop());

const get = (path: string) => supertest(app.url).get(path);

describe('the error table', () => {
  it('explains every code the service can respond with, each at an address of its own', async () => {
    const { body } = await get(`${B}/errors`).expect(200);
    const codes = Object.keys(PROBLEMS);
    expect(body).toMatchObject({
      ...{ kind: 'ErrorList', page: 1, size: codes.length, total: codes.length },
    });
    const items = body.items as { id: string; href: string; code: string; status: number }[];
    expect(items.map(({ id }) => id)).toEqual(codes);
    for (const item of items) {
      expect(item.code).toBe(`HYPERFLEET-${item.id}`);
      expect((await get(item.href).expect(200)).body).toEqual(item);
    }
  });

  it('is where the href of a problem leads', async () => {
    const problem = (await get(`${B}/clusters/nobody`).expect(404)).body;
    const { body } = await get(problem.href).expect(200);
    expect(body).toMatchObject({ code: problem.code, status: 404, title: problem.title });
  });

  it('has no entry for a code that does not exist, not even an inherited one', async () => {
    for (const id of ['XXX-999', 'constructor', '__proto__', 'val-000']) {
      expect((await get(`${B}/errors/${id}`).expect(404)).body.code).toBe('HYPERFLEET-NTF-001');
    }
  });
});

describe('a problem', () => {
  it('carries the properties of RFC 9457 and those of older clients, which agree', async () => {
    const response = await get(`${B}/clusters?nonsense=1`)
      .set('X-Request-Id', 'my.id-1')
      .expect(400);
    expect(response.type).toBe('application/problem+json');
    expect(response.headers['x-request-id']).toBe('my.id-1');
    const { timestamp, detail, errors, details, ...rest } = JSON.parse(response.text);
    expect(rest).toEqual({
      type: 'https://api.hyperfleet.io/errors/validation-error',
      title: 'Validation Failed',
      status: 400,
      instance: `${B}/clusters`,
      code: 'HYPERFLEET-VAL-000',
      trace_id: 'my.id-1',
      kind: 'Error',
      id: 'VAL-000',
      href: `${B}/errors/VAL-000`,
      reason: detail,
      operation_id: 'my.id-1',
    });
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(errors).toMatchObject([{ field: 'nonsense' }]);
    expect(details).toEqual([{ field: 'nonsense', error: errors[0].message }]);
  });

  it.each(['with space', 'x'.repeat(129), 'a;b', ''])(
    'has a trace id of our own when the client sends %j',
    async (given) => {
      const { headers, body } = await get(`${B}/nowhere`).set('X-Request-Id', given).expect(404);
      expect(headers['x-request-id']).not.toBe(given);
      expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
      expect(JSON.parse(JSON.stringify(body)).trace_id).toBe(headers['x-request-id']);
    },
  );
});

test('compatibility names the version and the features', async () => {
  const { body } = await get(`${B}/compatibility`).expect(200);
  expect(body).toMatchObject({ api_version: 'v1', compatible: true });
  expect(body.features).toEqual(
    expect.arrayContaining(['clusters', 'nodepools', 'adapter_status', 'status_aggregation']),
  );
});

test('metadata names the service and its version', async () => {
  const { body } = await get('/api/hyperfleet').expect(200);
  expect(body).toEqual({
    ...{ id: 'hyperfleet', kind: 'API', href: '/api/hyperfleet' },
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    build_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  });
});

describe.each(['/openapi', `${B}/openapi`])('%s', (path) => {
  it('is the resolved contract as JSON', async () => {
    const { body, type } = await get(path).expect(200);
    expect(type).toBe('application/json');
    expect(body.openapi).toMatch(/^3\.0/);
    expect(Object.keys(body.paths)).toContain(`${B}/clusters/{cluster_id}`);
  });

  it.each([
    ['application/json, application/yaml;q=0', 'application/json'],
    ['application/yaml;q=0.5, application/json', 'application/json'],
    ['application/json;q=0.5, application/yaml', 'application/yaml'],
    ['application/yaml, application/json', 'application/yaml'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
  ])('comes in the form that Accept: %s prefers', async (accept, type) => {
    const response = await get(path).set('Accept', accept).expect(200);
    expect(response.type).toBe(type);
  });

  it('is the same as YAML when Accept asks for that', async () => {
    const json = await get(path);
    for (const accept of ['application/yaml', 'text/yaml, */*;q=0.1', 'application/x-yaml']) {
      const response = await get(path).set('Accept', accept).buffer(true).expect(200);
      expect(response.type).toBe('application/yaml');
      expect(parse(response.text)).toEqual(json.body);
    }
  });
});

describe.each(['/openapi-ui', `${B}/openapi.html`])('%s', (path) => {
  it('is a page that reads /openapi', async () => {
    const { text, type } = await get(path).expect(200);
    expect(type).toBe('text/html');
    expect(text).toMatch(/swagger-ui/);
  });
});

describe('the page size in force', () => {
  const pageSizes = async ({ url }: TestApp) => {
    const { body } = await supertest(url).get('/openapi').expect(200);
    const { PageSize, Size, StatusPageSize } = body.components.parameters;
    return [PageSize, Size, StatusPageSize].map(({ schema }) => [schema.default, schema.maximum]);
  };

  it('shows in the served contract only, and raises the maximum when it is higher', async () => {
    const large = await startTestApp({ env: { HYPERFLEET_DEFAULT_PAGE_SIZE: '5000' } });
    const small = await startTestApp({ env: { HYPERFLEET_DEFAULT_PAGE_SIZE: '7' } });
    try {
      expect(await pageSizes(app)).toEqual([
        [20, 500],
        [undefined, 500],
        [100, 500],
      ]);
      expect(await pageSizes(large)).toEqual([
        [5000, 5000],
        [undefined, 5000],
        [100, 5000],
      ]);
      expect((await pageSizes(small))[0]).toEqual([7, 500]);

      const status = async ({ url }: TestApp, size: number) =>
        (await supertest(url).get(`${B}/clusters?pageSize=${size}`)).status;
      expect(await status(large, 5000)).toBe(200);
      expect(await status(large, 5001)).toBe(400);
      expect(await status(small, 500)).toBe(200);
      expect(await status(small, 501)).toBe(400);

      const { body } = await supertest(large.url).post(`${B}/clusters`).send(newCluster());
      for (const name of ['pageSize', 'size']) {
        const statuses = `${body.href}/statuses?${name}`;
        expect((await supertest(large.url).get(`${statuses}=5000`)).status).toBe(200);
        expect((await supertest(large.url).get(`${statuses}=5001`)).status).toBe(400);
      }
    } finally {
      await Promise.all([large.stop(), small.stop()]);
    }
  });
});
