import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { FREE_PORTS } from '../support/service-process';

/* `npm run dev`: the bundled service responds, and starts again when a source file changes. */

const ROOT = join(__dirname, '..', '..');

jest.setTimeout(60_000);

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('serves from the sources and restarts when they change', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', join('scripts', 'dev.ts')], {
    cwd: ROOT,
    env: { ...process.env, ...FREE_PORTS, DATABASE_URL: database.url, AUTH_ENABLED: 'false' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const addresses = () => [...output.matchAll(/\bapi"?[=:]"?(http:\/\/[^\s"]+)/g)];
  const started = async (times: number) => {
    while (addresses().length < times) {
      if (child.exitCode !== null || output.includes('has stopped')) throw new Error(output);
      await sleep(20);
    }
    return fetch(`${addresses()[times - 1]![1]}clusters`);
  };
  try {
    expect((await started(1)).status).toBe(200);
    const now = new Date();
    utimesSync(join(ROOT, 'src', 'app.ts'), now, now);
    expect((await started(2)).status).toBe(200);
  } finally {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
});
