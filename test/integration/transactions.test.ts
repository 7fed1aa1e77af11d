import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config/config';
import { Database } from '../../src/postgres/database';
import { type Statement, statement } from '../../src/postgres/statement';
import type { Session } from '../../src/postgres/transaction';
import { connectionOptions } from '../../src/postgres/connection-options';
import { isUnavailable, sqlState } from '../../src/postgres/errors';
import { someoneWaits, terminateBackends } from '../support/backends';
import { createEmptyDatabase, type TestDatabase, withClient } from '../support/database';

const STATEMENT_TIMEOUT_MS = 1000;

let database: TestDatabase;
let db: Database;

beforeAll(async () => {
  database = await createEmptyDatabase();
  await withClient(database.directUrl, async (client) => {
    await client.query('CREATE TABLE things (id int PRIMARY KEY, value int)');
    const name = new URL(database.directUrl).pathname.slice(1);
    await client.query(`ALTER ROLE CURRENT_USER IN DATABASE ${name} SET deadlock_timeout = '50ms'`);
  });
  db = new Database(connectionOptions(loadConfig({ DATABASE_URL: database.directUrl })), {
    ...{
      poolMax: 4,
      poolTimeoutMs: 2000,
      preparedStatements: process.env.DATABASE_PREPARED_STATEMENTS !== 'false',
    },
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
});

beforeEach(() => db.query(sql('TRUNCATE things'), {}));

afterAll(async () => {
  await db.close();
  await database.drop();
});

function sql<Values extends object>(text: string): Statement<{ id: number }, Values> {
  return statement({ operation: 'select', table: 'things' }, text);
}

const add = (on: Session, id: number) =>
  on.query(sql('INSERT INTO things VALUES (:id, 0)'), { id });

async function things(): Promise<number[]> {
  const rows = await db.query(sql('SELECT id FROM things ORDER BY id'), {});
  return rows.map(({ id }) => id);
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Breaks the network under every pooled connection, without a word from the server. */
function cutAll(): Promise<void> {
  const { _clients: clients } = db.pool as unknown as {
    _clients: { connection: { stream: { destroy(): void } } }[];
  };
  for (const { connection } of clients) connection.stream.destroy();
  return Promise.resolve();
}

test.each([
  [
    'the server ends it',
    () => withClient(database.directUrl, (it) => terminateBackends(it, 'all')),
  ],
  ['the network breaks', cutAll],
])(
  'a connection at work that is lost because %s costs one request, not the process',
  async (_case, lose) => {
    const alone = failure(db.query(sql('SELECT pg_sleep(10)'), {}));
    const together = failure(
      db.transaction(async (trx) => {
        await add(trx, 1);
        await trx.query(sql('SELECT pg_sleep(10)'), {});
      }),
    );
    const between = failure(
      db.transaction(async (trx) => {
        await add(trx, 2);
        await sleep(400);
        await add(trx, 3);
      }),
    );
    await sleep(150);
    await lose();

    for (const error of await Promise.all([alone, together, between])) {
      expect(sqlState(error) ?? (error as { kind?: string }).kind).toMatch(
        /^(57P01|connection_lost)$/,
      );
    }
    expect(await things()).toEqual([]);
  },
);

test('of statements sent together the one that failed is blamed, however late it is heard', async () => {
  const error = await failure(
    db.transaction(async (trx) => {
      const deeply = async () => {
        await Promise.all([trx.query(sql('SELECT 1 / 0'), {}), trx.query(sql('SELECT 1'), {})]);
      };
      await Promise.all([deeply(), trx.query(sql('SELECT 2'), {})]);
    }),
  );

  expect(sqlState(error)).toBe('22012');
});

test('a transaction that got over a failed statement does not pretend to have committed', async () => {
  const error = await failure(
    db.transaction(async (trx) => {
      await add(trx, 1);
      await trx.query(sql('SELECT 1 / 0'), {}).catch(() => undefined);
    }),
  );

  expect(sqlState(error)).toBe('22012');
  expect(await things()).toEqual([]);
});

test('a deadlock is resolved by doing one of the two again, also among statements sent together', async () => {
  await add(db, 1);
  await add(db, 2);
  let tries = 0;
  const lock = (trx: Session, id: number) =>
    trx.query(sql('UPDATE things SET value = value + 1 WHERE id = :id'), { id });
  const both = (first: number, second: number) =>
    db.transaction(async (trx) => {
      tries++;
      await lock(trx, first);
      await sleep(100);
      await Promise.all([
        Promise.all([lock(trx, second)]).then(() => undefined),
        trx.query(sql('SELECT 1'), {}),
      ]);
    });

  await Promise.all([both(1, 2), both(2, 1)]);

  expect(tries).toBeGreaterThan(2);
  expect(await db.query(sql('SELECT value FROM things'), {})).toEqual([{ value: 2 }, { value: 2 }]);
});

test('the last statement can commit', async () => {
  await db.transaction(async (trx) => {
    await add(trx, 1);
    await trx.queryAndCommit(sql('INSERT INTO things VALUES (:id, 0)'), { id: 2 });
    // Seen by everybody before the transaction returns.
    expect(await things()).toEqual([1, 2]);
  });
  const error = await failure(
    db.transaction(async (trx) => {
      await add(trx, 3);
      await trx.queryAndCommit(sql('INSERT INTO things VALUES (:id, 0)'), { id: 1 });
    }),
  );

  expect(sqlState(error)).toBe('23505');
  expect(await things()).toEqual([1, 2]);
});

test('a transaction that waits too long for a lock fails, and what it held is free again', async () => {
  await add(db, 1);
  await withClient(database.directUrl, async (holder) => {
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM things WHERE id = 1 FOR UPDATE');
    const begin = Date.now();
    const waiting = failure(
      db.transaction(async (trx) => {
        await add(trx, 2);
        await trx.query(sql('UPDATE things SET value = 9 WHERE id = :id'), { id: 1 });
      }),
    );
    await someoneWaits(database.directUrl);
    const error = await waiting;

    expect(sqlState(error) ?? (error as { kind?: string }).kind).toMatch(
      /^(57014|statement_timeout)$/,
    );
    expect(Date.now() - begin).toBeLessThan(STATEMENT_TIMEOUT_MS * 4);
    await holder.query('COMMIT');
  });
  await add(db, 2);
  expect(await things()).toEqual([1, 2]);
});

describe('transactions that PostgreSQL rolls back for the sake of others', () => {
  const failing = (code: string) =>
    sql(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`);

  it.each(['40001', '40P01'])('are run again after %s, and succeed', async (code) => {
    let attempt = 0;
    const result = await db.transaction(async (trx) => {
      attempt++;
      if (attempt < 3) await trx.query(failing(code), {});
      return 'done';
    });
    expect({ attempt, result }).toEqual({ attempt: 3, result: 'done' });
  });

  it('end as unavailable when that does not help', async () => {
    let attempt = 0;
    const failed = await db
      .transaction(async (trx) => {
        attempt++;
        await trx.query(failing('40P01'), {});
      })
      .catch((error: unknown) => error);
    expect(attempt).toBe(4);
    expect(isUnavailable(failed)).toBe(true);
  });
});
