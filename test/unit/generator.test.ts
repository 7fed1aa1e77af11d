import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'yaml';
import { ENTITIES } from '../support/declared-kinds';

const ROOT = path.join(__dirname, '..', '..');
const GENERATOR = path.join(ROOT, 'scripts', 'generate.js');
const SOURCE = readFileSync(path.join(ROOT, 'openapi', 'openapi.yaml'), 'utf8');

describe('the generator', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(path.join(tmpdir(), 'generate-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  const generateFrom = (source: string) => {
    const file = path.join(directory, 'contract.yaml');
    writeFileSync(file, source);
    return spawnSync('node', [GENERATOR, file, path.join(directory, 'out')], { encoding: 'utf8' });
  };

  it('would write now what the code was built with', () => {
    execFileSync('node', [GENERATOR, path.join(ROOT, 'openapi', 'openapi.yaml'), directory]);
    for (const name of ['openapi.json', 'openapi.ts']) {
      expect(readFileSync(path.join(ROOT, 'generated', name), 'utf8')).toBe(
        readFileSync(path.join(directory, name), 'utf8'),
      );
    }
    expect(JSON.parse(readFileSync(path.join(directory, 'openapi.json'), 'utf8'))).toEqual(
      parse(SOURCE),
    );
  });

  it('makes types in which a spec can hold any key', () => {
    const types = readFileSync(path.join(ROOT, 'generated', 'openapi.ts'), 'utf8');
    expect(types).toMatch(/ClusterSpec: Record<string, unknown>;/);
    expect(types).toMatch(/NodePoolSpec: Record<string, unknown>;/);
  });

  it('repairs what was edited by hand and leaves alone what is right', () => {
    expect(generateFrom(SOURCE).status).toBe(0);
    const [contractFile, types] = ['openapi.json', 'openapi.ts'].map((name) =>
      path.join(directory, 'out', name),
    ) as [string, string];
    const { mtimeMs } = statSync(contractFile);
    writeFileSync(types, 'export {};');
    expect(generateFrom(SOURCE).stdout).toMatch(/^wrote .*openapi\.ts\n$/);
    expect(statSync(contractFile).mtimeMs).toBe(mtimeMs);
    expect(generateFrom(SOURCE).stdout).toBe('');
  });

  describe('with declared kinds', () => {
    const generateWith = (entities: object[]) => {
      const kinds = path.join(directory, 'kinds.yaml');
      writeFileSync(kinds, JSON.stringify({ entities }));
      const args = [GENERATOR, path.join(ROOT, 'openapi', 'openapi.yaml'), directory];
      const env = { ...process.env, HYPERFLEET_KINDS_FILE: kinds };
      return spawnSync('node', args, { encoding: 'utf8', env });
    };

    it('makes types of their operations, and leaves the contract of the server as it is', () => {
      expect(generateWith(ENTITIES).stderr).toBe('');
      const types = readFileSync(path.join(directory, 'openapi.ts'), 'utf8');
      expect(types).toContain('operations["getVersionsByChannelId"]');
      expect(types).toMatch(/'list': .*'getVersions'/);
      expect(readFileSync(path.join(directory, 'openapi.json'), 'utf8')).toBe(
        readFileSync(path.join(ROOT, 'generated', 'openapi.json'), 'utf8'),
      );
      expect(generateWith(ENTITIES).stdout).toBe('');
      expect(generateWith(ENTITIES.slice(0, 1)).stdout).toMatch(/^wrote .*openapi\.ts\n$/);
    });

    it('lists what is wrong with them', () => {
      const { status, stderr } = generateWith([
        { kind: 'Labels', plural: 'labels' },
        { kind: 'foo', plural: 'foos' },
      ]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^The configuration is invalid:\n/);
      expect(stderr).toMatch(/entities\.1\.kind/);
      expect(stderr).toMatch(/the kind Labels needs the component Labels/);
    });
  });

  it.each([
    [
      'a reference to nothing',
      ["'#/components/schemas/ClusterList'", "'#/components/schemas/Nothing'"],
      /ClusterPage.*\$ref #\/components\/schemas\/Nothing/,
    ],
    [
      'a reference to another file',
      ["'#/components/schemas/ClusterList'", "'other.yaml#/ClusterList'"],
      /ClusterPage.*other\.yaml/,
    ],
    [
      'an operation without a name',
      ['      operationId: getErrors\n', ''],
      /GET .*\/errors: has no operationId/,
    ],
    [
      'two operations of one name',
      ['operationId: getErrors\n', 'operationId: getClusters\n'],
      /repeats the operationId getClusters/,
    ],
    ['text that is not YAML', ['paths:', 'paths: ['], /line \d+/],
    ['another version of OpenAPI', ['openapi: 3.0.3', 'openapi: 3.1.0'], /OpenAPI 3\.0/],
  ] as [string, [string, string], RegExp][])(
    'refuses %s and says where',
    (_what, [before, after], message) => {
      const broken = SOURCE.replace(before, after);
      expect(broken).not.toBe(SOURCE);
      const { status, stderr } = generateFrom(broken);
      expect(stderr).toMatch(message);
      expect(status).toBe(1);
    },
  );
});
