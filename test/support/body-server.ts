import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import express, { type NextFunction, type Request, type Response } from 'express';
import { jsonBody } from '../../src/http/json-body';
import { ProblemError } from '../../src/problems/problem';

export const LIMIT = 40_000;
export const JSON_TYPE = { 'content-type': 'application/json' };
/** The body of such a request is read only after its client has left. */
export const READ_LATE = 'X-Read-Late: yes';

let server: Server;
export let port: number;
/** The requests whose body is to be read. */
export let started: number;
/** What became of the body of each request: a value or an error. */
export let outcomes: unknown[];

beforeAll(async () => {
  const app = express();
  app.use(async (req: Request, _res: Response, next: NextFunction) => {
    const mediaTypes = ['application/json', 'application/merge-patch+json'];
    const bodies = new Map(mediaTypes.map((type) => [type, {}]));
    Object.assign(req, { context: { operation: { bodies } } });
    started++;
    if (req.headers['x-read-late'] !== undefined) await once(req, 'close').catch(() => undefined);
    next();
  });
  app.use(jsonBody(LIMIT));
  app.use((req: Request, res: Response) => {
    const value = req.body as unknown;
    outcomes.push(value);
    res.json({ value, mediaType: req.context.mediaType });
  });
  app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
    outcomes.push(error);
    if (!(error instanceof ProblemError)) return;
    const { code, message, errors } = error;
    res.status(error.status).set(error.headers).json({ code, message, errors });
  });
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

beforeEach(() => {
  started = 0;
  outcomes = [];
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  value?: unknown;
  mediaType?: string;
  code?: string;
  message?: string;
  errors?: { field: string; constraint: string }[];
}

export function send(
  body: string | Buffer | undefined,
  headers: Record<string, string> = JSON_TYPE,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({ port, method: 'POST', headers }, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => (text += chunk.toString()));
      res.on('end', () => {
        resolve({ status: res.statusCode!, headers: res.headers, ...JSON.parse(text) });
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** A connection on which requests are written by hand. */
export async function openSocket(): Promise<{ socket: Socket; received: () => string }> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, received: () => text };
}

export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !condition(); tries++) await delay(10);
  expect(condition()).toBe(true);
}
