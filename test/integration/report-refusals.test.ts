import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';
import {
  createSubject,
  minimalReport,
  type ReportBody,
  sendReport,
  type Subject,
} from '../support/reports';

/* Which reports are refused, rule by rule, in the order in which the rules are applied. */

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

const newSubject = () => createSubject(app, '/clusters', newCluster());

const newPool = ({ path }: Subject) => createSubject(app, `${path}/nodepools`, newNodePool());

async function refusal(subject: Pick<Subject, 'path'>, report: ReportBody) {
  const { status, body } = await sendReport(app, subject, report);
  const { code, errors = [] } = body as { code: string; errors?: { field: string }[] };
  return { status, code, fields: errors.map(({ field }) => field) };
}

async function accept(subject: Subject, report: ReportBody) {
  const response = await sendReport(app, subject, report);
  expect(response.status).toBe(201);
  return response.body as { created_time: string; last_report_time: string };
}

const at = (time: string | undefined, generation = 1) => ({
  ...minimalReport('validation'),
  observed_generation: generation,
  observed_time: time,
});

describe('1. the resource, then the generation', () => {
  test('an unknown resource is a 404 even for generation 0: its adapter must learn that it is gone', async () => {
    const cluster = await newSubject();
    const pool = await newPool(cluster);
    const other = await newSubject();
    const lost = at(undefined, 0);
    for (const path of [
      '/clusters/2unknown',
      `/clusters/${pool.id}`,
      `${cluster.path}/nodepools/${cluster.id}`,
      `${other.path}/nodepools/${pool.id}`,
      `/clusters/2unknown/nodepools/${pool.id}`,
    ]) {
      expect(await refusal({ path }, lost)).toEqual({
        status: 404,
        code: 'HYPERFLEET-NTF-001',
        fields: [],
      });
    }
  });

  test.each<[string, object | string]>([
    ['without anything', {}],
    ['with properties of the wrong type', { adapter: 1, conditions: {}, observed_time: 5 }],
    ['with half a generation', { ...at(undefined), observed_generation: 0.5 }],
    ['with a generation that is too large', { ...at(undefined), observed_generation: 2 ** 31 }],
    ['with 101 conditions', { ...at(undefined), conditions: Array(101).fill({ type: 'A' }) }],
    ['with a property twice', '{"adapter":"a","adapter":"b"}'],
    ['with an integer that a double cannot hold', '{"data":{"n":9007199254740993}}'],
    ['with a NUL', { ...at(undefined), data: { text: '\0' } }],
  ])('an unknown resource is a 404 for a report %s, an existing one a 400', async (_, body) => {
    const cluster = await newSubject();
    const pool = await newPool(cluster);
    const other = await newSubject();
    const send = async (path: string) => {
      const request = api(app).post(`${path}/statuses`).type('json');
      const { status, body: problem } = await request.send(body);
      return { status, code: problem.code };
    };
    const unknown = ['/clusters/2unknown', `${other.path}/nodepools/${pool.id}`];
    for (const path of unknown) {
      expect(await send(path)).toEqual({ status: 404, code: 'HYPERFLEET-NTF-001' });
    }
    for (const path of [cluster.path, pool.path]) {
      expect(await send(path)).toEqual({ status: 400, code: 'HYPERFLEET-VAL-000' });
    }
  });

  test('so it is for an unknown query parameter', async () => {
    const { status } = await api(app).put('/clusters/2unknown/statuses?x=1').send(at(undefined));
    expect(status).toBe(404);
  });

  test.each([
    ['half a body', '{"adapter":', {}, 400, 'VAL-006'],
    ['no body', undefined, {}, 400, 'VAL-006'],
    ['a list', '[]', {}, 400, 'VAL-006'],
    ['plain text', '{}', { 'Content-Type': 'text/plain' }, 415, 'MED-001'],
    ['a compressed body', '{}', { 'Content-Encoding': 'gzip' }, 415, 'MED-001'],
    ['too large a body', JSON.stringify({ x: 'x'.repeat(262_144) }), {}, 413, 'LRG-001'],
  ])(
    'so it is for %s, of whatever kind the resource is',
    async (_, body, headers, status, code) => {
      const cluster = await newSubject();
      const pool = await newPool(cluster);
      const other = await newSubject();
      const send = async (path: string) => {
        const request = api(app).post(`${path}/statuses`).type('json').set(headers);
        const response = await request.send(body);
        return { status: response.status, code: response.body.code as string };
      };
      for (const path of [
        '/clusters/2unknown',
        '/nodepools/2unknown',
        '/resources/2unknown',
        `${other.path}/nodepools/${pool.id}`,
      ]) {
        expect(await send(path)).toEqual({ status: 404, code: 'HYPERFLEET-NTF-001' });
      }
      for (const path of [cluster.path, pool.path, `/resources/${pool.id}`]) {
        expect(await send(path)).toEqual({ status, code: `HYPERFLEET-${code}` });
      }
    },
  );

  test('a resource that has been removed is a 404', async () => {
    const cluster = await newSubject();
    await api(app).delete(cluster.path);
    await api(app).post(`${cluster.path}/force-delete`).send({ reason: 'gone for good' });

    expect((await refusal(cluster, at(undefined, 0))).status).toBe(404);
  });

  test.each([0, -1])(
    'generation %i is refused before anything else is looked at',
    async (generation) => {
      const report = {
        ...minimalReport('Dns', {}, { observed_time: '1960-01-01T00:00:00Z' }),
        observed_generation: generation,
      };

      expect(await refusal(await newSubject(), report)).toEqual({
        status: 400,
        code: 'HYPERFLEET-VAL-000',
        fields: ['observed_generation'],
      });
    },
  );
});

