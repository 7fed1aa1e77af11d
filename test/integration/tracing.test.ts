import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest, { type Response } from 'supertest';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster } from '../support/factories';
import {
  FREE_PORTS,
  type ServiceProcess,
  startService,
  stopServices,
} from '../support/service-process';

/* Traces as a collector gets them. */

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT_ID = '00f067aa0ba902b7';
const TRACEPARENT = `00-${TRACE_ID}-${PARENT_ID}-01`;

const pooled = process.env.TEST_RUN_POOLER_URL !== undefined;

jest.setTimeout(60_000);

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number };
}

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: Attribute[];
}

interface Export {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[];
}

let database: TestDatabase;
let directory: string;
let collector: Server;
let endpoint: string;
let exported: Export[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-tracing-'));
  database = await createTestDatabase();
  collector = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      if (req.url === '/v1/traces') exported.push(JSON.parse(Buffer.concat(chunks).toString()));
      res.setHeader('Content-Type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await stopServices();
  exported = [];
});
afterAll(async () => {
  await new Promise((resolve) => {
    collector.close(resolve);
    collector.closeAllConnections();
  });
  await database.drop();
  rmSync(directory, { recursive: true, force: true });
});

async function start(env: Record<string, string>) {
  const all = { ...FREE_PORTS, DATABASE_URL: database.url, OTEL_BSP_SCHEDULE_DELAY: '50', ...env };
  const service = startService(['serve'], all, directory);
  const ready = await service.ready();
  return {
    service,
    api: supertest(new URL(ready.api).origin),
    health: supertest(new URL(ready.health).origin),
  };
}

const spans = () =>
  exported.flatMap(({ resourceSpans }) =>
    resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
  );

const attribute = (list: Attribute[], key: string) => {
  const value = list.find((entry) => entry.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
};

async function requestLine(service: ServiceProcess, response: Response) {
  for (;;) {
    const line = service.log.find(
      ({ message, trace_id }) =>
        message === 'request' && trace_id === response.headers['x-request-id'],
    );
    if (line !== undefined) return line;
    await sleep(20);
  }
}

it('sends a span for a request and for each of its statements, within the trace of the client', async () => {
  const { service, api, health } = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const headers = { traceparent: TRACEPARENT, 'X-Request-Id': 'mine' };
  const created = await api.post(CLUSTERS).set(headers).send(newCluster());
  const path = created.body.href as string;
  expect((await api.get(path)).status).toBe(200);
  const missing = await api.get(`${CLUSTERS}/none`).set(headers);
  expect((await health.get('/readyz')).status).toBe(200);
  const other = (await api.get(CLUSTERS)).headers['x-request-id'];

  // The id of the trace is the one that clients and operators see.
  expect(missing.headers['x-request-id']).toBe(TRACE_ID);
  expect(missing.body).toMatchObject({ trace_id: TRACE_ID, operation_id: TRACE_ID });
  expect(await requestLine(service, missing)).toMatchObject({ request_id: 'mine' });
  expect(other).toMatch(/^[0-9a-f]{32}$/);

  expect(await service.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  const root = spans().find(({ name }) => name === `POST ${CLUSTERS}`)!;
  expect(root).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID });
  expect(attribute(root.attributes, 'http.route')).toBe(CLUSTERS);
  // Spans are named after their statements, which have no names behind an old PgBouncer.
  const runs = (span: Span, name: string, text: string) =>
    pooled
      ? span.name.startsWith('pg.query') && JSON.stringify(span.attributes).includes(text)
      : span.name.startsWith(`pg.query:${name}`);
  const within = (traceId: string) => spans().filter((span) => span.traceId === traceId);
  expect(
    within(TRACE_ID).some((span) => runs(span, 'create_resources', 'INSERT INTO resources')),
  ).toBe(true);
  const byId = spans().find(({ name }) => name === `GET ${CLUSTERS}/{cluster_id}`);
  expect(
    within(byId!.traceId).some((span) => runs(span, 'find_resource', 'FROM resources r')),
  ).toBe(true);
  // Nobody's request: neither probes nor what they ask the database.
  expect(spans().filter(({ name }) => /readyz|check_schema/i.test(name))).toEqual([]);
  expect(new Set(spans().map(({ traceId }) => traceId)).size).toBe(3);

  const { attributes } = exported[0]!.resourceSpans[0]!.resource;
  expect(attribute(attributes, 'service.name')).toBe('hyperfleet-api');
  expect(attribute(attributes, 'deployment.environment.name')).toBe('test');
  // Values of statements may be secrets of customers.
  expect(JSON.stringify(exported)).not.toContain('us-west-2');
});

it('makes no traces unless an exporter is configured, and takes the id from X-Request-Id then', async () => {
  const { api } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: 'true' });
  const headers = { traceparent: TRACEPARENT, 'X-Request-Id': 'mine' };
  const response = await api.get(`${CLUSTERS}/none`).set(headers);
  expect(response.headers['x-request-id']).toBe('mine');
  expect(response.body.trace_id).toBe('mine');
  await sleep(300);
  expect(exported).toEqual([]);
});

it('serves and stops in time while the collector is away', async () => {
  const { service, api } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
  expect((await api.get(CLUSTERS)).status).toBe(200);
  const begin = Date.now();
  expect((await service.end('SIGTERM')).code).toBe(0);
  expect(Date.now() - begin).toBeLessThan(8000);
});
