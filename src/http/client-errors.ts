import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../telemetry/log';
import { ProblemError, problemBody } from '../problems/problem';

type ClientError = NodeJS.ErrnoException;

/**
 * Answers what Node refuses before, or instead of, handing it to the app: requests that are not HTTP, take
 * too long, or have headers without end. Otherwise it answers by itself, in no form that clients know.
 */
export function answerClientErrors(server: Server, log: Logger): void {
  const answering = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
    answering.set(req.socket, res);
  });
  server.on('clientError', (error: ClientError, socket: Duplex) => {
    const problem = problemOf(error);
    if (problem === undefined || !socket.writable) {
      socket.destroy();
      return;
    }
    const res = answering.get(socket);
    const unfinished = res !== undefined && !res.writableEnded;
    if (unfinished && res.headersSent) {
      // Half an answer is on its way: more bytes would be taken for the rest of it.
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
  // Whatever a client expects, it reads the answer.
  server.on('checkExpectation', (req: IncomingMessage, res: ServerResponse) => {
    server.emit('request', req, res);
  });
  server.on('connect', (_req: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined);
    const problem = new ProblemError('VAL-006', 'This server is no proxy: CONNECT is not served.');
    writeRaw(socket, problem, randomUUID());
  });
}

/** Undefined: there is nobody left to read an answer. */
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
