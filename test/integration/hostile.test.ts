import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { newCluster, newNodePool } from '../support/factories';
import { type RawRequest, type RawResponse, sendBytes, sendRaw } from '../support/raw-http';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';
import { faultsOf, fieldsOf, problemOf } from './hostile/responses';
import { BODIES } from './hostile/bodies';
import { HEADERS } from './hostile/headers';
import { CLUSTER, CLUSTERS, type HostileRequest, MARKED, POOL } from './hostile/hostile-request';
import { MEMBERS } from './hostile/members';
import { PATHS } from './hostile/paths';
import { QUERIES } from './hostile/queries';
import { WIRE } from './hostile/wire';

/*
 * What a service on a network gets to see, sent to the real process: each request has exactly one right
 * answer, no answer tells about the inside, and afterwards the process is as it was.
 */

jest.setTimeout(180_000);

const HEAP_MARGIN_MB = 12;

/** Has the process collect its garbage all the time, so that its metrics show what it really keeps. */
const COLLECTOR = `data:text/javascript,${encodeURIComponent(
  "import v8 from 'node:v8';import vm from 'node:vm';v8.setFlagsFromString('--expose-gc');" +
    "const gc=vm.runInNewContext('gc');setInterval(gc,1000).unref()",
)}`;

let directory: string;
let database: TestDatabase;
let url: string;
let metrics: string;
const paths: Record<string, string> = {};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hostile-'));
  database = await createTestDatabase();
  const env = {
    ...FREE_PORTS,
    DATABASE_URL: database.url,
    NODE_OPTIONS: `--import ${COLLECTOR}`,
  };
  const ready = await startService(['serve'], env, directory).ready();
  url = new URL(ready.api).origin;
  metrics = ready.metrics;
  const made = async (path: string, body: object) => {
    const response = await supertest(url).post(path).send(body);
    return response.body.href as string;
  };
  paths[CLUSTER] = await made(CLUSTERS, newCluster());
  paths[POOL] = await made(`${paths[CLUSTER]}/nodepools`, newNodePool());
  paths[MARKED] = await made(CLUSTERS, newCluster());
  await supertest(url).delete(paths[MARKED]);
});

afterAll(async () => {
  await stopServices();
  await database.drop();
  rmSync(directory, { recursive: true });
});

function withRealPaths(text: string): string {
  return text.replace(/:(cluster|marked|pool)(-id)?\b/g, (_, name: string, onlyId?: string) => {
    const path = paths[`:${name}`]!;
    return onlyId ? path.slice(path.lastIndexOf('/') + 1) : path;
  });
}

function sendHostile({
  method,
  path,
  headers,
  body,
  chunked,
}: HostileRequest): Promise<RawResponse> {
  const request: RawRequest = { method, path: withRealPaths(path), headers, body };
  if (chunked) request.headers = { ...headers, 'Transfer-Encoding': 'chunked' };
  return sendRaw(url, request);
}

async function heapMb(): Promise<number> {
  let least = Infinity;
  for (let sample = 0; sample < 12; sample++) {
    await sleep(200);
    const text = await (await fetch(metrics)).text();
    const used = Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)![1]);
    least = Math.min(least, used / 2 ** 20);
  }
  return least;
}

const tables = { PATHS, QUERIES, BODIES, MEMBERS, HEADERS };

test('there are at least a hundred of them, and all are different', () => {
  const all = Object.values(tables).flat();
  expect(all.length + WIRE.length).toBeGreaterThan(300);
  expect(new Set(all.map((request) => JSON.stringify({ ...request, what: '' }))).size).toBe(
    all.length,
  );
});

describe.each(Object.entries(tables))('%s', (_, requests) => {
  it.each(requests)('$what: $status $code', async (request) => {
    const answer = await sendHostile(request);
    const { status, code, fields } = request;
    const expected = { status, ...(code !== undefined && request.method !== 'HEAD' && { code }) };
    expect({ ...problemOf(answer), detail: answer.text.slice(0, 500) }).toMatchObject(expected);
    if (fields) expect(fieldsOf(answer)).toEqual(expect.arrayContaining(fields));
    expect(faultsOf(answer, JSON.stringify(request))).toEqual([]);
  });
});

