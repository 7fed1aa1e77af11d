import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster, newNodePool } from '../support/factories';
import {
  after,
  conditionOf,
  createSubject,
  minimalReport,
  sendReport,
  statusOf,
  type Subject,
} from '../support/reports';

/* What operators see of the reports: the rules of aggregation through the whole service. */

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp({
    env: {
      HYPERFLEET_CLUSTER_ADAPTERS: 'validation,dns',
      HYPERFLEET_NODEPOOL_ADAPTERS: 'validation',
    },
  });
});

afterAll(() => app.stop());

const newSubject = () => createSubject(app, '/clusters', newCluster());

type Statuses = Parameters<typeof minimalReport>[1];

/** A report so many seconds after the creation of its resource. */
async function report(
  subject: Subject,
  adapter: string,
  seconds: number,
  conditions: Statuses = { Available: 'True' },
  generation = 1,
): Promise<void> {
  const more = { observed_generation: generation, observed_time: after(subject, seconds) };
  const { status } = await sendReport(app, subject, minimalReport(adapter, conditions, more));
  expect(status).toBe(201);
}

const patch = async (subject: Subject) => {
  const { body } = await api(app)
    .patch(subject.path)
    .send({
      labels: { touched: String(Date.now()) },
    });
  return (body as { updated_time: string }).updated_time;
};

test('a new resource waits for its adapters', async () => {
  const cluster = await newSubject();
  const time = cluster.createdTime;
  const waiting = {
    ...{ status: 'False', reason: 'AwaitingAdapters', observed_generation: 0 },
    message: 'Waiting for adapters to report status',
    ...{ created_time: time, last_updated_time: time, last_transition_time: time },
  };

  expect(await statusOf(app, cluster)).toEqual({
    ...{ phase: 'NotReady', observed_generation: 0 },
    ...{ last_transition_time: time, last_updated_time: time },
    conditions: ['Available', 'Ready', 'Reconciled', 'LastKnownReconciled'].map((type) => ({
      type,
      ...waiting,
    })),
  });
});

test('a resource is Ready once all required adapters agree on its generation', async () => {
  const cluster = await newSubject();
  await report(cluster, 'dns', 20);
  expect(await conditionOf(app, cluster, 'Ready')).toMatchObject({
    status: 'False',
    reason: 'MissingRequiredAdapters',
    message:
      'Required adapters not reporting Available=True: [validation]. Currently reporting: [dns]',
    observed_generation: 1,
    last_transition_time: cluster.createdTime,
  });
  expect(await conditionOf(app, cluster, 'Available')).toMatchObject({
    status: 'False',
    reason: 'MissingRequiredAdapters',
  });

  await report(cluster, 'validation', 10);
  const { conditions, ...derived } = await statusOf(app, cluster);
  expect(derived).toEqual({
    ...{ phase: 'Ready', observed_generation: 1 },
    // The flip came with the newest report; what is known is as old as the oldest.
    ...{ last_transition_time: after(cluster, 20), last_updated_time: after(cluster, 10) },
  });
  const times = {
    created_time: cluster.createdTime,
    last_transition_time: after(cluster, 20),
    last_updated_time: after(cluster, 10),
  };
  expect(conditions.slice(0, 2)).toEqual([
    {
      ...{ type: 'Available', status: 'True', observed_generation: 1, ...times },
      ...{ reason: 'ResourceAvailable', message: 'Cluster is accessible' },
    },
    {
      ...{ type: 'Ready', status: 'True', observed_generation: 1, ...times },
      ...{ reason: 'ResourceReady', message: 'All adapters report ready at current generation' },
    },
  ]);
});

test('a rollout makes a resource not Ready, but it stays Available', async () => {
  const cluster = await newSubject();
  await report(cluster, 'dns', -20);
  await report(cluster, 'validation', -10);
  const available = await conditionOf(app, cluster, 'Available');
  expect(available).toMatchObject({ status: 'True', observed_generation: 1 });

  const updated = await patch(cluster);
  expect(await conditionOf(app, cluster, 'Ready')).toMatchObject({
    ...{ status: 'False', observed_generation: 2 },
    ...{ last_transition_time: updated, last_updated_time: updated },
  });
  expect(await conditionOf(app, cluster, 'Available')).toEqual(available);

  // Also while one adapter is ahead of the other, be it well or not.
  await report(cluster, 'dns', 60, { Available: 'False' }, 2);
  expect(await conditionOf(app, cluster, 'Available')).toEqual(available);

  await report(cluster, 'validation', 70, { Available: 'True' }, 2);
  expect(await conditionOf(app, cluster, 'Available')).toMatchObject({
    ...{ status: 'False', reason: 'AdapterReportedNotAvailable', observed_generation: 2 },
    ...{ last_transition_time: after(cluster, 70), last_updated_time: after(cluster, 60) },
  });

  await report(cluster, 'dns', 80, { Available: 'True' }, 2);
  expect(await statusOf(app, cluster)).toMatchObject({
    phase: 'Ready',
    observed_generation: 2,
    last_transition_time: after(cluster, 80),
  });
});

