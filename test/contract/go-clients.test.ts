import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { kindsFile } from '../support/declared-kinds';
import { uniqueName } from '../support/factories';

/*
 * Go clients, made by the releases of oapi-codegen that users have pinned, compile and work, with the built-in kinds and
 * with declared ones.
 */

const ROOT = join(__dirname, '..', '..');
const SOURCES = join(ROOT, 'test', 'go-clients');

const VERSIONS = ['2.5.1', '2.7.2', '2.8.2'];
const generatorOf = (version: string) =>
  join(ROOT, 'artifacts', 'tools', `oapi-codegen-${version}`, 'oapi-codegen');
const run = promisify(execFile);

if (!VERSIONS.every((version) => existsSync(generatorOf(version)))) {
  console.warn(
    'SKIPPED: Go clients. With Go, sh test/go-clients/tools.sh installs the generators.',
  );
}

const SETS = {
  'the built-in kinds': ['go.mod', 'go.sum', 'main.go'],
  'declared kinds': ['go.mod', 'go.sum', 'main.go', 'kinds.go'],
};
type Set = keyof typeof SETS;

let apps: Record<Set, TestApp>;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'go-clients-'));
  const env = { HYPERFLEET_KINDS_FILE: kindsFile() };
  apps = {
    'the built-in kinds': await startTestApp(),
    'declared kinds': await startTestApp({ env }),
  };
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await Promise.all(Object.values(apps).map((app) => app.stop()));
});

const cases = VERSIONS.flatMap((version) =>
  (Object.keys(SETS) as Set[]).map((kinds) => ({ version, kinds })),
);

describe.each(cases)('a client made by oapi-codegen $version for $kinds', ({ version, kinds }) => {
  const generator = generatorOf(version);
  (existsSync(generator) ? it : it.skip)(
    'compiles, and reads and writes',
    async () => {
      const app = apps[kinds];
      const cwd = mkdtempSync(join(directory, 'client-'));
      for (const file of SETS[kinds]) copyFileSync(join(SOURCES, file), join(cwd, file));
      const { text } = await api(app).get('/openapi').expect(200);
      writeFileSync(join(cwd, 'openapi.json'), text);
      const output = ['-generate', 'types,client', '-package', 'main', '-o', 'client.go'];
      await run(generator, [...output, 'openapi.json'], { cwd });
      await run('go', ['build', '-o', 'client', '.'], { cwd });
      const { stdout } = await run(join(cwd, 'client'), [app.url, uniqueName('go')]);
      expect(stdout.split('\n')).toEqual([
        'event updated',
        'event synced',
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
