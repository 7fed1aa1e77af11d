import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as send } from 'node:https';
import { Readable } from 'node:stream';

/** `Response` allows them no body. */
const WITHOUT_BODY = [204, 205, 304];

/**
 * `fetch` for a service whose certificate a private authority has issued. Node's own takes authorities only from the
 * environment, at its start (NODE_EXTRA_CA_CERTS).
 * @param ca certificates of the authorities in PEM; no others are trusted
 * @throws Error when there is no certificate in `ca`, which Node would not say
 */
export function fetchWithCa(ca: string): (request: Request) => Promise<Response> {
  new X509Certificate(ca);
  return async (request) => {
    const { url, method, signal } = request;
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const headers = Object.fromEntries(request.headers);
    const outgoing = send(url, { ca, method, headers, signal }).end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    outgoing.on('error', () => undefined);
    const abort = () => incoming.destroy(request.signal.reason as Error);
    signal.addEventListener('abort', abort);
    // Refers to the request, whose signal follows that of the caller only as long as the request exists.
    incoming.once('close', () => request.signal.removeEventListener('abort', abort));
    return responseOf(incoming);
  };
}

function responseOf(incoming: IncomingMessage): Response {
  const { statusCode: status = 0, statusMessage: statusText, headersDistinct } = incoming;
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  const hasBody = !WITHOUT_BODY.includes(status);
  if (!hasBody) incoming.resume();
  const content = hasBody ? (Readable.toWeb(incoming) as ReadableStream) : null;
  return new Response(content, { status, statusText, headers });
}
