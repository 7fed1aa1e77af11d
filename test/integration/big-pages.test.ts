import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import type { components } from '../../generated/openapi';
import { createTestDatabase, type TestDatabase, withClient } from '../support/database';
import { newCluster } from '../support/factories';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';

/*
 * The worst that lists can be asked for: 500 resources, each with the largest spec there can be, by twenty
 * clients at once, from a process with a small heap. Without any guard this takes gigabytes.
 */

const B = '/api/hyperfleet/v1';
const SPEC_BYTES = 250_000;
/** Takes the database as long as four others to write out. */
const DENSE = 30;
const PLAIN = 120;
const CLIENTS = 20;
/** What V8 takes in a container of 512 MB, the limit in the chart. */
const HEAP_MB = 256;

jest.setTimeout(120_000);

/** Twenty times as large once it is parsed. */
const denseSpec = { list: Array.from({ length: SPEC_BYTES / 3 }, () => ({})), other: 'here' };
const plainSpec = {
  list: Array.from({ length: 1000 }, (_, n) => `${n}${'ü"\\\n'.repeat(31)}`),
};

let directory: string;
let database: TestDatabase;
let url: string;
let metrics: string;
type Cluster = components['schemas']['Cluster'];

let dense: Cluster;
let small: Cluster;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'big-pages-'));
  database = await createTestDatabase();
  const service = startService(
    ['serve'],
    {
      ...FREE_PORTS,
      DATABASE_URL: database.url,
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MB}`,
      DATABASE_STATEMENT_TIMEOUT_MS: '20000',
    },
    directory,
  );
  const ready = await service.ready();
  url = new URL(ready.api).origin;
  metrics = ready.metrics;
  const create = async (spec: object) => {
    const body = newCluster({ spec: spec as never });
    const answer = await supertest(url).post(`${B}/clusters`).send(body);
    expect(answer).toMatchObject({ status: 201 });
    return answer.body as Cluster;
  };
  dense = await create(denseSpec);
  await copy(dense, DENSE - 1);
  await copy(await create(plainSpec), PLAIN - 1);
  small = await create({ region: 'small' });
});

afterAll(async () => {
  await stopServices();
  await database.drop();
  rmSync(directory, { recursive: true });
});

/** Makes more resources like one, as fast as the database can. */
async function copy({ id }: Cluster, count: number): Promise<void> {
  const others = 'substr(md5(r.id || n), 1, 26)';
  await withClient(database.url, async (client) => {
    await client.query('BEGIN');
    await client.query(
      `INSERT INTO resources SELECT '2' || ${others}, r.kind, r.owner_id, 'c-' || ${others}, r.spec, r.labels,
         1, r.created_time, r.created_by, r.updated_time, r.updated_by
       FROM resources r, generate_series(1, $2) n WHERE r.id = $1`,
      [id, count],
    );
    await client.query(
      `INSERT INTO resource_status SELECT '2' || ${others}, kind, version, conditions, ready, available,
         ready_last_updated_time, phase, last_transition_time, observed_generation, last_updated_time
       FROM (SELECT resource_id AS id, * FROM resource_status) r, generate_series(1, $2) n WHERE r.id = $1`,
      [id, count],
    );
    await client.query('COMMIT');
  });
}

interface Page {
  status: number;
  retryAfter: string | undefined;
  bytes: number;
  complete: boolean;
}

const agent = new Agent({ maxSockets: CLIENTS });

/** Reads a page and keeps none of it. */
function readPage(path: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    get(`${url}${B}${path}`, { agent }, (response) => {
      const page: Page = {
        status: response.statusCode!,
        retryAfter: response.headers['retry-after'],
        bytes: 0,
        complete: false,
      };
      response.on('data', (chunk: Buffer) => (page.bytes += chunk.length));
      response.on('error', reject);
      response.on('close', () => resolve({ ...page, complete: response.complete }));
    }).on('error', reject);
  });
}

async function residentMb(): Promise<number> {
  const text = await (await fetch(metrics)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(text)![1]) / 2 ** 20;
}

test('a page of the largest specs is complete and exactly what is stored', async () => {
  const path = '/clusters?pageSize=500&orderBy=created_time';
  const { status, headers } = await supertest(url)
    .head(B + path)
    .set('Accept-Encoding', 'identity');
  expect(status).toBe(200);
  const page = await readPage(path);
  expect(page).toMatchObject({ status: 200, complete: true });
  expect(String(page.bytes)).toBe(headers['content-length']);
  expect(page.bytes).toBeGreaterThan((DENSE + PLAIN) * SPEC_BYTES);

  const few = await supertest(url).get(`${B}/clusters?pageSize=3&orderBy=generation,name`);
  for (const item of few.body.items as Cluster[]) {
    const { body } = await supertest(url).get(item.href!);
    expect(item).toEqual(body);
  }
});

test('a part of a large spec can be asked for', async () => {
  const path = `${B}/clusters?search=name='${dense.name}'&fields=spec.other,spec.none,name`;
  const { body } = await supertest(url).get(path);
  expect(body.items).toEqual([{ id: dense.id, name: dense.name, spec: { other: 'here' } }]);
});

test('twenty clients with the worst page neither end the process nor starve small requests', async () => {
  const before = await residentMb();
  let peak = before;
  let over = false;
  const durations: number[] = [];
  const watchMemory = async () => {
    while (!over) {
      peak = Math.max(peak, await residentMb());
      await sleep(250);
    }
  };
  const readSmall = async () => {
    while (!over) {
      const began = performance.now();
      const { status } = await supertest(url).get(small.href!);
      expect(status).toBe(200);
      durations.push(performance.now() - began);
      await sleep(20);
    }
  };
  const worst = Promise.all(
    Array.from({ length: CLIENTS }, () => readPage('/clusters?pageSize=500')),
  ).finally(() => (over = true));
  const [pages] = await Promise.all([worst, watchMemory(), readSmall(), readSmall()]);

  const read = pages.filter(({ status }) => status === 200);
  const refused = pages.filter(({ status }) => status === 503);
  durations.sort((one, other) => one - other);
  const median = durations[Math.floor(durations.length / 2)]!;
  expect(read.length + refused.length).toBe(CLIENTS);
  expect(read.length).toBeGreaterThanOrEqual(2);
  expect(
    read.every(({ bytes, complete }) => complete && bytes > (DENSE + PLAIN) * SPEC_BYTES),
  ).toBe(true);
  expect(refused.every(({ retryAfter }) => Number(retryAfter) > 0)).toBe(true);
  expect(durations.length).toBeGreaterThan(20);
  expect(median).toBeLessThan(1000);
  // Clients give up after five seconds.
  expect(durations.at(-1)).toBeLessThan(5000);
  expect(peak - before).toBeLessThan(400);
});