describe('2. names that could not be told apart', () => {
  test('a condition type that occurs twice is refused, whatever the time and the generation', async () => {
    const available = { type: 'Available', status: 'True' as const };
    const report = {
      ...at('1960-01-01T00:00:00Z', 9),
      conditions: [available, { type: 'Health', status: 'True' as const }, available],
    };

    expect(await refusal(await newSubject(), report)).toEqual({
      status: 400,
      code: 'HYPERFLEET-VAL-000',
      fields: ['conditions.2.type'],
    });
  });

  test('an adapter under the condition type of a required one is refused, and the response names both', async () => {
    const cluster = await newSubject();
    const pool = await newPool(cluster);
    const { status, body } = await sendReport(app, cluster, minimalReport('Dns'));

    expect(status).toBe(400);
    expect(body).toMatchObject({
      code: 'HYPERFLEET-VAL-000',
      errors: [{ field: 'adapter', value: 'Dns' }],
    });
    expect((body as { detail: string }).detail).toMatch(/"Dns".*DnsSuccessful.*"dns"/);
    // Node pools do not need dns, so that there the name is free.
    await accept(pool, minimalReport('Dns'));
    expect((await refusal(pool, minimalReport('Validation'))).fields).toEqual(['adapter']);
  });

  test('the same holds between adapters that nobody requires: the first one has the type', async () => {
    const cluster = await newSubject();
    await accept(cluster, minimalReport('gcp-provisioner'));

    const { status, body } = await sendReport(app, cluster, minimalReport('gcpProvisioner'));

    expect(status).toBe(400);
    expect((body as { detail: string }).detail).toContain('"gcp-provisioner"');
    await accept(await newSubject(), minimalReport('gcpProvisioner'));
  });
});

describe('3. the time', () => {
  test.each([
    ['more than five minutes ahead', () => new Date(Date.now() + 310_000).toISOString()],
    ['before 1970', () => '1969-12-31T23:59:59.999Z'],
    ['a leap second', () => '2016-12-31T23:59:60Z'],
    ['a day that does not exist', () => '2026-02-30T00:00:00Z'],
    ['no time at all', () => 'yesterday'],
  ])('%s is refused, also for a generation that has not come', async (_case, time) => {
    expect(await refusal(await newSubject(), at(time(), 9))).toEqual({
      status: 400,
      code: 'HYPERFLEET-VAL-000',
      fields: ['observed_time'],
    });
  });

  test.each(['started_time', 'completed_time'])(
    'a leap second as %s is refused: clients in Go could not read a list with it',
    async (name) => {
      const report = { ...at(undefined), metadata: { [name]: '2016-12-31T23:59:60Z' } };
      expect(await refusal(await newSubject(), report)).toEqual({
        status: 400,
        code: 'HYPERFLEET-VAL-000',
        fields: [`metadata.${name}`],
      });
    },
  );

  test('a clock that is a little ahead is accepted', async () => {
    await accept(await newSubject(), at(new Date(Date.now() + 280_000).toISOString()));
  });

  test('offsets and fractions are brought into the one form that is served', async () => {
    const report = at('2026-01-31T14:00:00.123999+02:00');

    expect((await accept(await newSubject(), report)).last_report_time).toBe(
      '2026-01-31T12:00:00.123Z',
    );
  });

  test('a report without a time is dated with its receipt', async () => {
    const begin = new Date().toISOString();
    const { last_report_time, created_time } = await accept(await newSubject(), at(undefined));

    expect(created_time).toBe(last_report_time);
    expect(last_report_time >= begin && last_report_time <= new Date().toISOString()).toBe(true);
  });
});

test('4. a generation the resource has not reached is a conflict, of no field', async () => {
  const cluster = await newSubject();
  await accept(cluster, at(undefined));

  const { status, body } = await sendReport(app, cluster, at('2020-01-01T00:00:00Z', 2));
  expect({ status, code: body.code }).toEqual({ status: 409, code: 'HYPERFLEET-CNF-002' });
  expect(body).not.toHaveProperty('errors');
  expect(body).not.toHaveProperty('details');
});
