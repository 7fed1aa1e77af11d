import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { RequestAborted } from '../postgres/errors';
import { isTooDeep, mayLoseMeaning } from './json-fast-check';
import { JsonSyntaxError, scanJson } from './json-scan';
import { ProblemError, type ProblemField } from '../problems/problem';
import { validationDetail } from '../contract/field-errors';

export interface JsonBodyOptions {
  maxBytes: number;
  /** What the operation accepts, without parameters. */
  mediaTypes: readonly string[];
}

/** Smaller texts are parsed in a few milliseconds, however they are built. */
const LARGE = 16_384;

/**
 * Reads the body of a request as a JSON object in which nothing is changed by being parsed.
 * @throws ProblemError VAL-006, VAL-000, MED-001, LRG-001
 * @throws RequestAborted when the client leaves before the body is complete
 */
export async function readJsonBody(
  req: IncomingMessage,
  { maxBytes, mediaTypes }: JsonBodyOptions,
): Promise<unknown> {
  const length = Number(req.headers['content-length'] ?? 0);
  if (length === 0 && req.headers['transfer-encoding'] === undefined) throw missingBody();
  assertReadable(req, mediaTypes);
  if (length > maxBytes) throw tooLarge(req, maxBytes);
  return parse(await readBytes(req, maxBytes));
}

function assertReadable(req: IncomingMessage, mediaTypes: readonly string[]): void {
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw new ProblemError('MED-001', 'The body must be sent without Content-Encoding.');
  }
  const [mediaType = '', ...parameters] = (req.headers['content-type'] ?? '').split(';');
  if (!mediaTypes.includes(mediaType.trim().toLowerCase())) {
    const came =
      mediaType.trim() === '' ? 'there is none' : `not '${mediaType.trim().slice(0, 64)}'`;
    throw new ProblemError(
      'MED-001',
      `The Content-Type must be ${mediaTypes.join(' or ')}; ${came}.`,
    );
  }
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() !== 'charset') continue;
    if (!/^\s*"?(utf-?8|us-ascii)"?\s*$/i.test(value)) {
      throw new ProblemError('MED-001', 'The charset of the body must be utf-8.');
    }
  }
}

function readBytes(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (settle: () => void): void => {
      req.off('data', onData).off('end', onEnd).off('close', onGone);
      settle();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > maxBytes) done(() => reject(tooLarge(req, maxBytes)));
    };
    const onEnd = (): void => done(() => resolve(Buffer.concat(chunks, size)));
    const onGone = (): void => done(() => reject(new RequestAborted('the client left')));
    req.on('data', onData).on('end', onEnd).on('close', onGone);
    if (req.destroyed) onGone();
  });
}

function parse(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new ProblemError('VAL-006', 'The body is not valid UTF-8.');
  // A byte order mark is no part of the text.
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  if (text.trim() === '') throw missingBody();
  if (text.length > LARGE && isTooDeep(text)) throw changed(scanOrRefuse(text));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    scanOrRefuse(text);
    throw new ProblemError('VAL-006', 'The body is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProblemError('VAL-006', `The body must be a JSON object, not ${kindOf(value)}.`);
  }
  if (mayLoseMeaning(text, value)) {
    const fields = scanJson(text);
    if (fields.length > 0) throw changed(fields);
  }
  return value;
}

/** @throws ProblemError VAL-006 that says where the text stops being JSON */
function scanOrRefuse(text: string): ProblemField[] {
  try {
    return scanJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const before = text.slice(0, error.offset).split('\n');
    const column = before.at(-1)!.length + 1;
    throw new ProblemError(
      'VAL-006',
      `The body is not JSON: line ${before.length}, column ${column} should have ${error.expected}.`,
    );
  }
}

function changed(errors: ProblemField[]): ProblemError {
  return new ProblemError('VAL-000', validationDetail(errors), { errors });
}

function missingBody(): ProblemError {
  return new ProblemError('VAL-006', 'The request needs a JSON object as its body.');
}

function tooLarge(req: IncomingMessage, maxBytes: number): ProblemError {
  // What the client is still sending is thrown away unseen, so that it gets to read the answer.
  req.resume();
  return new ProblemError('LRG-001', `The body must not have more than ${maxBytes} bytes.`, {
    headers: { Connection: 'close' },
  });
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return value === null ? 'null' : `a ${typeof value}`;
}

/** Reads the body of an operation that takes one. */
export function readBody(maxBytes: number): RequestHandler {
  return async (req, _res, next) => {
    const mediaTypes = [...req.context.operation!.bodies.keys()];
    if (mediaTypes.length === 0) {
      delete req.headers['content-type'];
    } else {
      req.body = await readJsonBody(req, { maxBytes, mediaTypes });
      const header = req.headers['content-type'] ?? '';
      req.context.mediaType = header.split(';', 1)[0]!.trim().toLowerCase();
      // The validator compiles and keeps a schema for every distinct value of this header.
      req.headers['content-type'] = req.context.mediaType;
    }
    next();
  };
}
