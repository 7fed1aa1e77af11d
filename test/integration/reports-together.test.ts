import { api, begin, tally } from '../support/api';
import { someoneWaits } from '../support/backends';
import { withClient } from '../support/database';
import { newCluster, newReport } from '../support/factories';
import { type Pair, startPair } from '../support/pair';

/* Reports that arrive together are written together, and each has its own outcome all the same. */

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

async function createClusters(count: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, () => api(app).post('/clusters').send(newCluster())),
  );
  return answers.map(({ body }) => body.id as string);
}

const report = (id: string, body: object = newReport('validation'), on = app) =>
  begin(api(on).post(`/clusters/${id}/statuses`).send(body));

async function conditionsOf(id: string): Promise<Record<string, string>> {
  const { body } = await api(app).get(`/clusters/${id}`);
  const { conditions } = body.status as { conditions: { type: string; status: string }[] };
  return Object.fromEntries(conditions.map(({ type, status }) => [type, status]));
}

/** Runs `work` while a report hangs: those that arrive meanwhile gather, until their patience ends. */
async function whileOneHangs(work: () => Promise<void>): Promise<void> {
  const [id] = await createClusters(1);
  expect((await report(id!)).status).toBe(201);
  await withClient(database.directUrl, async (holder) => {
    await holder.query('BEGIN');
    await holder.query('SELECT 1 FROM adapter_statuses WHERE resource_id = $1 FOR UPDATE', [id]);
    const hanging = report(id!);
    await someoneWaits(database.directUrl);
    await work();
    await holder.query('COMMIT');
    expect((await hanging).status).toBe(201);
  });
}

it('writes a crowd by few statements, and each report decides the conditions of its resource', async () => {
  const ids = await createClusters(40);
  proxy.reset();
  const answers = await Promise.all(
    ids.map((id, index) =>
      report(id, {
        ...newReport('validation', 1, { Available: index % 2 === 0 ? 'True' : 'False' }),
        data: { text: `"quoted", {braced} and back\\slashed ${index}` },
        ...(index % 3 === 0 && { metadata: { job_name: `job-${index}` } }),
      }),
    ),
  );
  // A read for each, and the writes.
  expect(proxy.statements).toBeLessThan(40 + 20);

  for (const [index, { status, body }] of answers.entries()) {
    expect(status).toBe(201);
    const stored = await api(app).get(`/clusters/${ids[index]!}/statuses`);
    expect(stored.body.items).toEqual([body]);
    expect(body.data.text).toContain(`slashed ${index}`);
    expect(body.metadata?.job_name).toBe(index % 3 === 0 ? `job-${index}` : undefined);
    expect(await conditionsOf(ids[index]!)).toMatchObject({
      ValidationSuccessful: index % 2 === 0 ? 'True' : 'False',
      Ready: 'False',
    });
  }
});

it('does not let one whose resource somebody else is changing hold up the others', async () => {
  const [held, ...ids] = await createClusters(20);
  await withClient(database.directUrl, async (holder) => {
    await holder.query('BEGIN');
    await holder.query('UPDATE resource_status SET version = version + 1 WHERE resource_id = $1', [
      held,
    ]);
    let waiting: ReturnType<typeof report>;
    await whileOneHangs(async () => {
      waiting = report(held!);
      const others = await Promise.all(ids.map((id) => report(id)));
      expect(tally(others)).toEqual({ 201: 19 });
    });
    await holder.query('COMMIT');
    expect((await waiting!).status).toBe(201);
  });
  expect(await conditionsOf(held!)).toMatchObject({ ValidationSuccessful: 'True' });
});

it('lets two processes report on the same resources in opposite orders', async () => {
  const ids = await createClusters(60);
  for (const [round, on] of [other, app].entries()) {
    const answers = await Promise.all([
      ...ids.map((id) => report(id, newReport('validation'), on)),
      ...ids.toReversed().map((id) => report(id, newReport('dns'), round === 0 ? app : other)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  }
  for (const id of ids) expect(await conditionsOf(id)).toMatchObject({ Ready: 'True' });
});

it('counts all reports on one resource, even when they do not queue', async () => {
  const [id] = await createClusters(1);
  const { queue } = app.service.db;
  const run = queue.run.bind(queue);
  queue.run = (_, work) => work();
  try {
    const adapters = ['validation', 'dns', ...Array.from({ length: 18 }, (_, n) => `extra-${n}`)];
    await whileOneHangs(async () => {
      const answers = await Promise.all([
        ...adapters.map((adapter) => report(id!, newReport(adapter))),
        report(id!, newReport('elsewhere'), other),
      ]);
      expect(tally(answers)).toEqual({ 201: adapters.length + 1 });
    });
    const conditions = await conditionsOf(id!);
    expect(conditions).toMatchObject({ Ready: 'True', ElsewhereSuccessful: 'True' });
    expect(Object.keys(conditions).filter((type) => type.startsWith('Extra'))).toHaveLength(18);
    const { body } = await api(app).get(`/clusters/${id!}/statuses`);
    expect(body.total).toBe(adapters.length + 1);
  } finally {
    queue.run = run;
  }
});

it('stores a large report among small ones', async () => {
  const ids = await createClusters(8);
  const large = { ...newReport('dns'), data: { text: 'x'.repeat(20_000) } };
  const answers = await Promise.all(
    ids.map((id, index) => report(id, index === 4 ? large : newReport('dns'))),
  );
  expect(tally(answers)).toEqual({ 201: 8 });
  const { body } = await api(app).get(`/clusters/${ids[4]!}/statuses`);
  expect(body.items[0].data).toEqual(large.data);
});
