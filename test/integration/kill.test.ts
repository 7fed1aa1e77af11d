import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { type Aggregate, aggregateConditions } from '../../src/conditions/aggregate';
import type { AdapterStatus } from '../../src/conditions/types';
import type { components } from '../../generated/openapi';
import { newCluster, newNodePool } from '../support/factories';
import {
  FREE_PORTS,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/*
 * The service with its own database dies in the middle of work (`kill -9`), more than once. What it had
 * acknowledged is there when it comes back, and what is there fits together.
 */

type Cluster = components['schemas']['Cluster'];
type NodePool = components['schemas']['NodePool'];

const B = '/api/hyperfleet/v1';
const CLUSTER_ADAPTERS = ['validation', 'dns'];
const NODE_POOL_ADAPTERS = ['validation'];
const REPORTS_PER_ROUND = 64;

jest.setTimeout(180_000);

/** What one adapter did about one resource. */
interface Reporter {
  path: string;
  adapter: string;
  /** Number of the last report that was acknowledged, and of the last one that was sent. */
  acknowledged: number;
  sent: number;
}

let directory: string;
let service: ServiceProcess;
let url: string;
const epoch = Date.now() - 60_000;

/** Each report of an adapter has a number, which its time and its data carry. */
const timeOf = (number: number) => new Date(epoch + number).toISOString();

async function start(): Promise<void> {
  service = startService(
    ['serve'],
    {
      ...FREE_PORTS,
      LOG_LEVEL: 'info',
      LOG_POLLS: 'false',
      HYPERFLEET_CLUSTER_ADAPTERS: CLUSTER_ADAPTERS.join(','),
      HYPERFLEET_NODEPOOL_ADAPTERS: NODE_POOL_ADAPTERS.join(','),
    },
    directory,
  );
  url = new URL((await service.ready()).api).origin;
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-kill-'));
});
afterAll(async () => {
  // Not killed this time: PostgreSQL must have left the directory before it is removed.
  await stopServices('SIGTERM');
  rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
});

async function reportFor(reporter: Reporter): Promise<void> {
  while (service.running) {
    const number = reporter.sent + 1;
    reporter.sent = number;
    const available = number % 3 === 0 ? 'False' : 'True';
    const method = number % 2 === 0 ? 'put' : 'post';
    const report = {
      adapter: reporter.adapter,
      observed_generation: 1,
      observed_time: timeOf(number),
      conditions: [
        { type: 'Available', status: available, reason: `R${number}` },
        { type: 'Health', status: number % 5 === 0 ? 'False' : 'True' },
      ],
      data: { number },
    };
    const request = supertest(url)[method](`${reporter.path}/statuses`).send(report);
    const answer = await request.catch(() => undefined);
    if (answer === undefined) return;
    // A busy machine may make it 503, which promises nothing.
    if (answer.status === 503) continue;
    expect(answer.status).toBe(201);
    reporter.acknowledged = number;
  }
}

async function createUntilKilled(created: string[]): Promise<void> {
  while (service.running) {
    const answer = await supertest(url)
      .post(`${B}/clusters`)
      .send(newCluster())
      .catch(() => undefined);
    if (answer === undefined) return;
    if (answer.status === 503) continue;
    expect(answer.status).toBe(201);
    created.push(answer.body.id as string);
    await sleep(20);
  }
}

async function all<Item>(path: string): Promise<Item[]> {
  const { body, status } = await supertest(url).get(`${path}?pageSize=500`);
  expect(status).toBe(200);
  expect(body.total).toBe(body.items.length);
  return body.items as Item[];
}

/** The stored conditions are those that the stored reports lead to. */
async function expectConsistent(resource: Cluster | NodePool): Promise<void> {
  const path =
    'owner_references' in resource
      ? `${resource.owner_references.href!}/nodepools/${resource.id!}`
      : resource.href!;
  const reports = await all<AdapterStatus>(`${path}/statuses`);
  const status: Aggregate = resource.status;
  const { conditions, ...shown } = status;
  const aliases = ['Reconciled', 'LastKnownReconciled'];
  const stored = conditions.filter(({ type }) => !aliases.includes(type));
  const isNodePool = resource.kind === 'NodePool';
  const { conditions: expected, ...derived } = aggregateConditions({
    kind: isNodePool ? 'NodePool' : 'Cluster',
    generation: resource.generation,
    ref: resource.updated_time,
    required: isNodePool ? NODE_POOL_ADAPTERS : CLUSTER_ADAPTERS,
    reports,
    previous: stored,
    previousPhase: { phase: shown.phase, since: shown.last_transition_time },
    deleting: false,
    hasChildren: false,
  });
  expect(stored).toEqual(expected);
  const floor = isNodePool ? 1 : 0;
  const observed_generation = Math.max(floor, derived.observed_generation);
  expect(shown).toEqual({ ...derived, observed_generation });
}

test('what was acknowledged survives kill -9 in the middle of a report load, and is consistent', async () => {
  await start();
  const reporters: Reporter[] = [];
  for (let count = 0; count < 4; count++) {
    const cluster = await supertest(url).post(`${B}/clusters`).send(newCluster());
    const path = cluster.body.href as string;
    const nodePool = await supertest(url).post(`${path}/nodepools`).send(newNodePool());
    const below = `${path}/nodepools/${nodePool.body.id as string}`;
    for (const adapter of [...CLUSTER_ADAPTERS, 'extra']) {
      reporters.push({ path, adapter, acknowledged: 0, sent: 0 });
    }
    for (const adapter of NODE_POOL_ADAPTERS) {
      reporters.push({ path: below, adapter, acknowledged: 0, sent: 0 });
    }
  }

  const created: string[] = [];
  for (let round = 0; round < 2; round++) {
    const acknowledged = () => reporters.reduce((sum, reporter) => sum + reporter.acknowledged, 0);
    const enough = acknowledged() + REPORTS_PER_ROUND;
    const load = [...reporters.map(reportFor), createUntilKilled(created)];
    while (service.running && acknowledged() < enough) await sleep(5);
    expect((await service.end('SIGKILL')).signal).toBe('SIGKILL');
    await Promise.all(load);
    expect(reporters.some(({ acknowledged, sent }) => sent > acknowledged)).toBe(true);

    await start();
    for (const reporter of reporters) {
      const found = await all<AdapterStatus>(`${reporter.path}/statuses`);
      const status = found.find(({ adapter }) => adapter === reporter.adapter)!;
      const number = (status.data as { number: number }).number;
      // What was on its way may have arrived or not; nothing older will do.
      expect(number).toBeGreaterThanOrEqual(reporter.acknowledged);
      expect(number).toBeLessThanOrEqual(reporter.sent);
      expect(status.last_report_time).toBe(timeOf(number));
    }
    const clusters = await all<Cluster>(`${B}/clusters`);
    const nodePools = await all<NodePool>(`${B}/nodepools`);
    const ids = clusters.map(({ id }) => id);
    expect(created.filter((id) => !ids.includes(id))).toEqual([]);
    expect(nodePools).toHaveLength(4);
    await Promise.all([...clusters, ...nodePools].map(expectConsistent));

    // The counters behind such a total were kept by the transactions that died.
    for (const status of ['True', 'False']) {
      const { body } = await supertest(url).get(
        `${B}/clusters?search=status.conditions.Ready='${status}'&pageSize=500`,
      );
      const matching = clusters.filter(({ status: { conditions } }) =>
        conditions.some((condition) => condition.type === 'Ready' && condition.status === status),
      );
      expect(body.total).toBe(matching.length);
    }
  }
});
