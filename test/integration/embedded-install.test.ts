import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { canReach, locateBinaries } from '../../src/embedded/binaries';
import {
  gone,
  kept,
  makeBase,
  serverPid,
  start,
  startService,
  stopAll,
  write,
} from '../support/embedded';

const isRoot = process.getuid?.() === 0;

let base: string;
let directory: string;

beforeAll(() => {
  base = makeBase();
  directory = path.join(base, '.data');
});

afterEach(stopAll);

afterAll(() => fs.rmSync(base, { recursive: true, force: true, maxRetries: 5 }));

test('links that npm left out are put back', () => {
  const { root } = locateBinaries();
  const list = path.join(root, 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  // No program needs this one: servers of other tests are running.
  const link = path.join(root, 'lib/libecpg.so');
  const target = fs.readlinkSync(link);
  fs.rmSync(link);
  locateBinaries();
  expect(fs.readlinkSync(link)).toBe(target);
});

(isRoot ? describe : describe.skip)('started by root', () => {
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));

  test('the server runs as another user', async () => {
    const database = await start(directory);
    const { uid } = fs.statSync(`/proc/${serverPid(directory)}`);
    await database.stop();
    expect(uid).not.toBe(0);
    expect(fs.statSync(path.join(directory, 'postgres/data')).uid).toBe(uid);
  });

  test('it works below a directory that nobody else may enter', async () => {
    const home = path.join(base, 'private');
    fs.mkdirSync(home, { mode: 0o700 });
    const where = path.join(home, 'checkout/.data');
    const progress: string[] = [];
    const first = await start(where, progress);
    await write(first.url, 7);
    await first.stop();
    const second = await start(where);
    expect(await kept(second.url)).toEqual([7]);
    await second.stop();
    expect(progress.join()).toContain('its data stays in');
  });

  test('another user can do the same without being root', async () => {
    const nobody = { uid: id('-u'), gid: id('-g') };
    // Only where that user may read the checkout at all.
    if (!canReach(nobody, __dirname, locateBinaries().root)) return;
    const home = path.join(base, 'of-nobody');
    fs.mkdirSync(home);
    fs.chownSync(home, nobody.uid, nobody.gid);
    const where = path.join(home, '.data');
    const service = await startService(where, nobody);
    expect(service.told.error).toBeUndefined();
    await write(service.told.url!, 8);
    const server = serverPid(where);
    service.process.kill('SIGKILL');
    await gone(server);

    // Later, root uses the same data and leaves it to its owner.
    const database = await start(where);
    expect(await kept(database.url)).toEqual([8]);
    await database.stop();
    expect(fs.statSync(path.join(where, 'postgres/server.log')).uid).toBe(nobody.uid);
  });
});
