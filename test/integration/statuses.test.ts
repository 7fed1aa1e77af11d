import { Writable } from 'node:stream';
import winston from 'winston';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';
import {
  after,
  createSubject,
  listReports,
  minimalReport,
  type ReportBody,
  sendReport,
  type Subject,
} from '../support/reports';

/* What becomes of a report that is not refused: the last of the rules, in their order. */

let app: TestApp;
let logged: Record<string, unknown>[] = [];

beforeAll(async () => {
  const stream = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const transports = [new winston.transports.Stream({ stream })];
  app = await startTestApp({ log: winston.createLogger({ level: 'info', transports }) });
});

beforeEach(() => {
  logged = [];
});

afterAll(() => app.stop());

const newSubject = () => createSubject(app, '/clusters', newCluster());

async function discard(subject: Subject, report: ReportBody): Promise<unknown> {
  const before = await listReports(app, subject);
  const { status, headers, text, type } = await sendReport(app, subject, report);
  expect({ status, text, type }).toEqual({ status: 204, text: '', type: '' });
  expect(await listReports(app, subject)).toEqual(before);
  return headers['hyperfleet-report-discarded'];
}

async function accept(subject: Subject, report: ReportBody, method?: 'put') {
  const answer = await sendReport(app, subject, report, method);
  expect(answer.status).toBe(201);
  expect(answer.headers['hyperfleet-report-discarded']).toBeUndefined();
  return answer.body as Awaited<ReturnType<typeof listReports>>[number];
}

const at = (time: string | undefined, generation = 1, available: 'True' | 'Unknown' = 'True') =>
  minimalReport(
    'validation',
    { Available: available },
    { observed_generation: generation, observed_time: time },
  );

test('5. a report about an older generation than the stored one is discarded, however new it is', async () => {
  const cluster = await newSubject();
  await api(app)
    .patch(cluster.path)
    .send({ spec: { nodes: 9 } });
  await accept(cluster, at(after(cluster, 1), 2));

  expect(await discard(cluster, at(after(cluster, 2), 1))).toBe('stale_generation');
  // A newer generation is accepted with an older time.
  await api(app)
    .patch(cluster.path)
    .send({ spec: { nodes: 10 } });
  await accept(cluster, at(after(cluster, 0), 3));
});

test('6. an older report about the same generation is discarded; one of the same moment is accepted', async () => {
  const cluster = await newSubject();
  await accept(cluster, at(after(cluster, 2)));

  expect(await discard(cluster, at(after(cluster, 1)))).toBe('stale_time');
  await accept(cluster, at(after(cluster, 2)));
});

describe('7. Available=Unknown', () => {
  test('is accepted as the first report of an adapter and discarded later', async () => {
    const cluster = await newSubject();
    await accept(cluster, at(after(cluster, 1), 1, 'Unknown'));

    expect(await discard(cluster, at(after(cluster, 2), 1, 'Unknown'))).toBe('available_unknown');
    await accept(cluster, at(after(cluster, 3)));
    expect(await discard(cluster, at(after(cluster, 4), 1, 'Unknown'))).toBe('available_unknown');
  });

  test('is accepted from an adapter that has cleaned up after a DELETE', async () => {
    const cluster = await newSubject();
    const report = (finalized: 'True' | 'False') =>
      minimalReport(
        'validation',
        { Available: 'Unknown', Finalized: finalized },
        { observed_generation: 2 },
      );
    await accept(cluster, at(undefined));
    await api(app).delete(cluster.path);

    expect(await discard(cluster, report('False'))).toBe('available_unknown');
    await accept(cluster, report('True'));
  });
});

describe('8. an accepted report', () => {
  test('replaces the one before completely, by PUT as by POST', async () => {
    const cluster = await newSubject();
    const metadata = { job_name: 'job-1', attempt: 2, custom: { kept: [1, null] } };
    const conditions = [
      { type: 'Available', status: 'True' as const, reason: 'Done', message: 'All of it' },
      { type: 'Health', status: 'True' as const },
    ];
    const first = await accept(cluster, {
      ...at(after(cluster, 1)),
      ...{ conditions, metadata, data: { deep: { list: [1] } }, unknown_member: true },
    });
    expect(first).toEqual({
      adapter: 'validation',
      observed_generation: 1,
      conditions: conditions.map((it) => ({ ...it, last_transition_time: after(cluster, 1) })),
      metadata,
      data: { deep: { list: [1] } },
      created_time: after(cluster, 1),
      last_report_time: after(cluster, 1),
    });
    expect(await listReports(app, cluster)).toEqual([first]);

    const second = await accept(
      cluster,
      {
        ...minimalReport('validation', { Applied: 'True', Available: 'True', Health: 'False' }),
        observed_time: after(cluster, 2),
      },
      'put',
    );
    expect(second).toEqual({
      adapter: 'validation',
      observed_generation: 1,
      conditions: [
        { type: 'Applied', status: 'True', last_transition_time: after(cluster, 2) },
        { type: 'Available', status: 'True', last_transition_time: after(cluster, 1) },
        { type: 'Health', status: 'False', last_transition_time: after(cluster, 2) },
      ],
      data: {},
      created_time: after(cluster, 1),
      last_report_time: after(cluster, 2),
    });
    expect(await listReports(app, cluster)).toEqual([second]);
  });

  test('moves neither the generation of its resource nor its updated_time', async () => {
    const cluster = await newSubject();
    await accept(cluster, at(undefined));

    expect((await api(app).get(cluster.path)).body).toMatchObject({
      generation: 1,
      updated_time: cluster.createdTime,
    });
  });
});

test('every report is counted by what became of it, and a discarded one is logged with its reason', async () => {
  const cluster = await newSubject();
  const counters = app.replicas.map(({ metrics }) =>
    metrics.registry.getSingleMetric('hyperfleet_api_reports_total')!,
  );
  const count = async () => {
    const sums: Record<string, number> = {};
    for (const { values } of await Promise.all(counters.map((counter) => counter.get()))) {
      for (const { labels, value } of values) {
        const outcome = `${labels.outcome} ${labels.reason}`.trim();
        sums[outcome] = (sums[outcome] ?? 0) + value;
      }
    }
    return sums;
  };
  for (const counter of counters) counter.reset();

  await accept(cluster, at(after(cluster, 2)));
  await accept(cluster, at(after(cluster, 3)));
  await discard(cluster, at(after(cluster, 1)));
  await discard(cluster, at(after(cluster, 4), 1, 'Unknown'));
  await sendReport(app, cluster, at(undefined, 0));
  await sendReport(app, cluster, at(undefined, 7));

  expect(await count()).toEqual({
    accepted: 2,
    'discarded stale_time': 1,
    'discarded available_unknown': 1,
    'refused VAL-000': 1,
    'refused CNF-002': 1,
  });
  expect(logged.filter(({ message }) => message === 'report discarded')).toEqual(
    ['stale_time', 'available_unknown'].map((reason) =>
      expect.objectContaining({
        ...{ level: 'info', reason, adapter: 'validation' },
        ...{ resource_type: 'Cluster', resource_id: cluster.id },
        trace_id: expect.any(String) as string,
      }),
    ),
  );
});
