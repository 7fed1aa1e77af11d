import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { withClient } from '../support/database';
import { newCluster } from '../support/factories';
import { OwnPostgres } from '../support/own-postgres';
import { SwitchProxy } from '../support/watch-proxy';
import { WatchStream } from '../support/watch-stream';

/*
 * A database that is put back, or whose place another one takes, has another history than the one that clients know.
 * What they must never do is to go on from a cursor as if nothing had happened.
 */

jest.setTimeout(120_000);

let primary: OwnPostgres;
let others: OwnPostgres[];
let proxy: SwitchProxy;
let app: TestApp;

const FLEET = 'fleet';
const none = () => Promise.resolve();

beforeEach(async () => {
  others = [];
  primary = await OwnPostgres.create();
  await primary.start();
  await primary.createDatabase(FLEET);
  proxy = await SwitchProxy.start(primary.url());
  app = await serve(proxy.url(primary.url(FLEET)));
});

afterEach(async () => {
  await app.stop();
  proxy.close();
  await Promise.all([primary, ...others].map((server) => server.destroy()));
});

const serve = (url: string) => startTestApp({ database: { url, directUrl: url, drop: none } });

async function create(name: string): Promise<void> {
  for (;;) {
    const { status } = await api(app).post('/clusters').send(newCluster({ name }));
    if (status === 201) return;
    // The pool learns only now that its connections are broken.
    expect(status).toBe(503);
    await sleep(50);
  }
}

const watch = (since?: string) =>
  WatchStream.open(app, { path: '/clusters', query: since === undefined ? {} : { since } });

/** A client that is in step, and has seen certain clusters. */
async function follow(...names: string[]) {
  const stream = await watch();
  const events = await stream.untilSynced();
  expect(events.map(({ data }) => (JSON.parse(data) as { name: string }).name).sort()).toEqual(
    names.sort(),
  );
  return { stream, cursor: stream.lastEventId! };
}

/** Waits for the cluster that somebody has created, in a stream that is in step. */
async function see(stream: WatchStream, name: string): Promise<string> {
  const events = await stream.untilSynced();
  expect(events.map(({ data }) => (JSON.parse(data) as { name: string }).name)).toContain(name);
  return stream.lastEventId!;
}

async function expectGone(...cursors: string[]): Promise<void> {
  for (const cursor of cursors) {
    let resumed = await watch(cursor);
    while (resumed.status === 503) {
      await sleep(50);
      resumed = await watch(cursor);
    }
    const problem = await resumed.problem();
    expect({ status: resumed.status, code: problem.code }).toEqual({
      ...{ status: 410, code: 'HYPERFLEET-GON-001' },
    });
  }
}

/** Ended by the service, between two events. */
async function expectEnd(stream: WatchStream): Promise<void> {
  await stream.ended;
  expect(stream).toMatchObject({ complete: true, isBetweenEvents: true });
}

/** Lets transactions pass. */
async function burn(server: OwnPostgres, transactions: number): Promise<void> {
  await withClient(server.url(FLEET), (client) =>
    client.query(`DO $$ BEGIN FOR i IN 1..${transactions} LOOP
      PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`),
  );
}

test('the files of a snapshot are put back', async () => {
  await create('kept');
  await primary.stop();
  const copy = `${primary.instance.data}.copy`;
  execFileSync('cp', ['-a', primary.instance.data, copy]);
  await primary.start();

  const { stream, cursor } = await follow('kept');
  await create('lost');
  const later = await see(stream, 'lost');

  await primary.stop();
  rmSync(primary.instance.data, { recursive: true });
  execFileSync('mv', [copy, primary.instance.data]);
  await primary.start();
  // The same transaction ids as before, for something else.
  await create('other');
  await expectEnd(stream);
  await expectGone(cursor, later);
  (await follow('kept', 'other')).stream.close();
});

