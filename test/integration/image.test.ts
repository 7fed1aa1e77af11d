import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import supertest from 'supertest';
import { begin } from '../support/api';
import { createTestDatabase, type TestDatabase } from '../support/database';
import { buildImage, imagePackages } from '../support/image';
import { FREE_PORTS, startService, stopServices } from '../support/service-process';

/* The files of the image, and what is said while it is made and checked. No container is needed. */

const ROOT = join(__dirname, '..', '..');

jest.setTimeout(120_000);

let database: TestDatabase;
let image: string;
let program: string;
beforeAll(async () => {
  image = mkdtempSync(join(tmpdir(), 'hyperfleet-image-'));
  program = buildImage(image);
  database = await createTestDatabase();
});
afterEach(stopServices);
afterAll(async () => {
  await database.drop();
  rmSync(image, { recursive: true, force: true });
});

const filesOf = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

const filesIn = (directory: string) =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe('the image', () => {
  const LICENCE = /licen[cs]e|copying|notice/i;
  const GRANT = /permission is hereby granted|redistribution and use|apache license/i;

  it('has the licence of the project and of everything in it', () => {
    expect(readFileSync(join(image, 'LICENSE'))).toEqual(readFileSync(join(ROOT, 'LICENSE')));
    const packages = imagePackages();
    expect(packages.length).toBeGreaterThan(100);
    for (const path of packages) {
      const here = join(ROOT, path);
      const names = filesIn(here);
      const named = names.filter((name) => LICENCE.test(name) && !/\.[jt]s$/.test(name));
      const licences = named.length > 0 ? named : names.filter((name) => /^readme/i.test(name));
      for (const name of licences) {
        expect([path, name, existsSync(join(image, path, name))]).toEqual([path, name, true]);
      }
      const texts = licences.map((name) => readFileSync(join(here, name), 'utf8'));
      if (named.length === 0) expect([path, GRANT.test(texts.join())]).toEqual([path, true]);
    }
  });

  it('has no declarations, source maps, notes of the compiler or other documentation', () => {
    const useless = filesOf(image).filter(
      (path) =>
        /\.(map|tsbuildinfo|d\.[mc]?ts)$/.test(path) ||
        (/\.md$/i.test(path) &&
          !LICENCE.test(basename(path)) &&
          !GRANT.test(readFileSync(path, 'utf8'))),
    );
    expect(useless).toEqual([]);
  });

  it('has nothing else', () => {
    expect(readdirSync(image).sort()).toEqual(
      [
        'LICENSE',
        'dist',
        'generated',
        'migrations',
        'node_modules',
        'openapi',
        'package.json',
      ].sort(),
    );
  });

  it('serves, with what it has', async () => {
    const env = {
      ...FREE_PORTS,
      DATABASE_URL: database.url,
      NODE_ENV: 'production',
      AUTH_ENABLED: 'false',
    };
    const service = startService(['serve'], env, image, program);
    const { api, openapi } = await service.ready();
    for (const path of [`${api}clusters`, openapi, new URL('/openapi-ui', openapi).href]) {
      expect((await begin(supertest(path).get('').redirects(1))).status).toBe(200);
    }
    expect(await service.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  });

  it('has no health check of its own, but the one its file recommends works', async () => {
    const [, option] = /--health-cmd (.*)$/m.exec(
      readFileSync(join(ROOT, 'Containerfile'), 'utf8'),
    )!;
    // The shell of whoever types it takes off the outer quotes; the container tool passes the rest to another one.
    const check = (url: string) =>
      run('sh', ['-c', `sh -c ${option!.replace('http://127.0.0.1:8083', new URL(url).origin)}`]);
    const env = { ...FREE_PORTS, DATABASE_URL: database.url };
    const service = startService(['serve'], env, image, program);
    const { health } = await service.ready();
    expect(await check(health)).toEqual({ code: 0, stdout: '', stderr: '' });
    await service.end('SIGTERM');
    expect((await check(health)).code).toBe(1);
  });
});

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

const run = (command: string, args: string[], env: Record<string, string> = {}) =>
  new Promise<Outcome>((resolve) => {
    const options = { cwd: ROOT, env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } };
    execFile(command, args, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });

describe('`make image`', () => {
  /** A container tool that knows `build` and, if it knows the image, `images`, as all three do. */
  const toolThat = (images: string): string => {
    const tool = join(image, 'tool');
    writeFileSync(
      tool,
      `#!/bin/sh\ncase $1 in build) ;; images) ${images} ;; *) echo 'Usage: …'; echo unknown >&2; exit 125 ;; esac\n`,
    );
    chmodSync(tool, 0o755);
    return tool;
  };
  const make = (tool: string) =>
    run('make', ['--silent', 'image', `CONTAINER_TOOL=${tool}`, 'NODE_IMAGE=node', 'IMAGE_TAG=x']);

  it('prints the sizes of the images', async () => {
    const { code, stdout, stderr } = await make(toolThat('echo 123 MB; echo 123 MB'));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('123 MB  node\n123 MB  quay.io/openshift-hyperfleet/hyperfleet-api:x\n');
  });

  it('prints nothing when the tool does not know the image', async () => {
    expect(await make(toolThat('echo no such image >&2; exit 1'))).toEqual({
      ...{ code: 0, stdout: '', stderr: '' },
    });
  });
});

describe('`make image-check`', () => {
  // The tool must not be asked for anything.
  const check = (url: string) =>
    run(process.execPath, ['--import', 'tsx', 'scripts/image-check.ts', 'image', url], {
      CONTAINER_TOOL: 'false',
    });

  it.each([
    ['without a database', () => '', /^DATABASE_URL must be set to an empty database/],
    ['with one that is not empty', () => database.url, /^The database is not empty \(.*resources/],
    [
      'with one that cannot be reached',
      () => 'postgres://x@127.0.0.1:1/x',
      /^The database cannot be used: .*ECONNREFUSED/,
    ],
  ])('says what is wrong %s', async (_, url, message) => {
    const { code, stdout, stderr } = await check(url());
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/ at .*\d+:\d+/);
  });
});
