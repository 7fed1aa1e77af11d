import type { OperationId } from '../../src/contract/document';
import type { Operation } from './json-schema';
import { CONFLICTS } from './conflicts';
import { makeCluster, requestFor } from './requests';
import {
  type Caller,
  type ContractRequest,
  MAX_BODY_BYTES,
  type Scenario,
  type World,
} from './world';

type Change = (request: ContractRequest) => ContractRequest;

/** By status, all the ways that are tried. */
export function scenariosOf(operation: Operation): Record<string, Scenario[]> {
  const id = operation.id as OperationId;
  const changed = (what: string, code: string | undefined, change: Change): Scenario => ({
    what,
    code,
    run: async (world) => world.send(change(await requestFor(id, world))),
  });
  const as = (caller: Caller, code: string): Scenario => ({
    what: `from ${caller}`,
    code,
    run: async (world) => world.send(await requestFor(id, world), caller),
  });
  const query = (added: string): Change => {
    return (request) => ({ ...request, path: `${request.path}?${added}` });
  };
  const header = (name: string, value: string): Change => {
    return (request) => ({ ...request, headers: { ...request.headers, [name]: value } });
  };
  const hasBody = operation.bodyTypes.length > 0;
  const isList = /^get(Clusters|NodePools|NodePoolsByClusterId|Resources)$|Statuses(ById)?$/.test(
    id,
  );

  const table: Record<string, Scenario[]> = {
    ...successes(operation, changed),
    400: [changed('an unknown parameter', 'VAL-000', query('unknown=1'))],
    default: [
      changed('a method the path does not have', 'MTH-001', (request) => ({
        path: request.path,
        method: 'options',
      })),
    ],
  };
  if (!operation.open) {
    table[401] = [as('nobody', 'AUT-001'), as('forged', 'AUT-002'), as('expired', 'AUT-003')];
    table[403] = [as('stranger', 'AUZ-001')];
    table[503] = [
      {
        what: 'the database is gone',
        code: 'SVC-001',
        run: async (world) => world.sendToBroken(await requestFor(id, world)),
      },
    ];
  }
  if (hasBody) {
    table[400]!.push(
      changed('half a body', 'VAL-006', (request) => ({ ...request, body: '{"name":' })),
      changed('no body', 'VAL-006', (request) => ({ ...request, body: undefined })),
      changed('an empty object', 'VAL-000', (request) => ({ ...request, body: {} })),
    );
    table[413] = [
      changed('a body that is too large', 'LRG-001', (request) => ({
        ...request,
        body: { ...(request.body as object), padding: 'x'.repeat(MAX_BODY_BYTES) },
      })),
    ];
    table[415] = [
      changed('plain text', 'MED-001', header('Content-Type', 'text/plain')),
      changed('a compressed body', 'MED-001', header('Content-Encoding', 'gzip')),
    ];
  }
  if (isList && operation.method === 'GET') {
    table[400]!.push(
      changed('a bad search', 'VAL-005', query("search=name='")),
      changed('a bad order', 'VAL-005', query('orderBy=shoe_size')),
      changed('a page before the first', 'VAL-000', query('page=0')),
    );
  }
  const unknown = unknownResource(operation);
  if (unknown) table[404] = unknown;
  if (/^(patch|delete)/.test(id)) {
    table[412] = [changed('another version', 'PRE-001', header('If-Match', '"0"'))];
  }
  if (id in CONFLICTS) table[409] = CONFLICTS[id]!;
  return table;
}

/** What an operation is there for, in every media type that it takes or gives. */
function successes(
  { id, method, open }: Operation,
  changed: (what: string, code: undefined, change: Change) => Scenario,
): Record<string, Scenario[]> {
  const plain = changed('as it should be', undefined, (request) => request);
  if (open) {
    const anonymous: Scenario = {
      what: 'without a token',
      run: async (world) => world.send(await requestFor(id, world), 'nobody'),
    };
    const yaml = changed('as YAML', undefined, (request) => ({
      ...request,
      headers: { Accept: 'application/yaml' },
    }));
    return { 200: /^getOpenapi(Alias)?$/.test(id) ? [anonymous, yaml] : [anonymous] };
  }
  if (/^(post|put).*Statuses(ById)?$/.test(id)) {
    return { 201: [plain], 204: DISCARDED.map((stale) => staleReport(id, stale)) };
  }
  if (id.startsWith('force')) return { 204: [plain] };
  if (id.startsWith('delete')) return { 202: [plain] };
  if (method === 'POST') return { 201: [plain] };
  if (method === 'PATCH') {
    const merged = changed('as a merge patch', undefined, (request) => ({
      ...request,
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: { labels: { env: null, tier: 'gold' }, spec: { nodes: 4 } },
    }));
    return { 200: [plain, merged] };
  }
  if (!/^get(ClusterById|NodePool|NodePoolById|ResourceById)$/.test(id)) return { 200: [plain] };
  const unchanged: Scenario = {
    what: 'nothing has changed since',
    run: async (world) => {
      const request = await requestFor(id, world);
      const { headers } = await world.send(request);
      return world.send({ ...request, headers: { 'If-None-Match': headers.etag! } });
    },
  };
  const cut = changed('some fields', undefined, (request) => ({
    ...request,
    path: `${request.path}?fields=name,kind,spec,labels,generation,status,owner_references,created_time,created_by,updated_time,updated_by`,
  }));
  return { 200: [plain, cut], 304: [unchanged] };
}

const DISCARDED = [
  { reason: 'stale_time', report: { observed_time: '2020-01-01T00:00:00Z' } },
  {
    reason: 'available_unknown',
    report: { conditions: [{ type: 'Available', status: 'Unknown' }] },
  },
];

function staleReport(id: string, { reason, report }: (typeof DISCARDED)[number]): Scenario {
  return {
    what: `a report to discard: ${reason}`,
    run: async (world) => {
      const request = await requestFor(id, world);
      await world.made(request);
      const response = await world.send({
        ...request,
        body: { ...(request.body as object), observed_time: new Date().toISOString(), ...report },
      });
      expect(response.headers['hyperfleet-report-discarded']).toBe(reason);
      return response;
    },
  };
}

const NOBODY = '201kf0hj0808sjpk9ga01xy0xj2';

/** The same request about something that does not exist. */
function unknownResource({ id, path }: Operation): Scenario[] | undefined {
  const about = (what: string, change: (path: string, world: World) => Promise<string>) => ({
    what,
    code: 'NTF-001',
    run: async (world: World) => {
      const request = await requestFor(id, world);
      return world.send({ ...request, path: await change(request.path, world) });
    },
  });
  const replaced = (collection: string) =>
    about(`an unknown id below ${collection}`, (given) =>
      Promise.resolve(
        given.replace(new RegExp(`/${collection}/[^/]+`), `/${collection}/${NOBODY}`),
      ),
    );
  const scenarios: Scenario[] = [];
  if (path.includes('{cluster_id}')) scenarios.push(replaced('clusters'));
  if (path.includes('{resource_id}')) scenarios.push(replaced('resources'));
  if (path.includes('{nodepool_id}')) scenarios.push(replaced('nodepools'));
  if (path.includes('{cluster_id}') && path.includes('{nodepool_id}')) {
    scenarios.push(
      about('a node pool of another cluster', async (given, world) =>
        given.replace(/^.*(?=\/nodepools)/, await makeCluster(world)),
      ),
    );
  }
  if (path.includes('{id}')) scenarios.push(replaced('errors'));
  return scenarios.length > 0 ? scenarios : undefined;
}
