import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok } from '../../src/client';
import type { Kinds } from '../../src/kinds/kind';
import { Adapters } from './adapters';
import { createChannels, type DemoClient } from './channels';
import { condition, Fleet, isFailing, isReady, NEXT_VERSION, planFleet } from './fleet';
import type { Screen } from './screen';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const CLUSTER = `${CLUSTERS}/{cluster_id}` as const;
const RESOURCES = '/api/hyperfleet/v1/resources';

interface StoryOptions {
  client: DemoClient;
  clusters: number;
  speed: number;
  /** Those of the service. */
  kinds: Kinds;
  screen: Screen;
  signal: AbortSignal;
}

/** One part of the demo: an action, and the state of the fleet that ends it. */
interface Act {
  title: string;
  begin(fleet: Fleet): Promise<void> | void;
  done(fleet: Fleet): boolean;
}

/** How long an act may take, in seconds at normal speed. */
const PATIENCE = 120;

/** Plays the whole demo. @returns a search expression that finds its fleet */
export async function play(options: StoryOptions): Promise<string> {
  const run = randomBytes(2).toString('hex');
  const search = `labels.demo='${run}'`;
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const fleet = new Fleet();
  try {
    // The watch goes on for ever: only if it fails is it the first of the two to end.
    await Promise.race([
      follow(fleet, options.client, search, signal),
      playActs(fleet, { ...options, signal }, run),
    ]);
  } finally {
    end.abort();
  }
  return search;
}

/** Keeps the fleet up to date. */
async function follow(
  fleet: Fleet,
  client: DemoClient,
  search: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const event of client.watch(RESOURCES, { search, signal })) {
    if (event.type === 'updated') fleet.put(event.resource);
    else if (event.type !== 'synced') fleet.remove(event.id);
  }
}

async function playActs(fleet: Fleet, options: StoryOptions, run: string): Promise<void> {
  const { screen, signal } = options;
  const second = 1000 / options.speed;
  const adapters = new Adapters({ ...options, second });

  for (const act of actsOf(options, run, adapters)) {
    screen.act(act.title);
    await act.begin(fleet);
    // At a high speed, the machine may be slower than the demo.
    const deadline = Date.now() + Math.max(PATIENCE * second, 60_000);
    for (;;) {
      screen.show(fleet);
      if (act.done(fleet)) break;
      if (Date.now() > deadline)
        throw new Error(`The demo makes no progress. ${waitingFor(fleet)}`);
      await adapters.work(fleet);
      await sleep(Math.max(second / 4, 20), undefined, { signal });
    }
  }
}

function actsOf(options: StoryOptions, run: string, adapters: Adapters): Act[] {
  const { client, screen, signal } = options;
  const allReady = ({ clusters, nodePools }: Fleet) => [...clusters, ...nodePools].every(isReady);
  const waves = Math.min(options.clusters, 3);
  let unlucky: string;
  let leaving: string;

  return [
    {
      title: `${options.clusters} clusters are created`,
      async begin(fleet) {
        for (const { body, nodePools } of planFleet(options.clusters, run)) {
          signal.throwIfAborted();
          const { data } = await ok(client.POST(CLUSTERS, { body }));
          fleet.put(data);
          const params = { path: { cluster_id: data.id! } };
          for (const pool of nodePools) {
            fleet.put((await ok(client.POST(`${CLUSTER}/nodepools`, { params, body: pool }))).data);
          }
          screen.event(`${body.name} created with ${nodePools.length} node pools`);
        }
      },
      done: () => true,
    },
    {
      title: 'The adapters build them; one fails',
      begin({ clusters }) {
        const cluster = clusters[Math.floor(clusters.length / 2)]!;
        unlucky = cluster.id!;
        screen.event(`${cluster.name}: ${adapters.break(unlucky)} will exceed a quota`);
      },
      done: ({ clusters, nodePools }) =>
        nodePools.every(isReady) &&
        clusters.every((cluster) =>
          cluster.id === unlucky ? isFailing(cluster) : isReady(cluster),
        ),
    },
    {
      title: 'The quota is raised and the adapter recovers',
      begin: () => adapters.recover(),
      done: allReady,
    },
    ...Array.from({ length: waves }, (_, wave) => ({
      title: `Version ${NEXT_VERSION} is rolled out, wave ${wave + 1} of ${waves}; clusters stay available`,
      async begin(fleet: Fleet) {
        for (const { id, name, spec } of fleet.clusters.filter(
          (_each, index) => index % waves === wave,
        )) {
          signal.throwIfAborted();
          const params = { path: { cluster_id: id! } };
          const body = { spec: { ...spec, version: NEXT_VERSION } };
          fleet.put((await ok(client.PATCH(CLUSTER, { params, body }))).data);
          screen.event(`${name} is updated to version ${NEXT_VERSION}`);
        }
      },
      done: allReady,
    })),
    {
      title: 'One cluster is deleted',
      async begin({ clusters }) {
        const { id, name } = clusters.at(-1)!;
        leaving = id!;
        await ok(client.DELETE(CLUSTER, { params: { path: { cluster_id: leaving } } }));
        screen.event(`${name} and its node pools are marked for deletion`);
      },
      done: ({ clusters }) => clusters.every(({ id }) => id !== leaving),
    },
    ...(options.kinds.get('Version')?.parent?.name === 'Channel'
      ? [
          {
            title: 'Channels with versions are created: the service declares these kinds',
            begin: (fleet: Fleet) =>
              createChannels(client, fleet, run, (text) => screen.event(text)),
            done: ({ versions }: Fleet) => versions.every(isReady),
          },
        ]
      : []),
  ];
}

function waitingFor({ clusters, nodePools, versions }: Fleet): string {
  const late = [...clusters, ...nodePools, ...versions].find((resource) => !isReady(resource));
  if (!late) return 'All resources are ready.';
  const why = condition(late, 'Ready')?.message ?? 'there is no reason';
  return `${late.name} is not ready: ${why}. Does the service require adapters that the demo does not play?`;
}
