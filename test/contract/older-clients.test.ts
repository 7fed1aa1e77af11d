import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { newCluster, newNodePool, newReport } from '../support/factories';
import { type Document, listOperations, schemaCompiler } from './json-schema';
import { BUILT_IN, DECLARED } from './contracts';
import { B } from './requests';
import { type ContractRequest, startWorld, type World } from './world';

/*
 * Clients that were generated from contract 1.0.1 keep decoding: what the service responds to each of its operations,
 * with resources in every state they can have, is held against its response schemas.
 */

const older = parse(
  readFileSync(join(__dirname, '..', 'vectors', 'openapi-1.0.1.yaml'), 'utf8'),
) as Document;
const checkerOf = schemaCompiler(older);
const operations = listOperations(older);
const exampleOf = (schema: string) => older.components.schemas[schema]!.example as object;

interface Fleet {
  clusters: string[];
  nodePools: string[];
}

describe.each([
  ['the built-in kinds', BUILT_IN],
  ['five declared kinds', DECLARED],
])('a service of %s', (_, contract) => {
  let world: World;
  let fleet: Fleet;
  beforeAll(async () => {
    world = await startWorld(contract);
    fleet = await makeFleet();
  });
  afterAll(() => world.stop());

  /** A cluster, or a node pool, in each state; the required adapters are validation and, for clusters, dns. */
  async function makeFleet(): Promise<Fleet> {
    const report = (path: string, ...reports: ReturnType<typeof newReport>[]) =>
      Promise.all(
        reports.map((body) => world.made({ method: 'post', path: `${path}/statuses`, body })),
      );
    const lives: ((path: string) => Promise<unknown>)[] = [
      () => Promise.resolve(),
      (path) => report(path, newReport('validation', 1, { Available: 'Unknown' })),
      (path) => report(path, newReport('validation'), newReport('dns'), newReport('extra')),
      (path) => report(path, newReport('validation', 1, { Available: 'False', Health: 'False' })),
      async (path) => {
        await report(path, newReport('validation'), newReport('dns'));
        await world.made({ method: 'patch', path, body: { spec: { nodes: 9 }, labels: {} } });
      },
      async (path) => {
        await report(path, { ...newReport('validation'), metadata: { job_name: 'j', attempt: 2 } });
        await world.made({ method: 'delete', path });
      },
    ];
    const made: Fleet = { clusters: [], nodePools: [] };
    for (const live of lives) {
      const cluster = (await world.send(
        { method: 'post', path: `${B}/clusters`, body: newCluster() },
        'robot',
      )) as { body: { href: string } };
      const path = cluster.body.href;
      const { id } = await world.made({
        method: 'post',
        path: `${path}/nodepools`,
        body: newNodePool(),
      });
      await live(`${path}/nodepools/${id as string}`);
      await live(path);
      made.clusters.push(path);
      made.nodePools.push(`${path}/nodepools/${id as string}`);
    }
    return made;
  }

  type Requests = (fleet: Fleet) => ContractRequest[] | Promise<ContractRequest[]>;

  const lists = (path: string): ContractRequest[] => [
    { path },
    { path: `${path}?page=2&pageSize=2&orderBy=name&order=desc` },
    { path: `${path}?page=9` },
    { path: `${path}?search=labels.env='production'` },
  ];
  const statuses = (paths: string[]): ContractRequest[] =>
    paths.map((path) => ({ path: `${path}/statuses?page=1&pageSize=20` }));
  const reports = ([path]: string[]): ContractRequest[] =>
    [
      exampleOf('AdapterStatusCreateRequest'),
      newReport('fresh', 1, { Available: 'Unknown', Applied: 'False' }),
    ].map((body) => ({ method: 'post', path: `${path}/statuses`, body }));

  const REQUESTS: Record<string, Requests> = {
    getClusters: () => lists(`${B}/clusters`),
    postCluster: () => [
      { method: 'post', path: `${B}/clusters`, body: exampleOf('ClusterCreateRequest') },
      { method: 'post', path: `${B}/clusters`, body: { kind: 'Cluster', name: 'bare', spec: {} } },
    ],
    getClusterById: ({ clusters }) => clusters.map((path) => ({ path })),
    getNodePoolsByClusterId: ({ clusters }) =>
      clusters.flatMap((path) => lists(`${path}/nodepools`)),
    createNodePool: ({ clusters: [path] }) => [
      { method: 'post', path: `${path}/nodepools`, body: exampleOf('NodePoolCreateRequest') },
      { method: 'post', path: `${path}/nodepools`, body: newNodePool({ labels: undefined }) },
    ],
    getNodePoolById: ({ nodePools }) => nodePools.map((path) => ({ path })),
    postNodePoolStatuses: ({ nodePools }) => reports(nodePools),
    getNodePoolsStatuses: ({ nodePools }) => statuses(nodePools),
    postClusterStatuses: ({ clusters }) => reports(clusters),
    getClusterStatuses: ({ clusters }) => statuses(clusters),
    getNodePools: () => lists(`${B}/nodepools`),
  };

  test('all operations of contract 1.0.1 are asked', () => {
    expect(operations.map(({ id }) => id).sort()).toEqual(Object.keys(REQUESTS).sort());
  });

  describe.each(operations)('$id', ({ id, method, responses }) => {
    it('responds with what clients of contract 1.0.1 can decode', async () => {
      const requests = await REQUESTS[id]!(fleet);
      for (const request of requests) {
        const response = await world.send(request, 'robot');
        const schema = responses[response.status]?.content[response.type];
        if (response.status >= 300 || schema === undefined) {
          throw new Error(`${request.path}: ${response.status} ${response.type} ${response.text}`);
        }
        expect({ request, faults: checkerOf(schema)(response.body) }).toEqual({
          request,
          faults: [],
        });
      }
      expect(requests.length).toBeGreaterThan(1);
    });

    it('responds with errors that clients of contract 1.0.1 can decode', async () => {
      const [request] = await REQUESTS[id]!(fleet);
      const errors = [
        await world.send({ ...request!, path: `${request!.path.split('?')[0]}?bad=1` }),
        await world.send({ ...request!, path: request!.path.split('?')[0]!, method: 'options' }),
        await world.send(request!, 'nobody'),
        ...(method === 'POST' ? [await world.send({ ...request!, body: {} })] : []),
      ];
      expect(errors.map(({ status }) => status)).toEqual(
        method === 'POST' ? [400, 405, 401, 400] : [400, 405, 401],
      );
      const checkError = checkerOf({ $ref: '#/components/schemas/Error' });
      for (const { body, type } of errors) {
        expect(type).toBe('application/problem+json');
        expect(checkError(body)).toEqual([]);
        const { id: code, kind, href, reason, operation_id } = body as Record<string, string>;
        expect({ kind, href, code: body.code }).toEqual({
          kind: 'Error',
          href: `${B}/errors/${code}`,
          code: `HYPERFLEET-${code}`,
        });
        expect(
          [reason, operation_id].every((text) => typeof text === 'string' && text !== ''),
        ).toBe(true);
      }
    });
  });

  test('the fleet had every phase, marked resources and reporters that are not required', async () => {
    const { body } = await world.send({ path: `${B}/clusters?pageSize=100` });
    const items = body.items as { status: { phase: string } }[];
    const phases = new Set(items.map(({ status }) => status.phase));
    expect([...phases].sort()).toEqual(['Failed', 'NotReady', 'Ready']);
    expect(items.some((item) => 'deleted_time' in item)).toBe(true);
    expect(JSON.stringify(items)).toContain('ExtraSuccessful');
    expect(JSON.stringify(items)).toContain(
      '"created_by":"system_serviceaccount_hyperfleet_sentinel@users.hyperfleet.local"',
    );
  });

  test('a node pool nobody has reported about has observed_generation 1, as contract 1.0.1 demands', async () => {
    const { body } = await world.send({ path: fleet.nodePools[0]! });
    expect(body.status.observed_generation).toBe(1);
    expect(body.status.conditions[0].observed_generation).toBe(0);
    const check = checkerOf({ $ref: '#/components/schemas/NodePool' });
    const status = { ...body.status, observed_generation: 0 };
    expect(check({ ...body, status })).toEqual([expect.stringContaining('must be >= 1')]);
    expect(check({ ...body, created_by: 'nobody' })).toEqual([expect.stringContaining('email')]);
  });
});
