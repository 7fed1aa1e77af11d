import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient, ok } from '../../src/client';
import { startTestApp, type TestApp } from '../support/app';
import { chromiumPath, startChromium, type TestBrowser } from '../support/chromium';
import { newCluster } from '../support/factories';
import { freePort } from '../support/own-postgres';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';

const CLUSTERS = '/api/hyperfleet/v1/clusters';

jest.setTimeout(120_000);

if (chromiumPath === undefined) {
  console.warn('SKIPPED: an EventSource in a browser. No Chromium was found; set CHROMIUM_PATH.');
}

(chromiumPath === undefined ? describe.skip : describe)('the EventSource of a browser', () => {
  let browser: TestBrowser;
  let writer: TestApp;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hyperfleet-browser-'));
    browser = await startChromium();
    writer = await startTestApp();
  });
  afterAll(async () => {
    await browser.close();
    await stopServices();
    await writer.stop();
    rmSync(directory, { recursive: true });
  });

  it('resumes by itself when the service comes back', async () => {
    const client = createClient({ baseUrl: writer.url });
    const create = async (name: string) => {
      const { data } = await ok(client.POST(CLUSTERS, { body: newCluster({ name }) }));
      return { params: { path: { cluster_id: data.id! } } };
    };
    const oslo = await create('oslo');
    await create('lima');
    const serve = async (port: number) => {
      const env = { ...FREE_PORTS, DATABASE_URL: writer.database.url, API_PORT: String(port) };
      const service = startService(['serve'], env, directory);
      return { service, ...(await service.ready()) };
    };
    const port = await freePort();
    const { service, api } = await serve(port);

    const page = await browser.context.newPage();
    await page.goto(`${new URL(api).origin}/openapi-ui`);
    await page.evaluate(`
      globalThis.seen = [];
      const events = new EventSource('${CLUSTERS}?watch=true');
      events.addEventListener('updated', ({ data }) => {
        const { name, generation } = JSON.parse(data);
        seen.push(name + ' ' + generation);
      });
      events.addEventListener('removed', () => seen.push('removed'));
      events.addEventListener('synced', ({ data, lastEventId }) => {
        seen.push(JSON.parse(data).cursor === lastEventId ? 'synced' : 'synced elsewhere');
      });
    `);
    // The policy of the page forbids `waitForFunction`.
    const seen = async (last: string) => {
      while (!(await page.evaluate<boolean>(`seen.includes('${last}')`))) await sleep(50);
      return page.evaluate<string[]>('seen.splice(0)');
    };
    expect((await seen('synced')).sort()).toEqual(['lima 1', 'oslo 1', 'synced']);

    await service.end('SIGKILL');
    const cluster = `${CLUSTERS}/{cluster_id}` as const;
    await ok(client.PATCH(cluster, { ...oslo, body: { spec: { nodes: 7 } } }));
    await serve(port);
    expect([...new Set(await seen('synced'))]).toEqual(['oslo 2', 'synced']);
    await create('accra');
    expect(await seen('accra 1')).toContain('accra 1');
  });
});
