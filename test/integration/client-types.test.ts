import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/* A program that imports the client compiles and runs, however TypeScript looks for modules. */

const ROOT = join(__dirname, '..', '..');
const COMPILER = require.resolve('typescript/bin/tsc');

jest.setTimeout(60_000);

let project: string;
beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'hyperfleet-types-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(ROOT, join(project, 'node_modules', 'hyperfleet-api'));
  symlinkSync(join(ROOT, 'node_modules', '@types'), join(project, 'node_modules', '@types'));
  writeFileSync(join(project, 'program.ts'), PROGRAM);
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

/** Compiles only when the types of the contract are there: with `any` in their place the error would be none. */
const PROGRAM = `
import { ApiError, createClient, ok, type Schemas } from 'hyperfleet-api/client';
import contract from 'hyperfleet-api/openapi.json';
export async function first(baseUrl: string): Promise<Schemas['Cluster'] | undefined> {
  const { data } = await ok(createClient({ baseUrl }).GET('/api/hyperfleet/v1/clusters'));
  // @ts-expect-error a page has no such property
  data.nothing;
  const items: Schemas['Cluster'][] = data.items;
  return items[0];
}
console.log(new ApiError(404).message, contract.info.title);
`;

const node = (...args: string[]) =>
  new Promise<string>((resolve) => {
    execFile(process.execPath, args, { cwd: project }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });

it.each([
  ['node10', 'commonjs'],
  ['node16', 'node16'],
  ['nodenext', 'nodenext'],
  ['bundler', 'esnext'],
])('with moduleResolution %s', async (resolution, module) => {
  const options = ['--strict', '--target', 'es2022', '--skipLibCheck', '--outDir', resolution];
  const json = ['--esModuleInterop', '--resolveJsonModule'];
  const how = ['--moduleResolution', resolution, '--module', module];
  expect(await node(COMPILER, ...options, ...json, ...how, 'program.ts')).toBe('');
  if (module === 'esnext') return;
  expect(await node(join(resolution, 'program.js'))).toBe('HTTP 404 HyperFleet API\n');
});