describe('WIRE', () => {
  it.each(WIRE)('$what: $answers', async ({ bytes, answers }) => {
    const given = await sendBytes(url, Buffer.from(withRealPaths(bytes), 'latin1'));
    const seen = given.map((answer) => Object.values(problemOf(answer)).join(' '));
    expect(seen).toEqual(answers);
    for (const answer of given) expect(faultsOf(answer, bytes)).toEqual([]);
  });
});

describe('after all that', () => {
  it('the service serves, and nothing was made, changed or removed that should not be', async () => {
    const { body } = await supertest(url).get(`${CLUSTERS}?pageSize=100&orderBy=name`);
    const names = (body.items as { name: string }[]).map(({ name }) => name);
    expect(names.filter((name) => /never|smuggled|dry/.test(name))).toEqual([]);
    const kept = MEMBERS.filter(({ status }) => status === 201);
    expect(names.filter((name) => name.startsWith('hostile-'))).toHaveLength(kept.length);
    const cluster = await supertest(url).get(paths[CLUSTER]!);
    expect(cluster.body).toMatchObject({ generation: 1, labels: { env: 'production' } });
    expect(cluster.body).not.toHaveProperty('deleted_time');
    expect((await supertest(url).get(paths[MARKED]!)).status).toBe(200);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('what was odd but fine is stored exactly as it was sent', async () => {
    for (const { body } of MEMBERS.filter(({ status }) => status === 201)) {
      const sent = JSON.parse((body as string).replace(/^\uFEFF/, '')) as {
        name: string;
        spec: object;
      };
      const search = encodeURIComponent(`name='${sent.name}'`);
      const { body: list } = await supertest(url).get(`${CLUSTERS}?search=${search}`);
      expect(list.items).toHaveLength(1);
      expect(list.items[0].spec).toEqual(sent.spec);
      expect(list.items[0]).toMatchObject({ generation: 1, created_by: 'system@hyperfleet.local' });
    }
  });

  it('and its memory is where it was, after once more of the same', async () => {
    const attack = async () => {
      for (const requests of Object.values(tables)) {
        for (let at = 0; at < requests.length; at += 16) {
          await Promise.all(
            requests
              .slice(at, at + 16)
              .filter(({ status }) => status !== 201)
              .map(sendHostile),
          );
        }
      }
    };
    const before = await heapMb();
    await attack();
    const after = await heapMb();
    expect(after - before).toBeLessThan(HEAP_MARGIN_MB);
  });

  it('nor do ten thousand content types stay in its memory', async () => {
    const body = '{"name":"x","spec":{}}';
    const post = (type: string, index: number, { length }: string[]) =>
      `POST ${CLUSTERS} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n` +
      `Content-Length: ${body.length}\r\n${index === length - 1 ? 'Connection: close\r\n' : ''}\r\n${body}`;
    const types = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => `application/json; v=${from + n}`);
    /** Many in a row on each connection: it is the server that is tried here. */
    const sendAll = async (all: string[]) => {
      const statuses: number[] = [];
      for (let at = 0; at < all.length; at += 500) {
        const bytes = all
          .slice(at, at + 500)
          .map(post)
          .join('');
        for (const { status } of await sendBytes(url, bytes)) statuses.push(status);
      }
      return statuses;
    };
    await sendAll(types(0, 1000));
    const before = await heapMb();
    const statuses = await sendAll(types(1000, 11_000));
    expect(statuses).toHaveLength(10_000);
    expect(new Set(statuses)).toEqual(new Set([400]));
    const after = await heapMb();
    expect(after - before).toBeLessThan(HEAP_MARGIN_MB);
  });
});
