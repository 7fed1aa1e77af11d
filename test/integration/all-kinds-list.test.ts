import type { Kind } from '../../src/kinds/kind';
import { createOf, onItsRoute, type Shown, WAITING_ENTITIES } from '../support/all-kinds';
import { api } from '../support/api';
import { startTestApp, type TestApp } from '../support/app';
import { kindsFile } from '../support/declared-kinds';
import { uniqueName } from '../support/factories';

/* The list of resources of all kinds. */

let app: TestApp;
let kinds: Kind[];
let label: string;
const made: Shown[] = [];
beforeAll(async () => {
  app = await startTestApp({ env: { HYPERFLEET_KINDS_FILE: kindsFile(WAITING_ENTITIES) } });
  kinds = [...app.service.kinds.values()];
  label = uniqueName();
  for (let round = 0; round < 3; round++) {
    for (const kind of kinds) made.push(await createOf(app, kind, { labels: { round: label } }));
  }
});
afterAll(() => app.stop());

const list = async (query: Record<string, string | number>) => {
  const { status, body } = await api(app).get('/resources').query(query);
  expect({ status, body: body as unknown }).toMatchObject({ status: 200 });
  return body as { kind: string; total: number; size: number; items: Shown[] };
};
const labelled = () => `labels.round='${label}'`;

it('shows resources of all kinds as they are shown alone, newest first', async () => {
  const { kind, total, size, items } = await list({ search: labelled() });
  expect({ kind, total, size }).toEqual({ kind: 'ResourceList', total: 15, size: 15 });
  expect(items.map(({ id }) => id)).toEqual(made.map(({ id }) => id).reverse());
  for (const item of items) expect(item).toEqual((await onItsRoute(app, item)).body);
});

it('is of one kind, by parameter or by search, or of several', async () => {
  for (const { name, plural } of kinds) {
    const byKind = await list({ kind: name, search: labelled() });
    expect(byKind.items.map(({ kind }) => kind)).toEqual([name, name, name]);
    expect(byKind.total).toBe(3);
    expect(await list({ search: `kind='${name}' and ${labelled()}` })).toEqual(byKind);
    const { items } = (await api(app).get(`/${plural}`).query({ search: labelled() }))
      .body as typeof byKind;
    expect(byKind.items).toEqual(items);
    const all = await list({ kind: name, pageSize: 1 });
    expect(all.total).toBe((await api(app).get(`/${plural}?pageSize=1`)).body.total);
  }
  const several = await list({ search: `kind in ('Channel','NodePool') and ${labelled()}` });
  expect(several.total).toBe(6);
});

it('names a kind that is unknown', async () => {
  for (const kind of ['Nothing', 'constructor', '']) {
    const { status, body } = await api(app).get('/resources').query({ kind });
    expect({ status, fields: body.errors }).toMatchObject({
      status: 400,
      fields: [{ field: 'kind' }],
    });
  }
});

it('is of the children of one parent, and of those that have none', async () => {
  const version = made.find(({ kind }) => kind === 'Version')!;
  const { id } = version.owner_references as { id: string };
  const children = await list({ search: `owner_id='${id}'` });
  expect(children.items.map((item) => item.id)).toEqual([version.id]);
  const others = await list({ search: `not owner_id='${id}' and ${labelled()}` });
  expect(others.total).toBe(14);
  const without = await list({ search: `owner_id is null and ${labelled()}` });
  expect(new Set(without.items.map(({ kind }) => kind))).toEqual(
    new Set(['Channel', 'WifConfig', 'Cluster']),
  );
});

it.each(['', 'name', 'kind,name desc', 'created_time'])(
  'has pages over all kinds that neither overlap nor leave anything out, ordered by %p',
  async (orderBy) => {
    const query = { search: labelled(), pageSize: 4, ...(orderBy !== '' && { orderBy }) };
    const ids: string[] = [];
    for (let page = 1; page <= 4; page++) {
      const { items, total } = await list({ ...query, page });
      expect(total).toBe(15);
      ids.push(...items.map(({ id }) => id));
    }
    expect(ids.toSorted()).toEqual(made.map(({ id }) => id).toSorted());
    expect(ids).toEqual((await list({ ...query, pageSize: 20 })).items.map(({ id }) => id));
  },
);

it('shows selected properties, also those that only some kinds have', async () => {
  const { items } = await list({ search: labelled(), fields: 'kind,owner_references.kind' });
  for (const { id, kind, ...rest } of items) {
    const { parent } = app.service.kinds.get(kind)!;
    expect(id).toMatch(/^2/);
    expect(rest).toEqual(parent ? { owner_references: { kind: parent.name } } : {});
  }
});
