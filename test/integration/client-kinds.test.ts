import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/config/package-root';
import { startTestApp, type TestApp } from '../support/app';
import { kindsFile } from '../support/declared-kinds';
import { runService } from '../support/service-process';

/* The client with the types of a deployment that declares kinds: what it calls compiles, and nothing else does. */

const B = '/api/hyperfleet/v1';

jest.setTimeout(120_000);

let app: TestApp;
let project: string;
const run = (program: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [program, ...args], { cwd: project });

const COMPILER = require.resolve('typescript/bin/tsc');
const GENERATOR = join(dirname(require.resolve('openapi-typescript/package.json')), 'bin/cli.js');

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'hyperfleet-kinds-'));
  const env = { HYPERFLEET_KINDS_FILE: kindsFile() };
  app = await startTestApp({ env });
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(packageRoot, join(project, 'node_modules', 'hyperfleet-api'));
  symlinkSync(join(packageRoot, 'node_modules', '@types'), join(project, 'node_modules', '@types'));
  const { stdout: contract } = await runService(['contract'], env, project);
  writeFileSync(join(project, 'contract.json'), contract);
  await run(GENERATOR, 'contract.json', '-o', 'contract.ts', '--empty-objects-unknown');
});
afterAll(async () => {
  await app.stop();
  rmSync(project, { recursive: true, force: true });
});

const compile = async (program: string): Promise<string> => {
  writeFileSync(join(project, 'program.ts'), program);
  const options = ['--strict', '--target', 'es2022', '--module', 'node16', '--skipLibCheck'];
  const { stdout } = await run(COMPILER, ...options, 'program.ts').catch(
    (failed: unknown) => failed as { stdout: string },
  );
  return stdout;
};

const IMPORTS = `
import { createClient, ok } from 'hyperfleet-api/client';
import type { components, paths } from './contract';
const client = createClient<paths>({ baseUrl: process.argv[2]! });
`;

it('creates, reads, changes, reports and iterates declared kinds', async () => {
  const program = `${IMPORTS}
type Version = components['schemas']['Version'];
const VERSIONS = '${B}/channels/{channel_id}/versions';

async function main() {
  const { data: channel } = await ok(
    client.POST('${B}/channels', { body: { name: 'stable', spec: { open: true } } }),
  );
  const path = { channel_id: channel.id! };
  for (const name of ['v4-18', 'v4-19']) {
    const { data } = await ok(client.POST(VERSIONS, { params: { path }, body: { name, spec: {} } }));
    const params = { path: { ...path, version_id: data.id! } };
    const body = {
      adapter: 'validation',
      observed_generation: data.generation,
      conditions: [{ type: 'Available', status: 'True' as const }],
    };
    await ok(client.PUT(\`\${VERSIONS}/{version_id}/statuses\`, { params, body }));
  }
  const versions: Version[] = [];
  for await (const version of client.each(VERSIONS, { path, pageSize: 1 })) versions.push(version);
  const [first, second] = versions;
  const params = { path: { version_id: second!.id! } };
  const references = { predecessor: [{ id: first!.id! }] };
  await ok(client.PATCH('${B}/versions/{version_id}', { params, body: { references } }));
  const { data: changed } = await ok(client.GET('${B}/versions/{version_id}', { params }));
  for await (const { kind, name, spec } of client.each('${B}/channels')) console.log(kind, name, spec);
  for (const { name, status } of versions) console.log(name, status.conditions.map((c) => c.type + '=' + c.status).join(' '));
  console.log(changed.generation, changed.references!.predecessor![0]!.id === first!.id);
  for await (const { adapter } of client.each('${B}/versions/{version_id}/statuses', params)) console.log(adapter);
}
main().catch((error) => { console.error(error); process.exitCode = 1; });
`;
  expect(await compile(program)).toBe('');
  const { stdout } = await run('program.js', app.url);
  const conditions =
    'Available=True Ready=True Reconciled=True LastKnownReconciled=True ValidationSuccessful=True';
  expect(stdout.trim().split('\n')).toEqual([
    'Channel stable { open: true }',
    `v4-18 ${conditions}`,
    `v4-19 ${conditions}`,
    '2 true',
    'validation',
  ]);
});

/** Calls that are wrong, and the compiler's error. */
const WRONG = [
  ['a kind that is not declared', `client.GET('${B}/releases', {})`, 'TS2345'],
  ['no list', `client.each('${B}/channels/{channel_id}')`, 'TS2345'],
  ['no channel', `client.each('${B}/channels/{channel_id}/versions')`, 'TS2554'],
  [
    'the parameter of another kind',
    `client.each('${B}/channels/{channel_id}/versions', { path: { cluster_id: '1' } })`,
    'TS2353',
  ],
  ['a watch of reports', `client.watch('${B}/versions/{version_id}/statuses')`, 'TS2345'],
  ['a watch without its channel', `client.watch('${B}/channels/{channel_id}/versions')`, 'TS2554'],
  ['no name', `client.POST('${B}/channels', { body: { spec: {} } })`, 'TS2322'],
  ['a flat create', `client.POST('${B}/versions', { body: { name: 'a', spec: {} } })`, 'TS2345'],
  [
    'a property that no item has',
    `ok(client.GET('${B}/channels')).then(({ data }) => data.items[0]!.colour)`,
    'TS2339',
  ],
] as const;

it('does not compile with what the deployment does not serve', async () => {
  const lines = IMPORTS.trim().split('\n').length;
  const output = await compile(`${IMPORTS.trim()}\n${WRONG.map(([, call]) => call).join(';\n')};`);
  const errors = [...output.matchAll(/^program\.ts\((\d+),\d+\): error (TS\d+)/gm)];
  const found = errors.map(([, line, code]) => [WRONG[Number(line) - lines - 1]![0], code]);
  expect(found).toEqual(WRONG.map(([what, , code]) => [what, code]));
});
