import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEmptyDatabase } from '../support/database';
import { buildImage } from '../support/image';
import { FREE_PORTS, PROGRAM, runService, stopServices } from '../support/service-process';

/* Commands where they run in production: one rule for the database, and advice that fits the place. */

jest.setTimeout(60_000);

let directory: string;
let installed: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hyperfleet-installed-'));
  installed = buildImage(directory);
});
afterEach(stopServices);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const COMMANDS = ['serve', 'migrate', 'reaggregate'];
const run = (command: string, env: Record<string, string>, program = installed) =>
  runService([command], { ...FREE_PORTS, AUTH_ENABLED: 'false', ...env }, directory, program);

it.each(COMMANDS)('%s never makes up a database in production', async (command) => {
  // The checkout has an embedded PostgreSQL, the image has none.
  for (const program of [PROGRAM, installed]) {
    const ended = await run(command, { NODE_ENV: 'production' }, program);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toBe(
      'The configuration is invalid:\n' +
        '  DATABASE_URL or PGHOST must be set because NODE_ENV=production\n',
    );
    expect(existsSync(join(directory, '.data'))).toBe(false);
  }
});

it.each(COMMANDS)('%s asks for a database where no embedded one is installed', async (command) => {
  const ended = await run(command, {});
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(
    /is not installed.*Set DATABASE_URL \(or PGHOST\) to use another PostgreSQL\.\n$/,
  );
  expect(ended.stderr).not.toContain('npm');
  expect(existsSync(join(directory, '.data'))).toBe(false);
});

it.each(['serve', 'reaggregate'])(
  '%s names the command that migrates, as it is called there',
  async (command) => {
    const database = await createEmptyDatabase();
    const env = { DATABASE_URL: database.url };
    expect((await run(command, env)).stderr).toMatch(/Run 'hyperfleet-api migrate' first/);
    expect((await run(command, env, PROGRAM)).stderr).toMatch(/Run 'npm run migrate' first/);
    await database.drop();
  },
);
