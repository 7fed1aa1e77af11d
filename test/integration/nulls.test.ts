import type { Response } from 'supertest';
import { api, MERGE_PATCH } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';
import { createSubject, minimalReport, sendReport, statusOf } from '../support/reports';

/* Adapters send null where an expression of theirs has no value. */

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

const newSubject = () => createSubject(app, '/clusters', newCluster());

function errorsOf({ status, body }: Response) {
  const { code, errors } = body as { code: string; errors: Record<string, unknown>[] };
  return { status, code, errors: errors.map(({ field, constraint }) => ({ field, constraint })) };
}

describe('in a report', () => {
  test.each(['post', 'put'] as const)(
    'null is absent in every declared property: %s',
    async (method) => {
      const cluster = await newSubject();
      const { status, body } = await sendReport(
        app,
        cluster,
        {
          adapter: 'validation',
          observed_generation: 1,
          observed_time: null,
          conditions: [{ type: 'Available', status: 'True', reason: null, message: null }],
          metadata: {
            ...{ job_name: null, job_namespace: null, attempt: null, duration: null },
            ...{ started_time: null, completed_time: null },
            own: null,
            nested: { attempt: null, list: [null] },
          },
          data: { reason: null, attempt: null, list: [null, { a: null }] },
          unknown: null,
        },
        method,
      );

      expect(status).toBe(201);
      expect(body).toEqual({
        adapter: 'validation',
        observed_generation: 1,
        conditions: [
          { type: 'Available', status: 'True', last_transition_time: body.last_report_time },
        ],
        metadata: { own: null, nested: { attempt: null, list: [null] } },
        data: { reason: null, attempt: null, list: [null, { a: null }] },
        created_time: body.last_report_time,
        last_report_time: body.last_report_time,
      });
    },
  );

  test('metadata and data as a whole may be null, and the resource becomes Ready', async () => {
    const cluster = await newSubject();
    for (const adapter of ['validation', 'dns']) {
      const report = minimalReport(adapter, undefined, { metadata: null, data: null });
      const { status, body } = await sendReport(app, cluster, report);
      expect(status).toBe(201);
      expect(body).not.toHaveProperty('metadata');
      expect(body.data).toEqual({});
    }
    expect((await statusOf(app, cluster)).phase).toBe('Ready');
  });

  test('the same holds for a node pool', async () => {
    const cluster = await newSubject();
    const pool = await createSubject(app, `${cluster.path}/nodepools`, newNodePool());
    const report = minimalReport('validation', undefined, { observed_time: null, metadata: null });
    expect((await sendReport(app, pool, report)).status).toBe(201);
  });

  test('null as the generation is 0: too low, or a 404 if the resource is gone', async () => {
    const report = minimalReport('validation', undefined, { observed_generation: null });
    expect(errorsOf(await sendReport(app, await newSubject(), report))).toEqual({
      status: 400,
      code: 'HYPERFLEET-VAL-000',
      errors: [{ field: 'observed_generation', constraint: 'minimum' }],
    });
    const { status, body } = await sendReport(app, { path: '/clusters/2gone' }, report);
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'HYPERFLEET-NTF-001' });
  });

  test('a required property that is null is missing', async () => {
    const report = { adapter: null, observed_generation: 1, conditions: null };
    expect(errorsOf(await sendReport(app, await newSubject(), report)).errors).toEqual([
      { field: 'adapter', constraint: 'required' },
      { field: 'conditions', constraint: 'required' },
    ]);
    const conditions = [{ type: null, status: null }];
    const response = await sendReport(app, await newSubject(), {
      ...minimalReport('validation'),
      conditions,
    });
    expect(errorsOf(response).errors).toEqual([
      { field: 'conditions.0.type', constraint: 'required' },
      { field: 'conditions.0.status', constraint: 'required' },
    ]);
  });

  test.each([
    ['a condition', { conditions: [null] }, 'conditions.0'],
    ['a value in place of an object', { metadata: 'x' }, 'metadata'],
  ])('%s of the wrong type is refused as before', async (_, more, field) => {
    const report = minimalReport('validation', undefined, more);
    expect(errorsOf(await sendReport(app, await newSubject(), report)).errors).toEqual([
      { field, constraint: 'type' },
    ]);
  });
});

describe('labels', () => {
  test('null on create is absent, for clusters and node pools', async () => {
    const { status, body } = await api(app)
      .post('/clusters')
      .send({ ...newCluster(), labels: null });
    expect({ status, labels: body.labels }).toEqual({ status: 201, labels: {} });

    const pool = await api(app)
      .post(`/clusters/${body.id}/nodepools`)
      .send({ ...newNodePool(), labels: null });
    expect({ status: pool.status, labels: pool.body.labels }).toEqual({ status: 201, labels: {} });
  });

  test('null in a JSON PATCH keeps the labels; alone it is an empty patch', async () => {
    const { path } = await newSubject();
    const { status, body } = await api(app)
      .patch(path)
      .send({ spec: { nodes: 9 }, labels: null });
    expect({ status, spec: body.spec, labels: body.labels }).toEqual({
      status: 200,
      spec: { nodes: 9 },
      labels: newCluster().labels,
    });
    const alone = await api(app).patch(path).send({ labels: null });
    expect(errorsOf(alone)).toMatchObject({
      status: 400,
      errors: [{ field: 'body', constraint: 'minProperties' }],
    });
  });

  test('null in a merge patch still removes them all', async () => {
    const { path } = await newSubject();
    const { status, body } = await api(app).patch(path).type(MERGE_PATCH).send({ labels: null });
    expect({ status, labels: body.labels }).toEqual({ status: 200, labels: {} });
  });

  test('null elsewhere is a value: as the name, the kind or the spec it is refused', async () => {
    for (const name of ['name', 'kind', 'spec']) {
      const response = await api(app)
        .post('/clusters')
        .send({ ...newCluster(), [name]: null });
      expect(errorsOf(response).errors.map(({ field }) => field)).toContain(name);
    }
    const { path } = await newSubject();
    expect((await api(app).patch(path).send({ spec: null })).status).toBe(400);
  });
});
