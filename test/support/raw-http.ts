import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

/* For tests of what a client library would tidy up: paths as they are, odd headers, bytes. */

export interface RawRequest {
  method?: string;
  /** Sent exactly as it is: nothing is encoded. */
  path: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON, strings and bytes as they are. */
  body?: unknown;
}

export interface RawResponse {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The media type, without parameters; empty when there is none. */
  type: string;
  /** The text parsed as JSON; undefined when it is empty or not JSON. */
  body: ReturnType<JSON['parse']>;
}

const FIRST_SYNCED = /^event: synced\n(?:.+\n)*\n/m;

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Of an event stream it reads as far as the first `synced`, and hangs up. */
export function sendRaw(
  url: string,
  { method = 'GET', path, headers, body }: RawRequest,
): Promise<RawResponse> {
  const { hostname, port } = new URL(url);
  const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
  const payload = raw ? body : JSON.stringify(body);
  const chunked = headers !== undefined && 'Transfer-Encoding' in headers;
  const all = {
    ...(payload !== undefined && { 'Content-Type': 'application/json' }),
    ...(payload !== undefined &&
      !chunked && { 'Content-Length': String(Buffer.byteLength(payload)) }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ agent, hostname, port, method, path, headers: all }, (incoming) => {
      const chunks: Buffer[] = [];
      const received = () =>
        toResponse(incoming.statusCode!, incoming.headers, Buffer.concat(chunks));
      const streams = incoming.headers['content-type']?.startsWith('text/event-stream') === true;
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (!streams || !FIRST_SYNCED.test(received().text)) return;
        resolve(received());
        outgoing.destroy();
      });
      incoming.on('error', reject);
      incoming.on('end', () => resolve(received()));
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

function toResponse(status: number, headers: IncomingHttpHeaders, bytes: Buffer): RawResponse {
  const text = bytes.toString('utf8');
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!;
  const body: unknown = text !== '' && type.endsWith('json') ? JSON.parse(text) : undefined;
  return { status, headers, text, type, body };
}

const QUIET_MS = 5000;

/**
 * Sends bytes to a server as they are and reads until it closes the connection.
 * @returns all its responses, in their order
 */
export async function sendBytes(url: string, bytes: string | Buffer): Promise<RawResponse[]> {
  const { hostname, port } = new URL(url);
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(QUIET_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that refuses closes while we are still sending.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      ['ECONNRESET', 'EPIPE'].includes(error.code ?? '') ? resolve() : reject(error),
    );
    socket.on('close', () => resolve());
  });
  const responses: RawResponse[] = [];
  for (let rest = Buffer.concat(chunks); rest.length > 0;) {
    const { response, length } = readResponse(rest);
    responses.push(response);
    rest = rest.subarray(length);
  }
  return responses;
}

function readResponse(bytes: Buffer): { response: RawResponse; length: number } {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end - 4).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  ) as IncomingHttpHeaders;
  const status = Number(first.split(' ')[1]);
  if (status === 100) return readResponse(bytes.subarray(end));
  const length = end + Number(headers['content-length'] ?? bytes.length - end);
  return { response: toResponse(status, headers, bytes.subarray(end, length)), length };
}
