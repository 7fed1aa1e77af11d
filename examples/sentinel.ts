/**
 * A Sentinel: follows the clusters that are not ready, and says which one to reconcile next.
 * Run it with the address of a service: npx tsx examples/sentinel.ts http://localhost:8000
 */
import { createClient, type Schemas } from 'hyperfleet-api/client';

type Cluster = Schemas['Cluster'];

function waitingSince(cluster: Cluster): string {
  const ready = cluster.status.conditions.find(({ type }) => type === 'Ready');
  return ready?.last_transition_time ?? '';
}

function longestWaiting(clusters: Iterable<Cluster>): Cluster | undefined {
  let found: Cluster | undefined;
  for (const cluster of clusters) {
    if (!found || waitingSince(cluster) < waitingSince(found)) found = cluster;
  }
  return found;
}

async function main(baseUrl: string): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());

  // A service with authentication also wants `token`.
  const client = createClient({ baseUrl });
  const events = client.watch('/api/hyperfleet/v1/clusters', {
    search: "status.conditions.Ready = 'False'",
    signal: stop.signal,
    onReconnect: (reason) => console.error(`reconnecting: ${reason?.message ?? 'stream ended'}`),
  });

  const waiting = new Map<string, Cluster>();
  let decided = '';
  try {
    for await (const event of events) {
      if (event.type === 'updated') {
        waiting.set(event.resource.id!, event.resource);
      } else if (event.type === 'left' || event.type === 'removed') {
        const name = waiting.get(event.id)?.name;
        waiting.delete(event.id);
        console.log(`${name} ${event.type === 'left' ? 'is ready' : 'is gone'}`);
      } else {
        // Only now is the set complete. A real Sentinel publishes an event for its adapters here.
        const next = longestWaiting(waiting.values());
        const decision = next ? `next: ${next.name}, generation ${next.generation}` : 'all ready';
        if (decision !== decided) console.log(decision);
        decided = decision;
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

main(process.argv[2] ?? 'http://localhost:8000').catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
