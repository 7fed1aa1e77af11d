import {
  API,
  CLUSTER,
  CLUSTER_ID,
  CLUSTERS,
  type HostileRequest,
  POOL_ID,
  table,
} from './hostile-request';

const NO_ROUTE = { status: 404, code: 'NTF-000' };
const NO_RESOURCE = { status: 404, code: 'NTF-001' };
const BAD_ENCODING = { status: 400, code: 'VAL-006' };
const NO_METHOD = { status: 405, code: 'MTH-001' };

const unknownRoutes = table(
  [
    ['an upper-case segment', `${API}/Clusters`],
    ['an upper-case prefix', '/API/hyperfleet/v1/clusters'],
    ['two slashes at the start', `/${CLUSTERS}`],
    ['two slashes in the middle', '/api//hyperfleet/v1/clusters'],
    ['two slashes at the end', `${CLUSTERS}//`],
    ['a slash without an id', `${CLUSTERS}//statuses`],
    ['a dot segment', `${API}/./clusters`],
    ['a dot-dot segment', `${API}/errors/../clusters`],
    ['an encoded letter of a segment', `${API}/%63lusters`],
    ['an encoded slash between segments', `${CLUSTERS}%2f2abc`],
    ['an encoded action', `${CLUSTER}/force%2Ddelete`],
    ['an upper-case action', `${CLUSTER}/Force-Delete`],
    ['a parameter behind a segment', `${CLUSTERS};v=1`],
    ['a file extension', `${CLUSTERS}.json`],
    ['backslashes', '/api\\hyperfleet\\v1\\clusters'],
    ['a full-width letter', `${API}/%EF%BD%83lusters`],
    ['a NUL behind the route', `${CLUSTERS}%00`],
    ['the name of a prototype', '/__proto__'],
    ['a property of every object', '/constructor/prototype'],
    ['another version', '/api/hyperfleet/v2/clusters'],
    ['the root', '/'],
    ['a file above the pages', '/openapi-ui/../package.json'],
    ['an encoded file above the pages', '/openapi-ui/..%2f..%2fpackage.json'],
    ['a file that the pages do not have', '/openapi-ui/index.html'],
    ['the metrics, which have a port of their own', '/metrics'],
    ['the health, which has a port of its own', '/healthz'],
    ['something that is often there', '/.env'],
  ] as const,
  (_, path) => ({ path, ...NO_ROUTE }),
);

const unknownResources = table(
  [
    ['dots', `${CLUSTERS}/%2e%2e`],
    ['an encoded way up', `${CLUSTERS}/..%2f..%2f..%2fopenapi`],
    ['an encoded way to a file', `${API}/errors/..%2f..%2f..%2fetc%2fpasswd`],
    ['a NUL', `${CLUSTERS}/%00`],
    ['a NUL behind a real id', `${CLUSTER}%00`],
    ['a blank behind a real id', `${CLUSTER}%20`],
    ['a parameter behind a real id', `${CLUSTER};v=1`],
    ['a quote and SQL', `${CLUSTERS}/'%20OR%201=1--`],
    ['8000 characters', `${CLUSTERS}/${'a'.repeat(8000)}`],
    ['the name of a prototype', `${CLUSTERS}/__proto__`],
    ['the name of a prototype among the errors', `${API}/errors/__proto__`],
    ['a property of every object among the errors', `${API}/errors/constructor`],
    ['an id of another kind', `${API}/nodepools/${CLUSTER_ID}`],
    ['a node pool of an unknown cluster', `${CLUSTERS}/2x/nodepools/${POOL_ID}`],
    ['an emoji', `${CLUSTERS}/%F0%9F%92%A5`],
    ['a line feed', `${CLUSTERS}/a%0d%0aSet-Cookie:x=1`],
  ] as const,
  (_, path) => ({ path, ...NO_RESOURCE }),
  (what) => `an id that is ${what}`,
);

const badEncodings = table(
  [
    ['bytes that are not UTF-8', '%ff'],
    ['half a character', '%f0%9f'],
    ['an overlong slash', '%c0%af'],
    ['half a surrogate pair', '%ed%a0%80'],
    ['no digits', '%zz'],
    ['nothing behind the percent sign', '%'],
    ['an escape of another language', '%u0041'],
  ] as const,
  (_, id) => ({ path: `${CLUSTERS}/${id}`, ...BAD_ENCODING }),
  (what) => `an id encoded with ${what}`,
);

const methods = table(
  [
    ['PUT', CLUSTERS],
    ['DELETE', CLUSTERS],
    ['PATCH', CLUSTERS],
    ['OPTIONS', CLUSTERS],
    ['TRACE', CLUSTERS],
    ['PROPFIND', CLUSTERS],
    ['M-SEARCH', CLUSTERS],
    ['QUERY', CLUSTERS],
    ['POST', CLUSTER],
    ['PUT', CLUSTER],
    ['DELETE', `${API}/compatibility`],
    ['GET', `${CLUSTER}/force-delete`],
    ['HEAD', `${CLUSTER}/force-delete`],
    ['PATCH', `${CLUSTER}/statuses`],
    ['POST', `${API}/nodepools`],
    ['PUT', `${API}/nodepools/:any`],
    ['POST', '/openapi'],
    ['POST', '/openapi-ui'],
  ] as const,
  (method, path) => ({ method, path, ...NO_METHOD }),
  (method, path) => `${method} ${path}`,
);

export const PATHS: HostileRequest[] = [
  ...unknownRoutes,
  ...unknownResources,
  ...badEncodings,
  ...methods,
  {
    what: 'a method in a header',
    path: CLUSTER,
    status: 200,
    headers: { 'X-HTTP-Method-Override': 'DELETE' },
  },
  {
    what: 'a method in the query',
    path: `${CLUSTER}?_method=DELETE`,
    status: 400,
    code: 'VAL-000',
    fields: ['_method'],
  },
  {
    what: 'a path in a header',
    path: CLUSTER,
    status: 200,
    headers: { 'X-Original-URL': '/metrics', 'X-Rewrite-URL': '/metrics' },
  },
  {
    what: 'a URL of 17 KB',
    path: `${CLUSTERS}?search=${'x'.repeat(17_000)}`,
    status: 414,
    code: 'LRG-001',
  },
];
