import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';
import { createSubject, minimalReport, sendReport, statusOf } from '../support/reports';

/* How configuration shows in the conditions. */

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

describe('the newer names of Ready and Available', () => {
  test('stand beside the older ones, and differ in the name only', async () => {
    const cluster = await createSubject(app, '/clusters', newCluster());
    await sendReport(app, cluster, minimalReport('dns'));
    const { conditions } = await statusOf(app, cluster);
    const [available, ready, reconciled, lastKnownReconciled] = conditions;

    expect(reconciled).toEqual({ ...ready, type: 'Reconciled' });
    expect(lastKnownReconciled).toEqual({ ...available, type: 'LastKnownReconciled' });
  });

  test('can be switched off, and then still be searched by', async () => {
    const { database } = app;
    const env = { HYPERFLEET_CONDITION_ALIASES: 'false', HYPERFLEET_CLUSTER_ADAPTERS: 'dns' };
    const plain = await startTestApp({ database, env });
    try {
      const cluster = await createSubject(plain, '/clusters', newCluster());
      await sendReport(plain, cluster, minimalReport('dns'));

      const { conditions } = await statusOf(plain, cluster);
      expect(conditions.map(({ type }) => type)).toEqual(['Available', 'Ready', 'DnsSuccessful']);
      const search = `id = '${cluster.id}' and status.conditions.Reconciled = 'True'`;
      const { body } = await api(plain).get(
        `/clusters?${new URLSearchParams({ search }).toString()}`,
      );
      expect(body).toMatchObject({ total: 1, items: [{ status: { conditions } }] });
    } finally {
      await plain.stop();
    }
  });
});

test('with nothing required nothing is Ready, and the reason says so', async () => {
  const free = await startTestApp({
    database: app.database,
    env: { HYPERFLEET_CLUSTER_ADAPTERS: '[]' },
  });
  try {
    const cluster = await createSubject(free, '/clusters', newCluster());
    await sendReport(free, cluster, minimalReport('dns'));
    const { conditions } = await statusOf(free, cluster);

    expect(conditions.map(({ type, reason }) => [type, reason]).slice(0, 2)).toEqual([
      ['Available', 'NoRequiredAdapters'],
      ['Ready', 'NoRequiredAdapters'],
    ]);
    expect(conditions.at(-1)).toMatchObject({ type: 'DnsSuccessful', status: 'True' });
  } finally {
    await free.stop();
  }
});
