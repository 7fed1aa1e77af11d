import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../telemetry/log';
import { ProblemError, problemBody } from '../problems/problem';

type ClientError = NodeJS.ErrnoException;

/**
 * Responds with a problem where Node refuses a request itself: one that is not HTTP, arrives too slowly, or
 * has too large headers. Node's own response has no body that clients know. What Node would do about the header
 * `Expect` is left to the app.
 */
export function respondToClientErrors(server: Server, log: Logger): void {
  const responses = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
    responses.set(req.socket, res);
  });
  server.on('clientError', (error: ClientError, socket: Duplex) => {
    const problem = problemOf(error);
    if (problem === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    const res = responses.get(socket);
    const unfinished = res !== undefined && !res.writableEnded;
    if (unfinished && res.headersSent) {
      // Part of a response has been sent: the client would take a second one for the rest of it.
      socket.destroy();
    } else if (unfinished) {
      const id = String(res.getHeader('X-Request-Id') ?? randomUUID());
      const path = (res.req.url ?? '/').split('?', 1)[0]!;
      const body = JSON.stringify(problemBody(problem, path, id));
      res.writeHead(problem.status, headersOf(body, id)).end(body, () => socket.destroy());
    } else {
      const id = randomUUID();
      log.info('request refused', {
        status: problem.status,
        code: problem.code,
        reason: error.code,
        trace_id: id,
      });
      writeRaw(socket, problem, id);
    }
  });
  // Serves requests with an unknown Expect header like any other; Node would respond 417. With `100-continue`, Node
  // would ask for the body of a request that may be refused without it.
  for (const event of ['checkExpectation', 'checkContinue']) {
    server.on(event, (req: IncomingMessage, res: ServerResponse) => {
      server.emit('request', req, res);
    });
  }
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined);
    const problem = new ProblemError(
      'VAL-006',
      'CONNECT is not supported: this server is not a proxy.',
    );
    writeRaw(socket, problem, randomUUID());
  });
}

/** Undefined when the connection is broken, so that no response would arrive. */
function problemOf({ code = '' }: ClientError): ProblemError | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ProblemError('TMO-001', 'The request did not arrive completely in time.');
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    const detail = 'The URL and the headers together are larger than the server accepts.';
    return new ProblemError('LRG-001', detail, { status: 431 });
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    return new ProblemError('LRG-001', 'The chunk extensions are larger than the server accepts.');
  }
  if (code.startsWith('HPE_')) {
    return new ProblemError('VAL-006', 'The request is not well-formed HTTP/1.1.');
  }
  return undefined;
}

function headersOf(body: string, id: string) {
  return {
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': id,
    Connection: 'close',
  };
}

function writeRaw(socket: Duplex, problem: ProblemError, id: string): void {
  const body = JSON.stringify(problemBody(problem, '/', id));
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `Date: ${new Date().toUTCString()}`,
    ...Object.entries(headersOf(body, id)).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
