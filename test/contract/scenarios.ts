import type { Operation } from './json-schema';
import type { Kinds } from '../../src/kinds/kind';
import { CONFLICTS } from './conflicts';
import { refusals } from './refusals';
import {
  type Change,
  changed,
  FOREIGN_CURSOR,
  kindsFor,
  listsResources,
  make,
  makeOwner,
  requestTo,
  type Tried,
  withQuery,
} from './requests';
import { successes } from './successes';
import { type Caller, MAX_BODY_BYTES, type Scenario, type World } from './world';

function withHeader(name: string, value: string): Change {
  return (request) => ({ ...request, headers: { ...request.headers, [name]: value } });
}

/** By status, all the ways that are tried. */
export function scenariosOf(operation: Operation, kinds: Kinds): Record<string, Scenario[]> {
  const [kind, ...others] = kindsFor(operation, kinds);
  const tried: Tried = { operation, kind: kind!, kinds };
  const table: Record<string, Scenario[]> = {
    ...successes(tried, others),
    400: refusals(tried),
    default: [otherMethod(tried, 'options')],
  };
  if (operation.verb === 'list' && isFlat(tried)) table.default!.push(otherMethod(tried, 'post'));
  if (!operation.open) {
    const as = (caller: Caller, code: string): Scenario => ({
      what: `from ${caller}`,
      code,
      run: async (world) => world.send(await requestTo(tried, world), caller),
    });
    table[401] = [as('nobody', 'AUT-001'), as('forged', 'AUT-002'), as('expired', 'AUT-003')];
    table[403] = [as('stranger', 'AUZ-001')];
    table[503] = [
      {
        what: 'the database is gone',
        code: 'SVC-001',
        run: async (world) => world.sendToBroken(await requestTo(tried, world)),
      },
    ];
  }
  if (operation.bodyTypes.length > 0) {
    const tooLarge: Change = (request) => ({
      ...request,
      body: { ...(request.body as object), padding: 'x'.repeat(MAX_BODY_BYTES) },
    });
    const refused = { code: 'MED-001' };
    table[413] = [changed(tried, 'a body that is too large', tooLarge, { code: 'LRG-001' })];
    table[415] = [
      changed(tried, 'plain text', withHeader('Content-Type', 'text/plain'), refused),
      changed(tried, 'a compressed body', withHeader('Content-Encoding', 'gzip'), refused),
    ];
  }
  const unknown = unknownResources(tried);
  if (unknown.length > 0) table[404] = unknown;
  if (listsResources(operation)) {
    const since = withQuery(`watch=true&since=${FOREIGN_CURSOR}`);
    table[410] = [changed(tried, 'a cursor of another database', since, { code: 'GON-001' })];
  }
  if (['patch', 'delete', 'force-delete'].includes(operation.verb ?? '')) {
    const stale = withHeader('If-Match', '"0"');
    table[412] = [changed(tried, 'another version', stale, { code: 'PRE-001' })];
  }
  const conflicts = operation.verb && CONFLICTS[operation.verb];
  if (conflicts) table[409] = conflicts(tried);
  return table;
}

/** Children are created below their parent only. */
function isFlat({ operation, kind }: Tried): boolean {
  return kind.parent !== undefined && !operation.path.includes(kind.parent.idParameter);
}

function otherMethod(tried: Tried, method: 'options' | 'post'): Scenario {
  const change: Change = ({ path }) => ({ path, method });
  return changed(tried, `a method the path does not have: ${method}`, change, { code: 'MTH-001' });
}

const NOBODY = '201kf0hj0808sjpk9ga01xy0xj2';

/** The same request about something that does not exist, or not there. */
function unknownResources(tried: Tried): Scenario[] {
  const { operation, kind, kinds } = tried;
  const replaced = (what: string, template: string, idOf: (world: World) => Promise<string>) => ({
    what,
    code: 'NTF-001',
    run: async (world: World) => {
      const request = await requestTo(tried, world);
      const place = operation.path.split('/').indexOf(template);
      const segments = request.path.split('/');
      segments[place] = await idOf(world);
      return world.send({ ...request, path: segments.join('/') });
    },
  });
  const templates: string[] = operation.path.match(/\{\w+\}/g) ?? [];
  const scenarios: Scenario[] = templates.map((template) =>
    replaced(`an unknown ${template}`, template, () => Promise.resolve(NOBODY)),
  );
  const own = `{${kind.idParameter}}`;
  if (templates.includes(own)) {
    const [other] = [...kinds.values()].filter(({ name }) => name !== kind.name);
    const idOfOther = async (world: World) => (await make(world, { kind: other!, kinds })).id;
    scenarios.push(replaced(`a ${other!.name} as ${own}`, own, idOfOther));
  }
  if (kind.parent !== undefined && templates.length === 2) {
    const owner = `{${kind.parent.idParameter}}`;
    scenarios.push(
      replaced(`a ${kind.name} of another ${owner}`, owner, (world) => makeOwner(world, tried)),
    );
  }
  return scenarios;
}
