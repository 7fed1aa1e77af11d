import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page, Request } from 'playwright-core';
import request from 'supertest';
import { packageRoot } from '../../src/config/package-root';
import { type TestApp, startTestApp } from '../support/app';
import { chromiumPath, startChromium, type TestBrowser } from '../support/chromium';
import { ADA, startGuardedApp } from '../support/guarded-app';

const CLUSTERS = '/api/hyperfleet/v1/clusters';
const ADDRESSES = ['/openapi-ui', '/openapi-ui/', '/api/hyperfleet/v1/openapi.html'];
// Every opened operation renders the schemas of all its responses: slow on a busy machine.
jest.setTimeout(120_000);

const artifacts = join(packageRoot, 'artifacts');

let app: TestApp;

beforeAll(async () => {
  app = await startTestApp();
});

afterAll(() => app.stop());

describe('the files of the Swagger UI', () => {
  it.each(ADDRESSES)('are all found from %s, and none is an inline script', async (address) => {
    const page = await request(app.url).get(address).expect(200).expect('Content-Type', /html/);
    expect(page.text).not.toMatch(/<script(?![^>]*\ssrc=)/);
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    expect(files).toHaveLength(6);
    for (const file of files) {
      const url = new URL(file, app.url + address);
      const response = await request(app.url).head(url.pathname).expect(200);
      expect(response.headers['x-content-type-options']).toBe('nosniff');
      expect(response.headers['cache-control']).toBe('public, max-age=3600');
    }
  });

  it('come with a policy that lets the page load and call nothing but this service', async () => {
    const { headers } = await request(app.url).get('/openapi-ui');
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
  });

  it.each([
    '/openapi-ui/package.json',
    '/openapi-ui/index.html',
    '/openapi-ui/swagger-initializer.js',
    '/openapi-ui/%2e%2e/package.json',
    '/OPENAPI-UI/swagger-ui.css',
  ])('are the only ones: %s is an unknown route', async (path) => {
    const { body } = await request(app.url).get(path).expect(404);
    expect(body.code).toBe('HYPERFLEET-NTF-000');
  });

  it('are sent compressed to a browser that takes it', async () => {
    await request(app.url)
      .get('/openapi-ui/swagger-ui-bundle.js')
      .set('Accept-Encoding', 'gzip')
      .expect('Content-Encoding', 'gzip');
  });
});

if (chromiumPath === undefined) {
  console.warn('SKIPPED: the Swagger UI in a browser. No Chromium was found; set CHROMIUM_PATH.');
}

(chromiumPath === undefined ? describe.skip : describe)('the Swagger UI in a browser', () => {
  let browser: TestBrowser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    mkdirSync(artifacts, { recursive: true });
    browser = await startChromium();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    complaints = [];
    page = await browser.context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('requestfailed', (failed) => complaints.push(`failed: ${failed.url()}`));
  });

  afterEach(() => page.close());

  const open = async (address: string, service = app) => {
    await page.goto(service.url + address);
    await page.locator('.opblock').first().waitFor();
  };

  const operation = (id: string, tag = 'Clusters') => page.locator(`#operations-${tag}-${id}`);

  const expand = async (block: Locator) => {
    await block.locator('.opblock-summary-control').click();
    await block.locator('.execute').waitFor();
  };

  const execute = async (block: Locator) => {
    const response = block.locator('.live-responses-table');
    const clear = block.locator('.btn-clear');
    if (await clear.isVisible()) await clear.click();
    await response.waitFor({ state: 'detached' });
    await block.locator('.execute').click();
    await response.waitFor();
    const status = await response.locator('.response-col_status').nth(1).innerText();
    const body = await response.locator('.response-col_description code').first().innerText();
    return {
      status: Number.parseInt(status, 10),
      body: JSON.parse(body) as Record<string, unknown>,
    };
  };

  it.each(ADDRESSES)('shows every operation at %s, without a complaint', async (address) => {
    await open(address);
    expect(await page.locator('.opblock').count()).toBe(app.contract.operations.length);
    expect(complaints).toEqual([]);
  });

  it('creates the example cluster and finds it in the list', async () => {
    await open('/openapi-ui');
    const post = operation('postCluster');
    await expand(post);
    const created = await execute(post);
    expect(created).toMatchObject({ status: 201, body: { kind: 'Cluster', generation: 1 } });

    const list = operation('getClusters');
    await expand(list);
    const listed = await execute(list);
    expect(listed).toMatchObject({ status: 200, body: { kind: 'ClusterList', total: 1 } });
    const search = list.locator('[data-param-name="search"] input[type="text"]');
    await search.fill("name like 'my-%' and (spec.nodes > 2 or labels.team != 'a+b')");
    expect(await execute(list)).toMatchObject({ status: 200, body: { total: 1 } });
    await search.fill("name like 'other-%' and created_time > 2026-01-01");
    expect(await execute(list)).toMatchObject({ status: 200, body: { total: 0 } });
    await list.locator('.execute').scrollIntoViewIfNeeded();
    await page.screenshot({ path: join(artifacts, 'swagger-ui.png') });

    const { body } = await request(app.url).get(CLUSTERS).expect(200);
    expect(body.items).toEqual([created.body]);
    expect(complaints).toEqual([]);
  });

  it('creates and reports with the examples below a cluster it is given', async () => {
    const { body: cluster } = await request(app.url)
      .post(CLUSTERS)
      .send({ name: 'with-parts', spec: {} })
      .expect(201);
    await open('/openapi-ui');
    for (const block of [
      operation('createNodePool', 'Node_pools'),
      operation('postClusterStatuses', 'Adapter_statuses'),
      operation('patchClusterById'),
    ]) {
      await expand(block);
      await block.locator('[data-param-name="cluster_id"] input').fill(cluster.id as string);
      const { status } = await execute(block);
      expect([200, 201]).toContain(status);
    }
  });

  it('opens the operation that the address names, and names the one that is opened', async () => {
    await open('/openapi-ui#/Clusters/postCluster');
    await operation('postCluster').locator('.execute').waitFor();
    await expand(operation('getClusterById'));
    expect(new URL(page.url()).hash).toBe('#/Clusters/getClusterById');
  });

  it('sends the token it was given, and only to operations that ask for one', async () => {
    const guarded = await startGuardedApp();
    try {
      const sent: Request[] = [];
      page.on('request', (each) => sent.push(each));
      await open('/openapi-ui', guarded);
      const post = operation('postCluster');
      await expand(post);
      expect(await execute(post)).toMatchObject({ status: 401, body: { id: 'AUT-001' } });

      await page.locator('.auth-wrapper .authorize').first().click();
      const dialog = page.locator('.dialog-ux');
      await dialog.locator('input').fill(ADA.replace('Bearer ', ''));
      await dialog.locator('button.authorize').click();
      await page.screenshot({ path: join(artifacts, 'swagger-ui-authorized.png') });
      await dialog.locator('.btn-done').click();
      expect(await execute(post)).toMatchObject({
        status: 201,
        body: { created_by: 'ada@example.org' },
      });

      const free = operation('getCompatibility', 'Service');
      await expand(free);
      expect(await execute(free)).toMatchObject({ status: 200 });
      expect(sent.at(-1)?.url()).toContain('/compatibility');
      expect(sent.at(-1)?.headers().authorization).toBeUndefined();
    } finally {
      await guarded.stop();
    }
  });
});
