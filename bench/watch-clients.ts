import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request, Source } from './load';
import { listPath } from './requests';

/* Clients that keep a copy of a list, by watching or by polling it, and adapters that report at a constant rate. */

/** Of a resource, what a report changes in any case. */
interface Item {
  id: string;
  status: { conditions: { last_updated_time: string }[] };
}

interface Sent {
  observed: string;
  at: number;
  answeredAt: number | undefined;
  seenBy: Set<object>;
}

/** When reports were sent, and when clients saw what they changed. */
export class Sightings {
  /** Milliseconds from the response to the report; 0 when the client knew before the adapter. */
  readonly sinceAnswer: number[] = [];
  /** Milliseconds from the request: the commit lies in between. */
  readonly sinceRequest: number[] = [];
  private readonly sent = new Map<string, Sent>();

  reported({ path, body }: Request): Sent {
    const { observed_time: observed } = JSON.parse(String(body)) as { observed_time: string };
    const sent = {
      observed,
      at: performance.now(),
      answeredAt: undefined,
      seenBy: new Set<object>(),
    };
    this.sent.set(resourceOf(path), sent);
    return sent;
  }

  refused({ path }: Request): void {
    this.sent.delete(resourceOf(path));
  }

  saw(client: object, { id, status }: Item): void {
    const sent = this.sent.get(id);
    if (sent === undefined || sent.seenBy.has(client)) return;
    if (!status.conditions.some((it) => it.last_updated_time >= sent.observed)) return;
    sent.seenBy.add(client);
    const now = performance.now();
    this.sinceRequest.push(now - sent.at);
    this.sinceAnswer.push(now - (sent.answeredAt ?? now));
  }

  /** Waits until so many clients have seen every report. @returns how many have been seen by fewer */
  async missing(clients: number, ms: number): Promise<number> {
    const end = performance.now() + ms;
    for (;;) {
      const missing = [...this.sent.values()].filter(({ seenBy }) => seenBy.size < clients);
      if (missing.length === 0 || performance.now() > end) return missing.length;
      await sleep(10);
    }
  }
}

/** The id in the path of a report. */
function resourceOf(path: string | undefined): string {
  return path!.split('/').at(-2)!;
}

/** What the clients of a phase have in common. */
export interface Traffic {
  port: number;
  /** Undefined: nobody looks into what is received. */
  sightings: Sightings | undefined;
  bytes: number;
  /** Reports that were answered, and lists that were read to the end. */
  reports: number;
  polls: number;
}

/** Stops a client; resolves when nothing of it is on its way. */
export type Stop = () => Promise<void>;

/** Sends so many reports a second, however long the responses take. */
export function reportAt(perSecond: number, source: Source, traffic: Traffic): Stop {
  const agent = new http.Agent({ keepAlive: true });
  const began = performance.now();
  const open = new Set<Promise<void>>();
  let count = 0;
  const send = async () => {
    const next = source.next();
    const { sightings } = traffic;
    const sent = sightings?.reported(next);
    const answer = await receive(ask(agent, traffic.port, next), source.expected[0]!);
    if (answer === undefined) return sightings?.refused(next);
    traffic.reports++;
    if (sent !== undefined) sent.answeredAt = performance.now();
  };
  const timer = setInterval(() => {
    for (; count < ((performance.now() - began) * perSecond) / 1000; count++) {
      const sending = send();
      open.add(sending);
      // One that fails stays, for `stop` to tell.
      sending.then(
        () => open.delete(sending),
        () => undefined,
      );
    }
  }, 1);
  return async () => {
    clearInterval(timer);
    await Promise.all(open);
    agent.destroy();
  };
}

/** Reads all pages of a list at an interval, one page after the other. */
export function poll(
  traffic: Traffic,
  looks: boolean,
  { search, pages, headers, delay, interval }: Poll,
): Stop {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const stop = new AbortController();
  const client = {};
  const readAll = async () => {
    for (let page = 1; page <= pages; page++) {
      const path = listPath({ page, pageSize: 100, search });
      const sent = ask(agent, traffic.port, { method: 'GET', path, headers });
      const text = await receive(sent, 200, traffic, looks);
      if (text === undefined) return;
      if (!looks) continue;
      const { items } = JSON.parse(text) as { items: Item[] };
      for (const item of items) traffic.sightings?.saw(client, item);
    }
    traffic.polls++;
  };
  const run = async () => {
    await sleep(delay);
    for (let due = performance.now(); !stop.signal.aborted; due += interval) {
      await readAll();
      await sleep(Math.max(0, due + interval - performance.now()), undefined, {
        signal: stop.signal,
      }).catch(() => undefined);
    }
    agent.destroy();
  };
  const running = run();
  running.catch(() => undefined);
  return () => {
    stop.abort();
    return running;
  };
}

export interface Poll {
  search: string;
  pages: number;
  headers: Record<string, string>;
  /** Until the first poll, and between polls, in ms. */
  delay: number;
  interval: number;
}

const UPDATED = 'event: updated\ndata: ';

/** Watches a list. Resolves when it has been received completely, with the cursor of then. */
export async function watch(
  traffic: Traffic,
  search: string,
  since?: string,
): Promise<{ cursor: string; stop: Stop }> {
  const path = listPath({ watch: true, search, ...(since !== undefined && { since }) });
  const client = {};
  const sent = ask(undefined, traffic.port, { method: 'GET', path, headers: {} });
  const response = await responseOf(sent, [200]);
  response.setEncoding('utf8');
  const stop = () => Promise.resolve(void sent.destroy());
  return new Promise((resolve, reject) => {
    let rest = '';
    let synced = false;
    response.on('data', (chunk: string) => {
      traffic.bytes += chunk.length;
      const frames = (rest + chunk).split('\n\n');
      rest = frames.pop()!;
      for (const frame of frames) {
        if (frame.startsWith('id: ')) {
          synced = true;
          resolve({ cursor: frame.slice('id: '.length, frame.indexOf('\n')), stop });
        } else if (synced && frame.startsWith(UPDATED)) {
          traffic.sightings?.saw(client, JSON.parse(frame.slice(UPDATED.length)) as Item);
        }
      }
    });
    response.on('error', reject);
    // After the first `synced`, a report that nobody sees tells.
    response.on('end', () => reject(new Error(`The watch of ${search} has ended.`)));
  });
}

function ask(agent: http.Agent | undefined, port: number, request: Request): http.ClientRequest {
  const { method, path, headers, body } = request;
  const sent = http.request({ host: '127.0.0.1', port, method, path, headers, agent });
  sent.end(body);
  return sent;
}

const BUSY = 503;

function responseOf(
  sent: http.ClientRequest,
  expected: readonly number[],
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      const { statusCode } = response;
      if (expected.includes(statusCode!)) resolve(response);
      else reject(new Error(`${sent.path}: status ${statusCode}`));
    });
  });
}

/** @returns the body, empty if it is not to be kept; undefined when the service has too much to do */
async function receive(
  sent: http.ClientRequest,
  expected: number,
  traffic?: Traffic,
  keeps = false,
): Promise<string | undefined> {
  const response = await responseOf(sent, [expected, BUSY]);
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (traffic !== undefined) traffic.bytes += chunk.length;
    if (keeps) chunks.push(chunk);
  }
  return response.statusCode === BUSY ? undefined : Buffer.concat(chunks).toString();
}
