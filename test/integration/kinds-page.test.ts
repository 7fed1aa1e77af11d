import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/config/package-root';
import { ENTRY_SCHEMA } from '../../src/kinds/declaration';
import { execute, has, readDocument, stepsOf, withoutChance } from '../support/document';
import { makeBase } from '../support/embedded';
import { FREE_PORTS, PROGRAM, startService, stopServices } from '../support/service-process';

/* docs/kinds.md is followed from its first line to its last, with the program and its embedded database. */

const page = readDocument('docs/kinds.md');
const block = (text: string, language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(text)![1]!;
const [, kindsFile] = /`HYPERFLEET_KINDS_FILE=(\S+) make run-no-auth`/.exec(page)!;

jest.setTimeout(120_000);

let directory: string;
const inPackage = (...names: string[]) => path.join(packageRoot, ...names);
const inDirectory = (...names: string[]) => path.join(directory, ...names);

/** A directory like that of somebody who has installed the package, with the examples of a checkout. */
beforeAll(() => {
  directory = makeBase();
  fs.symlinkSync(inPackage('examples'), inDirectory('examples'));
  fs.mkdirSync(inDirectory('node_modules'));
  for (const name of ['.bin', '@types']) {
    fs.symlinkSync(inPackage('node_modules', name), inDirectory('node_modules', name));
  }
  fs.symlinkSync(packageRoot, inDirectory('node_modules', 'hyperfleet-api'));
  fs.mkdirSync(inDirectory('bin'));
  const command = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`;
  fs.writeFileSync(inDirectory('bin', 'hyperfleet-api'), command, { mode: 0o755 });
});
afterEach(() => stopServices('SIGTERM'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));

/** Every start uses the same database. */
const start = (env: Record<string, string> = { HYPERFLEET_KINDS_FILE: kindsFile! }) =>
  startService(['serve'], { ...FREE_PORTS, AUTH_ENABLED: 'false', ...env }, directory);

it('shows the file that it names, and describes every property of a declaration', () => {
  expect(block(page, 'yaml')).toBe(readDocument(kindsFile!));
  const rows = [...page.matchAll(/^\| (`.+?) +\| (.+) \|$/gm)].map(([, names, meaning]) =>
    `${names} ${meaning}`.match(/`\w+(?=[`:])/g)!.map((name) => name.slice(1)),
  );
  const described = new Set(rows.flat());
  const properties = Object.keys(ENTRY_SCHEMA.properties).concat(
    Object.keys(ENTRY_SCHEMA.properties.references.items.properties),
  );
  expect(properties.filter((name) => !described.has(name))).toEqual([]);
});

const runnable = has('bash') && has('curl');
if (!runnable) console.warn('SKIPPED: the commands of docs/kinds.md. They need bash and curl.');

(runnable ? it : it.skip)(
  'has commands that run as written and respond as shown; the client of docs/clients.md compiles',
  async () => {
    const { api } = await start().ready();
    const env = { ...process.env, PATH: `${inDirectory('bin')}:${process.env.PATH!}` };
    const outcomes = await execute(stepsOf(page), new URL(api).origin, { cwd: directory, env });
    expect(outcomes).toHaveLength(1);
    const { output, response } = outcomes[0]!;
    expect(withoutChance(output)).toBe(withoutChance(response!.text));

    const [, section] = readDocument('docs/clients.md').split('\n## Declared kinds\n');
    expect(
      block(section!, 'sh')
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual(
      expect.arrayContaining(
        page.match(/hyperfleet-api contract > .*|npx openapi-typescript .*/g)!,
      ),
    );
    const program = `${block(section!, 'ts')}addVersion(process.argv[2]!).then(({ kind, name }) => console.log(kind, name));`;
    fs.writeFileSync(
      inDirectory('program.ts'),
      program.replace('http://localhost:8000', new URL(api).origin),
    );
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, args, { cwd: directory });
    const options = ['--strict', '--module', 'node16', '--target', 'es2022', '--skipLibCheck'];
    await run(require.resolve('typescript/bin/tsc'), ...options, 'program.ts');
    const found = (await (await fetch(`${api}channels`)).json()) as { items: { id: string }[] };
    const { stdout } = await run('program.js', found.items[0]!.id);
    expect(stdout).toBe('Version v4-20\n');
  },
);

(runnable ? it : it.skip)(
  'keeps the resources of a kind that is no longer declared, and serves them when it is again',
  async () => {
    const without = start({});
    const { api } = await without.ready();
    expect((await fetch(`${api}versions`)).status).toBe(404);
    const warnings = without.log.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['Channel', 'Version', 'WifConfig']),
    );
    await without.end('SIGTERM');

    const again = await start().ready();
    const versions = (await (await fetch(`${again.api}versions`)).json()) as { total: number };
    expect(versions.total).toBeGreaterThan(0);
  },
);

(runnable ? it : it.skip)(
  'starts nothing with a wrong file, or one that contradicts what is stored',
  async () => {
    const file = inDirectory('kinds.yaml');
    const entities = readDocument(kindsFile!);
    const refusal = async (text: string) => {
      fs.writeFileSync(file, text);
      const { code, stderr } = await start({ HYPERFLEET_KINDS_FILE: file }).ended;
      expect(code).toBe(1);
      return stderr;
    };
    const wrong = await refusal(
      entities.replace('WifConfig,', 'wif,').replace('plural: versions', 'plurals: a'),
    );
    expect(wrong).toMatch(/entities\.0\.kind must match[^]*entities\.2\.plurals/);
    expect(await refusal(entities.replace('    parent_kind: Channel\n', ''))).toContain(
      'Version is declared with no parent, but stored resources have Channel',
    );
  },
);
