import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readJsonBody } from '../../src/http/json-body';
import { ProblemError } from '../../src/problems/problem';

export const LIMIT = 40_000;
export const JSON_TYPE = { 'content-type': 'application/json' };

let server: Server;
export let port: number;
/** What became of the body of each request, in order. */
export let outcomes: Promise<unknown>[];

beforeAll(async () => {
  server = createServer((req, res) => {
    const outcome = read(req);
    outcomes.push(outcome);
    outcome.then(
      (value) => res.end(JSON.stringify({ value })),
      (error: unknown) => {
        if (!(error instanceof ProblemError)) return;
        const { code, message, errors } = error;
        res.writeHead(error.status, error.headers).end(JSON.stringify({ code, message, errors }));
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

beforeEach(() => (outcomes = []));

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

export function read(req: IncomingMessage): Promise<unknown> {
  return readJsonBody(req, {
    maxBytes: LIMIT,
    mediaTypes: ['application/json', 'application/merge-patch+json'],
  });
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  value?: unknown;
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
