import { ProblemError } from '../../src/problems/problem';
import { createResource } from '../../src/repositories/create';
import { api, begin, tally } from '../support/api';
import { someoneWaits } from '../support/backends';
import { withClient } from '../support/database';
import { newCluster, newNodePool, uniqueName } from '../support/factories';
import { CLUSTER } from '../support/kinds';
import { type Pair, startPair } from '../support/pair';

/* Creates that arrive together are written together, and each has its own outcome all the same. */

let pair: Pair;
let database: Pair['database'];
let proxy: Pair['proxy'];
let app: Pair['app'];
let other: Pair['other'];

beforeAll(async () => {
  pair = await startPair();
  ({ database, proxy, app, other } = pair);
});
afterAll(async () => {
  expect(await pair.stop()).toBe(0);
});

const create = (body: object, path = '/clusters', on = app) => begin(api(on).post(path).send(body));

async function createdCluster(): Promise<string> {
  const { status, body } = await create(newCluster());
  expect(status).toBe(201);
  return body.id as string;
}

it('writes a crowd by few statements, and everyone gets what they asked for', async () => {
  await createdCluster();
  proxy.reset();
  await createdCluster();
  expect(proxy.statements).toBe(1);

  const wanted = Array.from({ length: 40 }, (_, index) =>
    newCluster({
      spec: { index, text: `"quoted", {braced} and back\\slashed ${index}` },
      labels: { index: String(index), ...(index % 2 === 0 && { even: 'yes' }) },
    }),
  );
  proxy.reset();
  const responses = await Promise.all(wanted.map((body) => create(body)));
  expect(proxy.statements).toBeLessThan(20);
  for (const [index, { status, body }] of responses.entries()) {
    expect({ status, body }).toMatchObject({ status: 201, body: wanted[index]! });
    const stored = await api(app).get(`/clusters/${body.id as string}`);
    expect(stored.body).toEqual(body);
  }
  const even = await api(app).get("/clusters?search=labels.even='yes'&size=1");
  expect(even.body.total).toBe(20);
  const all = await api(app).get('/clusters?size=1');
  expect(all.body.total).toBe(42);
});

it('gives a name that several want to the first of them', async () => {
  const name = uniqueName('wanted');
  await createdCluster();
  const responses = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      create(newCluster(index % 2 === 0 ? { name } : undefined)),
    ),
  );

  expect(tally(responses)).toEqual({ 201: 11, 409: 9 });
  expect(responses[0]!.status).toBe(201);
  expect(responses[2]!.body).toMatchObject({
    code: 'HYPERFLEET-CNF-001',
    errors: [{ field: 'name', value: name }],
  });
});

it('keeps the node pools of several clusters apart, be the cluster there, missing or being deleted', async () => {
  const [living, deleting] = [await createdCluster(), await createdCluster()];
  expect((await create(newNodePool(), `/clusters/${deleting}/nodepools`)).status).toBe(201);
  expect((await api(app).delete(`/clusters/${deleting}`)).status).toBe(202);
  const missing = living.replace(/.{5}$/, 'zzzzz');
  const outcomes = await Promise.all(
    [living, deleting, missing].map(async (id) =>
      tally(
        await Promise.all(
          Array.from({ length: 8 }, () => create(newNodePool(), `/clusters/${id}/nodepools`)),
        ),
      ),
    ),
  );

  expect(outcomes).toEqual([{ 201: 8 }, { 409: 8 }, { 404: 8 }]);
});

it('lets two processes want the same names in opposite orders', async () => {
  const names = Array.from({ length: 60 }, () => uniqueName('race'));
  const both = await Promise.all([
    Promise.all(names.map((name) => create(newCluster({ name })))),
    Promise.all(names.toReversed().map((name) => create(newCluster({ name }), '/clusters', other))),
  ]);

  expect(tally(both.flat())).toEqual({ 201: 60, 409: 60 });
});

it('does not let one that waits for a name hold up the others', async () => {
  const name = uniqueName('held');
  await createdCluster();
  await withClient(database.directUrl, async (holder) => {
    await holder.query('BEGIN');
    await holder.query(
      `INSERT INTO resources (id, kind, name, spec, labels, generation, created_time, created_by, updated_time, updated_by)
       SELECT left(id, 22) || 'zzzzz', kind, $1, spec, labels, 1, created_time, created_by, updated_time, updated_by
       FROM resources LIMIT 1`,
      [name],
    );
    const held = create(newCluster({ name }));
    await someoneWaits(database.directUrl);
    const others = await Promise.all(Array.from({ length: 5 }, () => create(newCluster())));
    expect(tally(others)).toEqual({ 201: 5 });
    await holder.query('ROLLBACK');
    expect((await held).status).toBe(201);
  });
});

it('writes the others when PostgreSQL refuses one', async () => {
  const { db } = app.service;
  const outcomes = await Promise.allSettled(
    ['good-1', 'good-2', 'Not a name', 'good-3'].map((name) =>
      createResource(db, {
        ...{ kind: CLUSTER, name, spec: {}, labels: {}, references: {}, actor: 'test@example.com' },
      }),
    ),
  );

  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  const { reason } = outcomes[2] as PromiseRejectedResult;
  expect(reason).not.toBeInstanceOf(ProblemError);
  expect(reason).toMatchObject({ code: '23514' });
});
