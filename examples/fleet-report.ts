/**
 * Prints every cluster that is not reconciled and why, then follows one of them by its key.
 * Run it with the address of a service: npx tsx examples/fleet-report.ts http://localhost:8000
 */
import { ApiError, createClient, ok } from 'hyperfleet-api/client';

const CLUSTERS = '/api/hyperfleet/v1/clusters';

async function main(baseUrl: string): Promise<void> {
  // A service with authentication also wants `token`.
  const client = createClient({ baseUrl });

  const { data: created } = await ok(
    client.POST(CLUSTERS, {
      body: { name: 'example-cluster', spec: { region: 'us-east-1' }, labels: { env: 'example' } },
    }),
  );
  console.log(`created ${created.name} at generation ${created.generation}`);

  let waiting = 0;
  for await (const cluster of client.each(CLUSTERS, {
    search: "labels.env = 'example' and status.conditions.Ready = 'False'",
  })) {
    const ready = cluster.status.conditions.find(({ type }) => type === 'Ready');
    console.log(`${cluster.name} is not ready: ${ready?.reason ?? 'no reason given'}`);
    waiting++;
  }
  console.log(`${waiting} not ready`);

  try {
    await ok(client.POST(CLUSTERS, { body: { name: 'example-cluster', spec: {} } }));
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'HYPERFLEET-CNF-001') throw error;
    console.log(`the name is taken (${error.status})`);
  }

  await ok(
    client.DELETE('/api/hyperfleet/v1/clusters/{cluster_id}', {
      params: { path: { cluster_id: created.id ?? '' } },
    }),
  );
  console.log('marked for deletion');
}

main(process.argv[2] ?? 'http://localhost:8000').catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