test('an adapter that fails at the generation that was available ends the availability', async () => {
  const cluster = await newSubject();
  await report(cluster, 'dns', -20);
  await report(cluster, 'validation', -10);
  await patch(cluster);
  await report(cluster, 'dns', 60, { Available: 'True' }, 2);

  await report(cluster, 'validation', 61, { Available: 'False' }, 1);

  expect((await conditionOf(app, cluster, 'Available'))?.status).toBe('False');
});

test('every adapter that reports has its condition: the required ones first, the others by name', async () => {
  const cluster = await newSubject();
  for (const adapter of ['zeta', 'gcp-provisioner', 'dns', 'validation', 'a.b']) {
    await report(cluster, adapter, 5);
  }
  // Neither says whether it is available: they count as not reported.
  await report(cluster, 'unsure', 5, { Available: 'Unknown' });
  await report(cluster, 'silent', 5, { Health: 'True' });

  const { conditions } = await statusOf(app, cluster);

  expect(conditions.map(({ type }) => type)).toEqual([
    ...['Available', 'Ready', 'Reconciled', 'LastKnownReconciled'],
    ...['ValidationSuccessful', 'DnsSuccessful'],
    ...['A.bSuccessful', 'GcpProvisionerSuccessful', 'ZetaSuccessful'],
  ]);
});

test('the condition of an adapter says what its report says', async () => {
  const cluster = await newSubject();
  const available = {
    type: 'Available',
    status: 'False',
    reason: 'NoQuota',
    message: 'Ask for more',
  };
  const body = { adapter: 'dns', observed_generation: 1, conditions: [available] };
  await sendReport(app, cluster, { ...body, observed_time: after(cluster, 1) });
  await sendReport(app, cluster, { ...body, observed_time: after(cluster, 9) });

  expect(await conditionOf(app, cluster, 'DnsSuccessful')).toEqual({
    ...{ ...available, type: 'DnsSuccessful', observed_generation: 1 },
    ...{ created_time: after(cluster, 1), last_transition_time: after(cluster, 1) },
    last_updated_time: after(cluster, 9),
  });
});

test('the phase is Failed while a required adapter is unhealthy, and Ready wins over it', async () => {
  const cluster = await newSubject();
  await report(cluster, 'other', 1, { Available: 'True', Health: 'False' });
  expect((await statusOf(app, cluster)).phase).toBe('NotReady');

  await report(cluster, 'dns', 2, { Available: 'Unknown', Health: 'False' });
  expect(await statusOf(app, cluster)).toMatchObject({
    phase: 'Failed',
    last_transition_time: after(cluster, 2),
  });

  await report(cluster, 'dns', 3, { Available: 'True', Health: 'False' });
  await report(cluster, 'validation', 4);
  expect(await statusOf(app, cluster)).toMatchObject({
    phase: 'Ready',
    last_transition_time: after(cluster, 4),
  });
});

test('an adapter that is not required does not hold the derived fields back', async () => {
  const cluster = await newSubject();
  await patch(cluster);
  await report(cluster, 'retired', -500, { Available: 'True' }, 1);
  await report(cluster, 'dns', 10, { Available: 'True' }, 2);
  await report(cluster, 'validation', 20, { Available: 'True' }, 2);

  expect(await statusOf(app, cluster)).toMatchObject({
    observed_generation: 2,
    last_updated_time: after(cluster, 10),
  });
});

test('a node pool has its own required adapters, its own words, and an observed generation of at least 1', async () => {
  const cluster = await newSubject();
  const pool = await createSubject(app, `${cluster.path}/nodepools`, newNodePool());
  expect(await statusOf(app, pool)).toMatchObject({ phase: 'NotReady', observed_generation: 1 });

  await report(pool, 'validation', 1);

  expect((await statusOf(app, pool)).phase).toBe('Ready');
  expect(await conditionOf(app, pool, 'Available')).toMatchObject({
    ...{ status: 'True', message: 'NodePool is accessible' },
  });
  expect((await statusOf(app, cluster)).phase).toBe('NotReady');
});

test('a marked resource is Ready for its removal when all is finalized and no node pool is left', async () => {
  const cluster = await newSubject();
  await createSubject(app, `${cluster.path}/nodepools`, newNodePool());
  await api(app).delete(cluster.path);
  expect(await conditionOf(app, cluster, 'Ready')).toMatchObject({ reason: 'AwaitingAdapters' });

  // Finalized counts without Available.
  await report(cluster, 'dns', 1, { Finalized: 'True' }, 2);
  expect(await conditionOf(app, cluster, 'Ready')).toMatchObject({
    ...{ status: 'False', reason: 'MissingRequiredAdapters', observed_generation: 2 },
    message:
      'Required adapters not reporting Finalized=True: [validation]. Currently reporting: [dns]',
  });

  await report(cluster, 'validation', 2, { Available: 'Unknown', Finalized: 'True' }, 2);
  expect(await conditionOf(app, cluster, 'Ready')).toMatchObject({
    ...{ status: 'False', reason: 'WaitingForChildren' },
  });
});
