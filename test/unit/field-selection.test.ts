import type { Operation } from '../../src/contract/document';
import { Unwritten, WrittenResources } from '../../src/contract/written';
import { itemPieces, selectionOf } from '../../src/http/write-json';

const LIST = { fields: ['id', 'name', 'spec', 'labels', 'status'] } as unknown as Operation;
const NONE = new WrittenResources(0);

function cut(resource: object, fields: string): unknown {
  const pieces = itemPieces(new Unwritten('x', 1, resource, true), selectionOf(fields, LIST), NONE);
  return JSON.parse(pieces.join(''));
}

const RESOURCE = {
  id: '2x',
  name: 'alpha',
  spec: { a: { b: 1, c: { d: 2 } }, list: [{ a: 1 }], nothing: null, text: 'x' },
  labels: { 'example.com/team': 'x', env: 'prod' },
};

test.each<[string, object]>([
  ['name', { name: 'alpha' }],
  ['spec.a.b', { spec: { a: { b: 1 } } }],
  ['spec.a.b,spec.a.c.d', { spec: { a: { b: 1, c: { d: 2 } } } }],
  ['spec.a.c,spec.a.c.d', { spec: { a: { c: { d: 2 } } } }],
  ['spec.a.c.d,spec.a.c', { spec: { a: { c: { d: 2 } } } }],
  ['spec.a.c.x,spec.a', { spec: { a: { b: 1, c: { d: 2 } } } }],
  ['spec.list.a', { spec: { list: [{ a: 1 }] } }],
  ['spec.text.length,spec.nothing.at.all,spec.b', { spec: {} }],
  ['spec.nothing', { spec: { nothing: null } }],
  ['spec.toString,spec.constructor.name', { spec: {} }],
  ['labels.example.com/team', { labels: { 'example.com/team': 'x' } }],
])('%s', (fields, expected) => {
  expect(cut(RESOURCE, fields)).toEqual({ id: '2x', ...expected });
});

test('many fields of large specs take as long as the fields are many', () => {
  const names = Array.from({ length: 26_000 }, (_, n) => String(n));
  const spec = Object.fromEntries(names.map((name) => [name, 1]));
  const fields = names.slice(0, 3000).map((name) => `spec.${name}`);
  const start = process.cpuUsage();
  for (let item = 0; item < 20; item++) cut({ id: '2x', spec }, fields.join());
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(2000);
});

test('a path as long as a URL selects nothing, and does no harm', () => {
  expect(cut(RESOURCE, `spec${'.a'.repeat(8000)}`)).toEqual({ id: '2x', spec: { a: {} } });
});
