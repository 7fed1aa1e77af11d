import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync } from 'node:zlib';
import supertest from 'supertest';
import { startTestApp, type TestApp } from '../support/app';
import { newCluster } from '../support/factories';

const B = '/api/hyperfleet/v1';
const CLUSTERS = `${B}/clusters`;

let app: TestApp;
const ids: string[] = [];
const api = () => supertest(app.url);
const get = (path: string) => api().get(path);

beforeAll(async () => {
  app = await startTestApp();
  for (let count = 0; count < 5; count++) {
    const { body } = await api().post(CLUSTERS).send(newCluster());
    ids.push(body.id as string);
  }
});
afterAll(() => app.stop());

describe('the form of a list', () => {
  const raw = (path: string, headers: Record<string, string>) =>
    new Promise<{ encoding?: string; vary?: string; bytes: Buffer }>((resolve, reject) => {
      request(`${app.url}${path}`, { headers }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({
            encoding: incoming.headers['content-encoding'],
            vary: incoming.headers.vary,
            bytes: Buffer.concat(chunks),
          }),
        );
      })
        .on('error', reject)
        .end();
    });

  it('is gzip for clients that take it, from 1 KB on', async () => {
    const plain = await raw(CLUSTERS, {});
    expect(plain.encoding).toBeUndefined();
    const zipped = await raw(CLUSTERS, { 'Accept-Encoding': 'gzip' });
    expect(zipped.encoding).toBe('gzip');
    expect(zipped.vary).toMatch(/accept-encoding/i);
    expect(gunzipSync(zipped.bytes).toString()).toBe(plain.bytes.toString());
    expect(zipped.bytes.length).toBeLessThan(plain.bytes.length / 3);
    const small = await raw(`${CLUSTERS}?page=99`, { 'Accept-Encoding': 'gzip' });
    expect(small.encoding).toBeUndefined();
  });

  it('is Brotli at its fastest for clients that take that too, as browsers do', async () => {
    const path = `${CLUSTERS}?pageSize=5`;
    const plain = (await raw(path, {})).bytes;
    const { encoding, bytes } = await raw(path, { 'Accept-Encoding': 'gzip, deflate, br' });
    expect(encoding).toBe('br');
    expect(brotliDecompressSync(bytes).equals(plain)).toBe(true);
    const fast = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };
    expect(bytes.length).toBe(brotliCompressSync(plain, fast).length);
  });

  it('arrives compressed as a whole, however little of it can be compressed', async () => {
    const spec = { blob: randomBytes(150_000).toString('base64') };
    for (let count = 0; count < 3; count++) {
      await api().post(CLUSTERS).send(newCluster({ spec }));
    }
    const plain = await raw(CLUSTERS, {});
    const zipped = await raw(CLUSTERS, { 'Accept-Encoding': 'gzip' });
    expect(gunzipSync(zipped.bytes).equals(plain.bytes)).toBe(true);
    expect(plain.bytes.length).toBeGreaterThan(600_000);
  });

  it('has no ETag', async () => {
    expect((await get(CLUSTERS)).headers).not.toHaveProperty('etag');
  });
});

describe('paths and methods', () => {
  it('respond to HEAD as to GET', async () => {
    for (const path of [`${CLUSTERS}/${ids[0]!}`, `${CLUSTERS}?pageSize=1`, `${B}/errors`]) {
      const plain = { 'Accept-Encoding': 'identity' };
      const [head, full] = [await api().head(path).set(plain), await get(path).set(plain)];
      expect(head.status).toBe(200);
      for (const name of ['content-type', 'content-length', 'etag']) {
        expect([path, name, head.headers[name]]).toEqual([path, name, full.headers[name]]);
      }
    }
    const missing = await api().head(`${CLUSTERS}/nobody`);
    expect(missing.status).toBe(404);
  });

  it('tolerate one slash at the end, and nothing else', async () => {
    const id = ids[0]!;
    for (const path of [
      `${CLUSTERS}/`,
      `${CLUSTERS}/${id}/`,
      `${CLUSTERS}/${id}/statuses/?page=1`,
    ]) {
      expect({ path, status: (await get(path)).status }).toEqual({ path, status: 200 });
    }
    for (const path of [
      ...[`${CLUSTERS}//`, `/${CLUSTERS}`, `${CLUSTERS}//${id}`, `${B}/Clusters`, `${B}/CLUSTERS`],
      ...[`${B}/%63lusters`, `${B}/clusters.json`, '/', B, '/API/hyperfleet', '/api/hyperfleet/v2'],
      ...[`${CLUSTERS}/${id}/statuses/x`, `${CLUSTERS}/../clusters`, `${B}/clusters;x=1`],
    ]) {
      const response = await get(path);
      expect({ path, status: response.status }).toEqual({ path, status: 404 });
      expect(response.body.code).toBe('HYPERFLEET-NTF-000');
    }
  });

  it('respond to a method they do not have with 405 and those they have', async () => {
    const id = ids[0]!;
    for (const [method, path, allowed] of [
      ['delete', CLUSTERS, 'GET, HEAD, POST'],
      ['options', CLUSTERS, 'GET, HEAD, POST'],
      ['put', `${CLUSTERS}/${id}`, 'GET, HEAD, PATCH, DELETE'],
      ['get', `${CLUSTERS}/${id}/force-delete`, 'POST'],
      ['patch', `${CLUSTERS}/${id}/statuses`, 'GET, HEAD, POST, PUT'],
      ['post', `${B}/nodepools`, 'GET, HEAD'],
      ['post', '/openapi', 'GET, HEAD'],
    ] as const) {
      const { status, headers, body } = await api()[method](path);
      expect({ path, status, code: body.code }).toEqual({
        ...{ path, status: 405, code: 'HYPERFLEET-MTH-001' },
      });
      expect(headers.allow!.split(', ').sort()).toEqual(allowed.split(', ').sort());
    }
  });
});
