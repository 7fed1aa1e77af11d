import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createClient, ok } from '../../src/client';
import { fetchWithCa } from '../../src/client/fetch-with-ca';
import { loadConfig } from '../../src/config/config';
import { readKinds } from '../../src/config/kinds-file';
import type { DemoPaths } from './channels';
import { liveScreen, plainScreen } from './screen';
import { play } from './story';

const USAGE = `Fills a running service with a small fleet and plays the adapters. Settings of the service that say which kinds
and adapters it has, such as HYPERFLEET_KINDS_FILE, must be the same here.

Usage: npm run demo -- [--url http://localhost:8000] [--ca-file <file>] [--clusters 12] [--speed 1]

  --url       URL of the service
  --ca-file   file with the certificate authorities to trust, for an https URL
  --clusters  number of clusters, 2 to 1000
  --speed     speed of the demo, up to 1000; 2 is twice as fast
`;

class UsageError extends Error {}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        url: { type: 'string', default: 'http://localhost:8000' },
        'ca-file': { type: 'string' },
        clusters: { type: 'string', default: '12' },
        speed: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    });
    const clusters = Number(values.clusters);
    const speed = Number(values.speed);
    if (values.help) throw new UsageError();
    if (!URL.canParse(values.url)) throw new UsageError('--url must be a URL.');
    if (!Number.isInteger(clusters) || clusters < 2 || clusters > 1000) {
      throw new UsageError('--clusters must be a whole number from 2 to 1000.');
    }
    if (!(speed > 0 && speed <= 1000))
      throw new UsageError('--speed must be above 0 and at most 1000.');
    const caFile = values['ca-file'];
    const fetch = caFile === undefined ? undefined : fetchWithCa(readFileSync(caFile, 'utf8'));
    return { url: values.url.replace(/\/$/, ''), fetch, clusters, speed };
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError((error as Error).message);
  }
}

async function main(): Promise<void> {
  const { url, fetch, clusters, speed } = readOptions();
  const { kinds } = await readKinds(loadConfig());
  const client = createClient<DemoPaths>({ baseUrl: url, fetch });
  await ok(client.GET('/api/hyperfleet/v1/compatibility')).catch(() => {
    throw new Error(`There is no HyperFleet API at ${url}. Start it with: make run-no-auth`);
  });

  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  process.once('SIGTERM', () => stop.abort());
  const screen = process.stdout.isTTY ? liveScreen(process.stdout) : plainScreen(process.stdout);
  try {
    const search = await play({ client, clusters, speed, kinds, screen, signal: stop.signal });
    screen.close();
    console.log(`\nThe fleet stays in the service. To look at it:
  curl -sG ${url}/api/hyperfleet/v1/clusters --data-urlencode "search=${search}"
  ${url}/openapi-ui`);
  } catch (error) {
    screen.close();
    if (!stop.signal.aborted) throw error;
    console.log('\nStopped. The resources created so far stay in the service.');
  }
}

main().catch((error: unknown) => {
  const usage = error instanceof UsageError;
  console.error([(error as Error).message, usage && USAGE].filter(Boolean).join('\n\n'));
  process.exitCode = usage ? 2 : 1;
});
