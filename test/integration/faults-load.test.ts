import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Finding,
  killBackends,
  killService,
  restartDatabase,
  Running,
  type Setting,
  terminate,
} from '../../scripts/faults/scenarios';
import { verify } from '../../scripts/faults/verify';
import { WriteLoad } from '../../scripts/faults/write-load';
import { withClient } from '../support/database';
import { OwnPostgres } from '../support/own-postgres';
import { stopServices } from '../support/service-process';

/* Short runs of the fault suite, `npm run faults`; what was acknowledged is there afterwards, and nothing is half there. */

jest.setTimeout(60_000);

const SECONDS = 2;

let postgres: OwnPostgres;
let directory: string;
let serial = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-load-'));
  postgres = await OwnPostgres.create();
  await postgres.start();
});
afterEach(stopServices);
afterAll(async () => {
  await postgres.destroy();
  rmSync(directory, { recursive: true, force: true });
});

it.each<[string, (setting: Setting, postgres: OwnPostgres) => Promise<Finding>]>([
  ['backends are killed every 200 ms', killBackends],
  ['PostgreSQL is stopped and started', restartDatabase],
  ['the service is killed over and over', killService],
  ['services are replaced one after the other, and no request fails', terminate],
])('keeps every promise while %s', async (_what, scenario) => {
  const databaseUrl = await postgres.createDatabase(`load_${++serial}`);
  const setting = { databaseUrl, directory, seconds: SECONDS, workers: 4 };
  const { wrong } = await scenario(setting, postgres);
  expect(wrong).toEqual([]);
});

it('would find what is missing or half there', async () => {
  const databaseUrl = await postgres.createDatabase(`load_${++serial}`);
  const service = await Running.start({ databaseUrl, directory });
  const load = new WriteLoad(() => service.url, 2);
  const written = () =>
    load.claims.filter(({ gone, deleted }) => gone === 'no' && deleted === 'no');
  while (load.tally.of('201') < 60 || written().length < 3) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await load.stop();
  await service.process.end('SIGTERM');
  expect(await verify(databaseUrl, load)).toEqual([]);

  const [first, second] = written();
  await withClient(databaseUrl, async (client) => {
    await client.query('DELETE FROM resources WHERE id = $1 OR owner_id = $1', [first!.id]);
    await client.query(
      `UPDATE resource_status SET observed_generation = 77 WHERE resource_id = $1`,
      [second!.id],
    );
    await client.query('DELETE FROM adapter_statuses WHERE adapter = $1', ['extra']);
    await client.query("UPDATE resource_counts SET total = total + 1 WHERE kind = 'Cluster'");
  });
  const wrong = (await verify(databaseUrl, load)).join('\n');
  for (const finding of [
    'lost',
    'conditions that do not follow',
    'report of extra lost',
    'counted',
  ]) {
    expect(wrong).toContain(finding);
  }
});
