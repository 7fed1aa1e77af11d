import type { Verb } from '../../src/contract/document';
import type { Kind } from '../../src/kinds/kind';
import {
  changed,
  listsResources,
  make,
  makeReferences,
  pathOf,
  requestTo,
  type Tried,
  withQuery,
} from './requests';
import type { Scenario } from './world';

/** What an operation is there for, in every media type that it takes or gives, with resources of every kind it takes. */
export function successes(tried: Tried, others: readonly Kind[]): Record<string, Scenario[]> {
  const { open, verb } = tried.operation;
  if (open) return { 200: openOnes(tried) };
  const ofEachKind = [tried.kind, ...others].map((kind) => plain({ ...tried, kind }));
  const more = verb === undefined ? { 200: ofOneKind(tried) } : MORE[verb]?.(tried);
  const status = STATUS[verb ?? 'list'];
  const streams = listsResources(tried.operation) ? [watched(tried)] : [];
  return { ...more, [status]: [...ofEachKind, ...(more?.[status] ?? []), ...streams] };
}

const STATUS: Record<Verb, number> = {
  ...{ list: 200, create: 201, read: 200, patch: 200, delete: 202 },
  ...{ 'force-delete': 204, 'list-statuses': 200, report: 201 },
};

function plain(tried: Tried): Scenario {
  return changed(tried, `as it should be, with a ${tried.kind.name}`, (request) => request);
}

function openOnes(tried: Tried): Scenario[] {
  const anonymous: Scenario = {
    what: 'without a token',
    run: async (world) => world.send(await requestTo(tried, world), 'nobody'),
  };
  const yaml = changed(tried, 'as YAML', (request) => ({
    ...request,
    headers: { Accept: 'application/yaml' },
  }));
  return 'application/yaml' in tried.operation.responses[200]!.content
    ? [anonymous, yaml]
    : [anonymous];
}

/** A stream, as far as the first state of the list. */
function watched(tried: Tried): Scenario {
  return {
    what: 'as a stream',
    run: async (world) => {
      const { path } = await requestTo(tried, world);
      const response = await world.watch({ path: `${path}?watch=true` });
      expect(response.text).toMatch(/^event: updated\ndata: \{.*"kind":"\w+".*\}\n\n/m);
      expect(response.text).toMatch(/^data: \{"cursor":"[A-Za-z0-9._~:,-]+"\}\n\n$/m);
      return response;
    },
  };
}

function ofOneKind(tried: Tried): Scenario[] {
  return [changed(tried, 'of one kind', withQuery(`kind=${tried.kind.name}`))];
}

/** Beside the plain request. */
const MORE: Partial<Record<Verb, (tried: Tried) => Record<number, Scenario[]>>> = {
  list: (tried) => ({ 200: tried.kind.references.length === 0 ? [] : [referring(tried)] }),
  read: (tried) => ({ 200: [someFields(tried)], 304: [unchanged(tried)] }),
  patch: (tried) => ({
    200: [merged(tried), ...(tried.kind.references.length === 0 ? [] : rewired(tried))],
  }),
  report: (tried) => ({ 204: DISCARDED.map((stale) => staleReport(tried, stale)) }),
};

function referring(tried: Tried): Scenario {
  return {
    what: 'of those that refer to something',
    run: async (world) => {
      const references = await makeReferences(world, tried);
      const made = await make(world, tried, { references });
      const [[type, [target]]] = Object.entries(references!) as [[string, [{ id: string }]]];
      const query = `ref_type=${type}&ref_target_id=${target.id}`;
      const response = await world.send({ path: `${pathOf(tried, made)}?${query}` });
      expect(response.body.items).toMatchObject([{ id: made.id }]);
      return response;
    },
  };
}

function someFields(tried: Tried): Scenario {
  const names = [
    ...['name', 'kind', 'spec', 'labels', 'generation', 'status', 'owner_references'],
    ...['created_time', 'created_by', 'updated_time', 'updated_by'],
  ];
  return changed(tried, 'some fields', withQuery(`fields=${names.join(',')}`));
}

function unchanged(tried: Tried): Scenario {
  return {
    what: 'nothing has changed since',
    run: async (world) => {
      const request = await requestTo(tried, world);
      const { headers } = await world.send(request);
      return world.send({ ...request, headers: { 'If-None-Match': headers.etag! } });
    },
  };
}

const MERGE_PATCH = { 'Content-Type': 'application/merge-patch+json' };

function merged(tried: Tried): Scenario {
  return changed(tried, 'as a merge patch', (request) => ({
    ...request,
    headers: MERGE_PATCH,
    body: { labels: { env: null, tier: 'gold' }, spec: { nodes: 4 } },
  }));
}

/** Other references, as a whole and merged. */
function rewired(tried: Tried): Scenario[] {
  return [{}, MERGE_PATCH].map((headers) => ({
    what: `other references: ${JSON.stringify(headers)}`,
    run: async (world) => {
      const request = await requestTo(tried, world);
      const references = await makeReferences(world, tried);
      const response = await world.send({ ...request, headers, body: { references } });
      expect(response.body.references).toMatchObject(references!);
      return response;
    },
  }));
}

const DISCARDED = [
  { reason: 'stale_time', report: { observed_time: '2020-01-01T00:00:00Z' } },
  {
    reason: 'available_unknown',
    report: { conditions: [{ type: 'Available', status: 'Unknown' }] },
  },
];

function staleReport(tried: Tried, { reason, report }: (typeof DISCARDED)[number]): Scenario {
  return {
    what: `a report to discard: ${reason}`,
    run: async (world) => {
      const request = await requestTo(tried, world);
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
