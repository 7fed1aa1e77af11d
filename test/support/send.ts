import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface Sending {
  method?: string;
  /** Sent exactly as it is: nothing is encoded. */
  path: string;
  headers?: Record<string, string>;
  /** An object is sent as JSON, text and bytes as they are. */
  body?: unknown;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** The media type, without parameters; empty when there is none. */
  type: string;
  /** What the text says as JSON; undefined when it is empty or not JSON. */
  body: ReturnType<JSON['parse']>;
}

/** How often each status was answered. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** One HTTP request with nothing between the test and the wire that would tidy it up. */
export function send(url: string, { method = 'GET', path, headers, body }: Sending) {
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
  return new Promise<Answer>((resolve, reject) => {
    const outgoing = request({ agent, hostname, port, method, path, headers: all }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const type = (incoming.headers['content-type'] ?? '').split(';', 1)[0]!;
        resolve({
          status: incoming.statusCode!,
          headers: incoming.headers,
          text,
          type,
          body: text !== '' && type.endsWith('json') ? JSON.parse(text) : undefined,
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}
