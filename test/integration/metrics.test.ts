import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { packageVersion } from '../../src/config/package-root';
import { begin } from '../support/api';
import { terminateWaiting } from '../support/backends';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';

/* What Prometheus scrapes from a running service. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';

jest.setTimeout(60_000);

let database: TestDatabase;
let directory: string;
let api: ReturnType<typeof supertest>;
let metricsUrl: string;
let healthUrl: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-metrics-'));
  database = await createTestDatabase();
  const ready = await serve(database).ready();
  api = supertest(new URL(ready.api).origin);
  metricsUrl = new URL(ready.metrics).origin;
  healthUrl = new URL(ready.health).origin;
});
afterAll(async () => {
  await stopServices();
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

function serve({ url }: TestDatabase) {
  const env = {
    ...{ ...FREE_PORTS, DATABASE_URL: url, HYPERFLEET_STUCK_AFTER_SECONDS: '1' },
    ...{ HYPERFLEET_CLUSTER_ADAPTERS: 'validation', HYPERFLEET_NODEPOOL_ADAPTERS: 'validation' },
  };
  return startService(['serve'], env, directory);
}

interface Series {
  name: string;
  labels: Record<string, string>;
  value: number;
}

async function scrape(): Promise<Series[]> {
  const { text, status, headers } = await supertest(metricsUrl).get('/metrics');
  expect(status).toBe(200);
  expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels, value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line)!;
      const pairs = [...(labels ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name: name!,
        labels: Object.fromEntries(pairs.map(([, key, text]) => [key!, text!])),
        value: Number(value),
      };
    });
}

function find(series: Series[], name: string, labels: Record<string, string> = {}): Series[] {
  return series.filter(
    (entry) =>
      entry.name === name &&
      Object.entries(labels).every(([key, value]) => entry.labels[key] === value),
  );
}

const sum = (series: Series[]) => series.reduce((total, { value }) => total + value, 0);

it('counts and measures requests by route template, never by what a client sent', async () => {
  const created = await api.post(CLUSTERS).send(newCluster());
  const path = created.body.href as string;
  await api.get(path);
  await api.get(path);
  await api.get(`${CLUSTERS}/none`);
  await api.get('/secret/path');
  await api.head(path);
  const series = await scrape();
  const common = { component: 'api', version: packageVersion };
  const template = `${CLUSTERS}/{cluster_id}`;
  const requests = 'hyperfleet_api_requests_total';
  for (const [labels, count] of [
    [{ method: 'POST', path: CLUSTERS, code: '201' }, 1],
    [{ method: 'GET', path: template, code: '200' }, 3],
    [{ method: 'GET', path: template, code: '404' }, 1],
    [{ method: 'GET', path: 'unknown', code: '404' }, 1],
  ] as const) {
    expect(find(series, requests, { ...common, ...labels }).map(({ value }) => value)).toEqual([
      count,
    ]);
  }
  const duration = 'hyperfleet_api_request_duration_seconds';
  const labels = { ...common, method: 'GET', path: template, code: '200' };
  expect(find(series, `${duration}_count`, labels)[0]!.value).toBe(3);
  expect(find(series, `${duration}_bucket`, labels).map((entry) => entry.labels.le)).toEqual([
    '0.005',
    '0.01',
    '0.025',
    '0.05',
    '0.1',
    '0.25',
    '0.5',
    '1',
    '2.5',
    '5',
    '10',
    '+Inf',
  ]);
  for (const entry of series) {
    if (entry.name.startsWith('hyperfleet_api_request')) {
      expect(
        Object.keys(entry.labels)
          .filter((key) => key !== 'le')
          .sort(),
      ).toEqual([...['code', 'component', 'method', 'path', 'version']]);
    }
  }
  expect(JSON.stringify(series)).not.toMatch(new RegExp(`secret|${created.body.id as string}`));
});

it('tells what runs, and how its event loop and memory are', async () => {
  const series = await scrape();
  expect(find(series, 'hyperfleet_api_build_info')).toEqual([
    {
      name: 'hyperfleet_api_build_info',
      labels: { component: 'api', version: packageVersion, node: process.version },
      value: 1,
    },
  ]);
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
    'process_resident_memory_bytes',
    'process_open_fds',
  ]) {
    expect(find(series, name)).toHaveLength(1);
  }
});

it('measures the database: round trips, errors by type, and the pool', async () => {
  const path = (await api.post(CLUSTERS).send(newCluster())).body.href as string;
  // Read on a pooled connection, and not asked again when that breaks.
  const search = `${CLUSTERS}?search=${encodeURIComponent("labels.a = 'b'")}`;
  await api.get(path);
  await withClient(database.directUrl, async (client) => {
    await client.query('BEGIN; LOCK TABLE resource_status IN ACCESS EXCLUSIVE MODE');
    const waiting = begin(api.get(search));
    await withClient(database.directUrl, terminateWaiting);
    expect((await waiting).status).toBe(503);
    await client.query('ROLLBACK');
  });
  await api.get(search);
  const series = await scrape();
  const queries = 'hyperfleet_db_query_duration_seconds_count';
  expect(sum(find(series, queries, { operation: 'insert', table: 'resources' }))).toBeGreaterThan(
    0,
  );
  expect(sum(find(series, queries, { operation: 'select', table: 'resources' }))).toBeGreaterThan(
    0,
  );
  const errors = find(series, 'hyperfleet_db_errors_total', { operation: 'select' });
  expect(sum(errors)).toBeGreaterThan(0);
  expect(errors.map(({ labels }) => labels.error_type).join()).toMatch(/57P01|connection_lost/);
  for (const name of ['open', 'in_use', 'waiting']) {
    expect(find(series, `hyperfleet_db_connections_${name}`)).toHaveLength(1);
  }
  expect(find(series, 'hyperfleet_db_connections_open')[0]!.value).toBeGreaterThan(0);
  expect(find(series, 'hyperfleet_db_connections_waiting')[0]!.value).toBe(0);
});

it('counts reports by what became of them', async () => {
  const path = (await api.post(CLUSTERS).send(newCluster())).body.href as string;
  const now = new Date().toISOString();
  const statuses = [
    await api.put(`${path}/statuses`).send(newReport('validation', 1, {}, now)),
    await api.put(`${path}/statuses`).send(newReport('validation', 7)),
    await api
      .put(`${path}/statuses`)
      .send(newReport('validation', 1, {}, new Date(Date.now() - 60_000).toISOString())),
  ].map(({ status }) => status);
  expect(statuses).toEqual([201, 409, 204]);
  const series = find(await scrape(), 'hyperfleet_api_reports_total', { resource_type: 'Cluster' });
  const outcomes = series.map(({ labels, value }) => [labels.outcome, value]);
  expect(Object.fromEntries(outcomes)).toEqual({ accepted: 1, refused: 1, discarded: 1 });
  expect(series.find(({ labels }) => labels.outcome === 'refused')!.labels.reason).toBe('CNF-002');
});

it('tells how many resources wait to be reconciled, and how many for too long', async () => {
  const own = await createTestDatabase();
  const service = serve(own);
  const ready = await service.ready();
  const other = supertest(new URL(ready.api).origin);
  const [done, marked] = [
    await other.post(CLUSTERS).send(newCluster()),
    await other.post(CLUSTERS).send(newCluster()),
  ].map(({ body }) => body.href as string);
  await other.post(`${done!}/nodepools`).send(newNodePool());
  await other.put(`${done!}/statuses`).send(newReport('validation'));
  await other.delete(marked!);
  await sleep(1500);
  metricsUrl = new URL(ready.metrics).origin;
  const series = await scrape();
  const values = (name: string) =>
    Object.fromEntries(
      find(series, `hyperfleet_api_resource_${name}`).map(({ labels, value }) => [
        `${labels.resource_type!} ${labels.is_delete!}`,
        value,
      ]),
    );
  expect(values('pending_reconciliation')).toEqual({ 'Cluster true': 1, 'NodePool false': 1 });
  expect(values('pending_reconciliation_stuck')).toEqual({
    'Cluster true': 1,
    'NodePool false': 1,
  });
  const [age] = Object.values(values('pending_reconciliation_stuck_duration_seconds'));
  expect(age).toBeGreaterThan(1);
  expect(age).toBeLessThan(60);
  await service.end('SIGTERM');
  await own.drop();
});

describe('the listeners of operators', () => {
  it('respond about health, readiness, and nothing else, with bodies that machines read', async () => {
    for (const path of ['/livez', '/healthz', '/healthcheck', '/readyz']) {
      expect(await supertest(healthUrl).get(path)).toMatchObject({
        status: 200,
        type: 'application/json',
        body: { status: 'ok' },
      });
    }
    expect((await supertest(healthUrl).get('/metrics')).status).toBe(404);
    expect((await supertest(healthUrl).get(CLUSTERS)).status).toBe(404);
  });
});
