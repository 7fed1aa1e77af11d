import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestApp, type TestApp } from '../support/app';
import { uniqueName } from '../support/factories';

/* Go clients, made by the releases of oapi-codegen that users have pinned, compile and work. */

const ROOT = join(__dirname, '..', '..');
const SOURCES = join(ROOT, 'test', 'go-clients');
const CONTRACT = join(ROOT, 'generated', 'openapi.json');

const VERSIONS = ['2.5.1', '2.7.2', '2.8.2'];
const generatorOf = (version: string) =>
  join(ROOT, 'artifacts', 'tools', `oapi-codegen-${version}`, 'oapi-codegen');
const run = promisify(execFile);

if (!VERSIONS.every((version) => existsSync(generatorOf(version)))) {
  console.warn(
    'SKIPPED: Go clients. With Go, sh test/go-clients/tools.sh installs the generators.',
  );
}

let app: TestApp;
let directory: string;
beforeAll(async () => {
  app = await startTestApp();
  directory = mkdtempSync(join(tmpdir(), 'go-clients-'));
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await app.stop();
});

describe.each(VERSIONS)('a client made by oapi-codegen %s', (version) => {
  const generator = generatorOf(version);
  (existsSync(generator) ? it : it.skip)(
    'compiles, and reads and writes',
    async () => {
      const cwd = mkdtempSync(join(directory, 'client-'));
      for (const file of ['go.mod', 'go.sum', 'main.go']) {
        copyFileSync(join(SOURCES, file), join(cwd, file));
      }
      const output = ['-generate', 'types,client', '-package', 'main', '-o', 'client.go'];
      await run(generator, [...output, CONTRACT], { cwd });
      await run('go', ['build', '-o', 'client', '.'], { cwd });
      const { stdout } = await run(join(cwd, 'client'), [app.url, uniqueName('go')]);
      expect(stdout.split('\n')).toEqual([
        'Available False',
        'Ready False',
        'Reconciled False',
        'LastKnownReconciled False',
        'DnsSuccessful True',
        '',
      ]);
    },
    120_000,
  );
});
