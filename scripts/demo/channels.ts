import { type HyperFleetClient, ok, type operations, type paths } from '../../src/client';
import { FIRST_VERSION, type Fleet, NEXT_VERSION } from './fleet';

const RESOURCES = '/api/hyperfleet/v1/resources';
const VERSIONS = '/api/hyperfleet/v1/channels/{channel_id}/versions';

/** The contract, and the route of examples/kinds.yaml that the demo needs. docs/clients.md shows how to generate all. */
export interface DemoPaths extends paths {
  [VERSIONS]: {
    parameters: { path: { channel_id: string } };
    post: Omit<operations['postResource'], 'parameters'> & {
      parameters: { path: { channel_id: string } };
    };
  };
}

export type DemoClient = HyperFleetClient<DemoPaths>;

const CHANNELS = { stable: [FIRST_VERSION], candidate: [FIRST_VERSION, NEXT_VERSION] };

/** Creates channels with their versions. @param created is called with the name of each */
export async function createChannels(
  client: DemoClient,
  fleet: Fleet,
  run: string,
  created: (text: string) => void,
): Promise<void> {
  const labels = { demo: run };
  for (const [channel, versions] of Object.entries(CHANNELS)) {
    const name = `${channel}-${run}`;
    const { data } = await ok(
      client.POST(RESOURCES, { body: { kind: 'Channel', name, spec: {}, labels } }),
    );
    fleet.put(data);
    const params = { path: { channel_id: data.id! } };
    for (const version of versions) {
      const body = {
        kind: 'Version',
        name: `v${version.replaceAll('.', '-')}`,
        spec: { version },
        labels,
      };
      fleet.put((await ok(client.POST(VERSIONS, { params, body }))).data);
    }
    created(`${name} created with ${versions.join(', ')}`);
  }
}
