import { BUILT_IN } from './contracts';
import { listOperations } from './json-schema';
import { documentedResponses, problemFinder, walk } from './walk';
import type { Described } from './world';

walk(BUILT_IN);

describe('the walk itself', () => {
  const operations = listOperations(BUILT_IN.document);
  const problemsWith = problemFinder(BUILT_IN.document);
  const cluster = operations.find(({ id }) => id === 'getClusterById')!;
  const found: Described = {
    status: 200,
    type: 'application/json',
    headers: { etag: '"1"', 'x-request-id': 'x' },
    text: '',
    body: BUILT_IN.document.components.schemas.Cluster!.example,
  };
  const fault = (response: Partial<Described>) =>
    problemsWith({ ...found, ...response }, { status: '200', what: '', run: jest.fn() }, cluster);

  it('accepts the response of the contract and nothing beside it', () => {
    expect(fault({})).toEqual([]);
    expect(fault({ status: 201 })[0]).toMatch(/status 201 instead of 200/);
    expect(fault({ type: 'text/html' })[0]).toMatch(/media type 'text\/html'/);
    expect(fault({ headers: { 'x-request-id': 'x' } })[0]).toMatch(/no header ETag/);
    const headers = { ...found.headers, location: '/' };
    expect(fault({ headers })[0]).toMatch(/Location is not documented/);
    const body = found.body as Record<string, unknown>;
    expect(fault({ body: { ...body, deleted_time: null } })[0]).toMatch(/deleted_time/);
    expect(fault({ body: { ...body, surprise: 1 } })[0]).toMatch(/additional properties.*surprise/);
    expect(fault({ body: { ...body, created_by: 'nobody' } })[0]).toMatch(/email/);
  });

  it('names what nobody has tried', () => {
    const responses = documentedResponses(operations);
    expect(responses).toContain('getClusterById 304');
    expect(responses).toContain('getOpenapi 200 application/yaml');
    expect(responses).toContain('getNodePoolsByClusterId 200 text/event-stream');
    expect(responses).toContain('deleteNodePoolById 412 application/problem+json');
  });
});
