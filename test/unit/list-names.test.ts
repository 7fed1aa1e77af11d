import { listResources } from '../../src/lists/lists';
import type { Database } from '../../src/postgres/database';
import { parseSearch } from '../../src/search/parse';
import { CLUSTER, NODE_POOL } from '../support/kinds';

const USES = 100;
const MAX_NAMES = 100;
const names = new Map<string, string>();

/** Executes nothing; a name that it is told means one text for ever, as for PostgreSQL. */
const execute = ({ name, text }: { name?: string; text: string }) => {
  if (name !== undefined) {
    expect(names.get(name) ?? text).toBe(text);
    names.set(name, text);
  }
  return Promise.resolve([{ found: true, position: null, total: 0, id: name ?? null, text }]);
};
const db = { read: execute, query: execute } as unknown as Database;

/** @returns the name of the statement that was executed last */
async function ask(
  pageSize: number,
  search = '',
  times = 1,
  kinds = [CLUSTER],
): Promise<string | undefined> {
  let name: string | undefined;
  for (let time = 0; time < times; time++) {
    const { rows } = await listResources(
      db,
      { kinds },
      {
        ...{ page: 1, pageSize, search: parseSearch(search) },
        order: [{ field: 'id', direction: 'desc' }],
      },
      new AbortController().signal,
    );
    name = rows[0]?.id;
  }
  return name;
}

test('a list has a name once it was asked for often, whatever its values', async () => {
  expect(await ask(20, "labels.a = 'x'", USES)).toBeUndefined();
  const name = await ask(20, "labels.b = 'y'");
  expect(name).toEqual(expect.any(String));
  expect(await ask(20, "labels.b in ('y', 'z')")).toBeUndefined();
  expect(await ask(21, "labels.b = 'y'")).toBeUndefined();
});

test('lists of other kinds have other names', async () => {
  const search = 'generation = 1';
  const found = [[CLUSTER], [NODE_POOL], [CLUSTER, NODE_POOL]].map(async (kinds) => {
    await ask(20, search, USES, kinds);
    return ask(20, search, 1, kinds);
  });
  const distinct = new Set(await Promise.all(found));
  expect(distinct).not.toContain(undefined);
  expect(distinct.size).toBe(3);
});

test('who walks through all page sizes earns no name, nor takes one from a list that is polled', async () => {
  await ask(20, "name = 'x'", USES);
  const polled = await ask(20, "name = 'x'");
  const before = names.size;
  for (let round = 0; round < 5; round++) {
    for (let pageSize = 1; pageSize <= 500; pageSize++) {
      expect(await ask(pageSize, "name != 'x'")).toBeUndefined();
    }
    expect(await ask(20, "name = 'y'")).toBe(polled);
  }
  expect(names.size).toBe(before);
});

test('a list that is polled earns its name among any number that are not', async () => {
  for (let time = 0; time < USES; time++) {
    await ask(20, "id = 'x'");
    for (let other = 0; other < 10; other++) await ask(1000 + time * 10 + other);
  }
  expect(await ask(20, "id = 'x'")).toEqual(expect.any(String));
});

test('a very long search has no name, however often it is asked for', async () => {
  const search = Array(100).fill("labels.a like 'x'").join(' or ');
  expect(await ask(20, search, USES + 1)).toBeUndefined();
});

test('there is an end to the names', async () => {
  for (let pageSize = 1; pageSize <= MAX_NAMES + 20; pageSize++) {
    await ask(pageSize, "created_by = 'x'", USES + 1);
  }
  expect(names.size).toBe(MAX_NAMES);
});
