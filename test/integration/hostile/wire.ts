import { CLUSTER, CLUSTERS } from './hostile-request';

/** Bytes that a client library would not send, and the responses that must come: `status code`, in their order. */
interface HostileBytes {
  what: string;
  bytes: string;
  responses: string[];
}

const BODY = '{"name":"smuggled","spec":{}}';
const JSON_HEADERS = 'Host: x\r\nContent-Type: application/json\r\n';
const REFUSED = ['400 VAL-006'];

function head(line: string, ...headers: string[]): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n`;
}

const GET = `GET ${CLUSTER} HTTP/1.1`;
const POST = `POST ${CLUSTERS} HTTP/1.1`;
const CLOSE = 'Connection: close';
const SMUGGLED = `DELETE ${CLUSTER} HTTP/1.1\r\nHost: x\r\n\r\n`;

function length(text: string): string {
  // A real path has an id of 27 characters.
  const bytes = Buffer.byteLength(text.replace(CLUSTER, `${CLUSTERS}/${'x'.repeat(27)}`));
  return `Content-Length: ${bytes}`;
}

function refused(rows: readonly (readonly [what: string, bytes: string])[]): HostileBytes[] {
  return rows.map(([what, bytes]) => ({ what, bytes, responses: REFUSED }));
}

const smuggling = refused([
  [
    'both a length and chunks',
    `${POST}\r\n${JSON_HEADERS}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  [
    'chunks and then a length',
    `${POST}\r\n${JSON_HEADERS}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${SMUGGLED}`,
  ],
  ['two lengths', head(POST, 'Host: x', 'Content-Length: 2', 'Content-Length: 3') + BODY],
  ['a list of lengths', head(POST, 'Host: x', 'Content-Length: 2, 2') + BODY],
  ['a length with a sign', head(POST, 'Host: x', 'Content-Length: +2') + BODY],
  ['a negative length', head(POST, 'Host: x', 'Content-Length: -2') + BODY],
  ['a length that is a word', head(POST, 'Host: x', 'Content-Length: many') + BODY],
  ['a length in hexadecimal', head(POST, 'Host: x', 'Content-Length: 0x2') + BODY],
  ['a length beyond all numbers', head(POST, 'Host: x', `Content-Length: ${'9'.repeat(30)}`)],
  [
    'an unknown transfer encoding',
    `${POST}\r\n${JSON_HEADERS}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'chunks that are not last',
    `${POST}\r\n${JSON_HEADERS}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  ],
  [
    'a chunk size that is none',
    `${POST}\r\n${JSON_HEADERS}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
  ],
  [
    'a chunk size beyond all numbers',
    `${POST}\r\n${JSON_HEADERS}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\n{}\r\n0\r\n\r\n`,
  ],
  [
    'a chunk longer than it says',
    `${POST}\r\n${JSON_HEADERS}Transfer-Encoding: chunked\r\n\r\n1\r\n{}}}}\r\n0\r\n\r\n`,
  ],
  ['a folded header', `${GET}\r\nHost: x\r\nX-A: 1\r\n folded\r\n${CLOSE}\r\n\r\n`],
  ['a blank before the colon', `${GET}\r\nHost : x\r\n\r\n`],
  ['a header without a colon', `${GET}\r\nHost: x\r\nno colon\r\n\r\n`],
  ['a header without a name', `${GET}\r\nHost: x\r\n: x\r\n\r\n`],
  ['a NUL in a header', `${GET}\r\nHost: x\r\nX-A: a\0b\r\n\r\n`],
  ['a bare carriage return in a header', `${GET}\r\nHost: x\r\nX-A: a\rX-B: b\r\n\r\n`],
  ['a control character in a request id', `${GET}\r\nHost: x\r\nX-Request-Id: a\x01b\r\n\r\n`],
]);

const requestLines = refused([
  ['a query in Latin-1', head(`GET ${CLUSTERS}?search=name='\xe9' HTTP/1.1`, 'Host: x', CLOSE)],
  [
    'a query in UTF-8 that is not encoded',
    head(`GET ${CLUSTERS}?search=name='\xc3\xa9' HTTP/1.1`, 'Host: x', CLOSE),
  ],
  ['no Host', head(GET, CLOSE)],
  ['an unknown method', head(`HACK ${CLUSTER} HTTP/1.1`, 'Host: x')],
  ['a method in lower case', head(`get ${CLUSTER} HTTP/1.1`, 'Host: x')],
  ['a tunnel', head('CONNECT evil.example:443 HTTP/1.1', 'Host: evil.example:443')],
  ['no path', 'GET\r\n\r\n'],
  ['a relative path', head('GET api/hyperfleet HTTP/1.1', 'Host: x')],
  ['two paths', head(`GET ${CLUSTER} /x HTTP/1.1`, 'Host: x')],
  ['a path with a tab', head(`GET ${CLUSTER}\tx HTTP/1.1`, 'Host: x')],
  ['another protocol', head(`GET ${CLUSTER} SPDY/3`, 'Host: x')],
  ['HTTP/2 without a word', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/9', head(`GET ${CLUSTER} HTTP/9.9`, 'Host: x')],
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['nothing but noise', `${'\x80\xff'.repeat(100)}\r\n\r\n`],
  ['a mail', 'EHLO evil.example\r\n'],
]);

export const WIRE: HostileBytes[] = [
  ...smuggling,
  ...requestLines,
  {
    what: 'a request inside the body of another',
    bytes: head(GET, 'Host: x', CLOSE, length(SMUGGLED)) + SMUGGLED,
    responses: ['200'],
  },
  {
    what: 'a request inside the body of one that is refused',
    bytes: head(`POST /nowhere HTTP/1.1`, 'Host: x', length(SMUGGLED), CLOSE) + SMUGGLED,
    responses: ['404 NTF-000'],
  },
  {
    what: 'another server in the request line',
    bytes: head(`GET http://evil.example${CLUSTER} HTTP/1.1`, 'Host: x', CLOSE),
    responses: ['200'],
  },
  {
    what: 'another server and a dot-dot segment in the request line',
    bytes: head(`GET http://evil.example/x/..${CLUSTER} HTTP/1.1`, 'Host: x', CLOSE),
    responses: ['404 NTF-000'],
  },
  {
    what: 'the server itself',
    bytes: head('OPTIONS * HTTP/1.1', 'Host: x', CLOSE),
    responses: ['404 NTF-000'],
  },
  { what: 'two Hosts', bytes: head(GET, 'Host: x', 'Host: y', CLOSE), responses: REFUSED },
  {
    what: 'an expectation that nobody meets',
    bytes: head(GET, 'Host: x', 'Expect: the-unexpected', CLOSE),
    responses: ['200'],
  },
  {
    what: 'an upgrade',
    bytes: head(
      GET,
      'Host: x',
      'Connection: Upgrade, close',
      'Upgrade: websocket',
      'Sec-WebSocket-Key: x',
    ),
    responses: ['200'],
  },
  {
    what: 'two requests at once',
    bytes: head(GET, 'Host: x') + head(`GET /nowhere HTTP/1.1`, 'Host: x', CLOSE),
    responses: ['200', '404 NTF-000'],
  },
  {
    what: 'a body that announces 1 PB',
    bytes: head(
      POST,
      'Host: x',
      'Content-Type: application/json',
      'Content-Length: 1000000000000000',
    ),
    responses: ['413 LRG-001'],
  },
  {
    what: 'headers of 70 KB',
    bytes: head(
      GET,
      'Host: x',
      ...Array.from({ length: 70 }, (_, n) => `X-${n}: ${'x'.repeat(1000)}`),
    ),
    responses: ['431 LRG-001'],
  },
  {
    what: 'a URL of 70 KB',
    bytes: head(`GET ${CLUSTERS}?search=${'x'.repeat(70_000)} HTTP/1.1`, 'Host: x'),
    responses: ['431 LRG-001'],
  },
  {
    what: 'a header without end',
    bytes: `${GET}\r\nHost: x\r\nX-A: ${'x'.repeat(100_000)}`,
    responses: ['431 LRG-001'],
  },
  {
    what: 'chunk extensions without end',
    bytes: `${POST}\r\n${JSON_HEADERS}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(30_000)}\r\n{}\r\n0\r\n\r\n`,
    responses: ['413 LRG-001'],
  },
  {
    what: 'two content types',
    bytes:
      head(
        POST,
        'Host: x',
        'Content-Type: application/json',
        'Content-Type: text/plain',
        length(BODY),
        CLOSE,
      ) + BODY,
    responses: ['400 VAL-006'],
  },
];
