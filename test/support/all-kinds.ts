import type { Kind } from '../../src/kinds/kind';
import { api } from './api';
import { ENTITIES } from './declared-kinds';
import { uniqueName } from './factories';

/** The declared kinds, each with an adapter to wait for, so that deletion takes its time. */
export const WAITING_ENTITIES = ENTITIES.map((entity) => ({
  required_adapters: ['validation'],
  ...entity,
}));

/** A resource of any kind, as it is served. */
export interface Shown {
  id: string;
  kind: string;
  href: string;
  name: string;
  [property: string]: unknown;
}

export const bodyFor = ({ name }: Kind) => ({
  kind: name,
  name: uniqueName('r'),
  spec: { size: 3 },
});

/** Creates a resource, below a new parent if its kind has one. */
export async function createOf(
  app: { url: string },
  kind: Kind,
  properties: object = {},
): Promise<Shown> {
  const { parent, plural } = kind;
  const path = parent === undefined ? '' : `/${parent.plural}/${(await createOf(app, parent)).id}`;
  const response = await api(app)
    .post(`${path}/${plural}`)
    .send({ ...bodyFor(kind), ...properties });
  expect(response.status).toBe(201);
  return response.body as Shown;
}

/** What the resource's own route shows. */
export function onItsRoute(app: { url: string }, { href }: Shown) {
  return api(app).get(href.replace('/api/hyperfleet/v1', ''));
}