test('a standby that lacks the last changes takes over', async () => {
  await create('kept');
  await primary.stop();
  const standby = await OwnPostgres.create(primary);
  others.push(standby);
  await primary.start();
  const { password } = new URL(primary.url());
  const source = `host=127.0.0.1 port=${primary.port} user=hyperfleet password=${password}`;
  standby.install('postgresql.auto.conf', `primary_conninfo = '${source}'\n`);
  standby.install('standby.signal', '');
  await standby.start();

  const { stream, cursor } = await follow('kept');
  await create('replicated');
  const replicated = await see(stream, 'replicated');
  const reader = await serve(standby.url(FLEET));
  const names = async () => {
    const { body, headers } = await api(reader).get('/clusters');
    expect(headers).not.toHaveProperty('hyperfleet-cursor');
    return (body as { items: { name: string }[] }).items.map(({ name }) => name).sort();
  };
  while ((await names()).length < 2) await sleep(20);
  for (const query of [undefined, { since: cursor }]) {
    const refused = await WatchStream.open(reader, { path: '/clusters', query });
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toMatch(/^\d+$/);
    expect(await refused.problem()).toMatchObject({ code: 'HYPERFLEET-SVC-001' });
  }
  expect(await names()).toEqual(['kept', 'replicated']);
  await reader.stop();

  await withClient(standby.url(FLEET), async (client) => {
    await client.query("ALTER SYSTEM SET primary_conninfo = ''");
    await client.query('SELECT pg_reload_conf()');
    const receiving = 'SELECT 1 FROM pg_stat_wal_receiver';
    while ((await client.query(receiving)).rowCount! > 0) await sleep(20);
  });
  await create('lost');
  const lost = await see(stream, 'lost');

  await primary.stop('immediate');
  await withClient(standby.url(FLEET), (client) => client.query('SELECT pg_promote()'));
  proxy.switchTo(standby.url());
  await create('other');
  await expectEnd(stream);
  await expectGone(cursor, replicated, lost);
  (await follow('kept', 'replicated', 'other')).stream.close();
});

test('another database of the server takes the name', async () => {
  await create('kept');
  const copy = (statement: string) =>
    withClient(primary.url(), async (client) => {
      await client.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${FLEET}'`,
      );
      await client.query(statement);
    });
  await copy(`CREATE DATABASE copy TEMPLATE ${FLEET}`);

  const { stream, cursor } = await follow('kept');
  await create('lost');
  const lost = await see(stream, 'lost');
  proxy.switchTo(undefined);
  await copy(`ALTER DATABASE ${FLEET} RENAME TO lost`);
  await copy(`ALTER DATABASE copy RENAME TO ${FLEET}`);
  proxy.switchTo(primary.url());
  await expectEnd(stream);
  await expectGone(cursor, lost);
  (await follow('kept')).stream.close();
});

test.each(['lower', 'higher'])('a dump is restored where transaction ids are %s', async (ids) => {
  await create('kept');
  await create('removed');
  if (ids === 'lower') await burn(primary, 5000);
  await withClient(primary.url(FLEET), async (client) => {
    await client.query("DELETE FROM resources WHERE name = 'removed'");
    // As if what was removed had been pruned since.
    await client.query('UPDATE pruned_removals SET changed_xid = pg_current_xact_id()');
  });
  const { stream, cursor } = await follow('kept');
  const target = await OwnPostgres.create();
  others.push(target);
  await target.start();
  await target.createDatabase(FLEET);
  if (ids === 'higher') await burn(target, 5000);
  await copyRows(primary.url(FLEET), target.url(FLEET));
  await create('lost');
  const lost = await see(stream, 'lost');

  const { password } = new URL(primary.url());
  await withClient(target.url(), (client) =>
    client.query(`ALTER ROLE hyperfleet PASSWORD '${password}'`),
  );
  proxy.switchTo(target.url());
  await create('other');
  await expectEnd(stream);
  await expectGone(cursor, lost);

  const again = await follow('kept', 'other');
  await create('new');
  const afterNew = await see(again.stream, 'new');
  again.stream.close();
  await create('newer');
  const resumed = await watch(afterNew);
  expect(resumed.status).toBe(200);
  await see(resumed, 'newer');
  resumed.close();
});

/** What a dump does: rows as they are, before there are triggers. */
async function copyRows(from: string, to: string): Promise<void> {
  await withClient(from, (source) =>
    withClient(to, async (target) => {
      const { rows: tables } = await source.query<{ name: string }>(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'knex%'",
      );
      await target.query('SET session_replication_role = replica');
      for (const { name } of tables) {
        const { rows } = await source.query<{ rows: string }>(
          `SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${name} t`,
        );
        await target.query(`DELETE FROM ${name}`);
        await target.query(
          `INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, $1)`,
          [rows[0]!.rows],
        );
      }
    }),
  );
}
