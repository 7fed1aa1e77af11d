import { promisify } from 'node:util';
import express, { type NextFunction, type Request, type Response } from 'express';
import { RequestAborted } from '../postgres/errors';
import { ProblemError } from '../problems/problem';
import { parseStrictJson } from './strict-json';

/**
 * Reads the body, where the operation has one, as a JSON object that parsing does not change.
 * Fails with ProblemError VAL-006, VAL-000, MED-001 or LRG-001, or RequestAborted when the client disconnects first.
 */
export function jsonBody(maxBytes: number) {
  // Not express.json, which hides bytes that are not UTF-8 and keys that appear twice.
  const readBytes = promisify(express.raw({ type: () => true, limit: maxBytes }));
  const read = async (req: Request, res: Response): Promise<unknown> => {
    const { bodies } = req.context.operation!;
    const length = Number(req.headers['content-length'] ?? 0);
    if (length === 0 && req.headers['transfer-encoding'] === undefined) throw missingBody();
    req.context.mediaType = readableType(req, [...bodies.keys()]);
    // The validator compiles and keeps a schema for every distinct value of this header.
    req.headers['content-type'] = req.context.mediaType;
    if (length > maxBytes) {
      // Discards the body: many clients read the response only after they have sent all of it.
      req.resume();
      throw tooLarge(maxBytes);
    }
    // Only now: a client that waits for it has not sent a body that would be refused anyway.
    if (req.httpVersion === '1.1' && /100-continue/i.test(req.headers.expect ?? '')) {
      res.writeContinue();
    }
    try {
      await readBytes(req, res);
    } catch (error) {
      const { type } = error as { type?: string };
      if (type === 'entity.too.large') throw tooLarge(maxBytes);
      if (type === 'request.aborted') throw new RequestAborted('the client disconnected');
      throw error;
    }
    const bytes: unknown = req.body;
    // express.raw reads nothing when the client has already disconnected.
    if (!Buffer.isBuffer(bytes)) throw new RequestAborted('the client disconnected');
    const text = decode(bytes);
    if (text.trim() === '') throw missingBody();
    return parseStrictJson(text);
  };
  return (req: Request, res: Response, next: NextFunction): Promise<void> | undefined => {
    if (req.context.operation!.bodies.size > 0) {
      return read(req, res).then((body) => {
        req.body = body;
        next();
      });
    }
    delete req.headers['content-type'];
    next();
    return undefined;
  };
}

/** @returns the media type, in lower case and without parameters */
function readableType({ headers, method }: Request, mediaTypes: readonly string[]): string {
  const unsupported = (detail: string) =>
    new ProblemError('MED-001', detail, {
      headers: method === 'PATCH' ? { 'Accept-Patch': mediaTypes.join(', ') } : {},
    });
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.trim().toLowerCase() !== 'identity') {
    throw unsupported('The body must be sent without Content-Encoding.');
  }
  const [first = '', ...parameters] = (headers['content-type'] ?? '').split(';');
  const mediaType = first.trim().toLowerCase();
  if (!mediaTypes.includes(mediaType)) {
    const came = mediaType === '' ? 'it is missing' : `not '${first.trim().slice(0, 64)}'`;
    throw unsupported(`The Content-Type must be ${mediaTypes.join(' or ')}; ${came}.`);
  }
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() !== 'charset') continue;
    if (!/^\s*"?(utf-?8|us-ascii)"?\s*$/i.test(value)) {
      throw unsupported('The charset of the body must be utf-8.');
    }
  }
  return mediaType;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Drops a byte order mark, which is not part of the JSON. */
function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new ProblemError('VAL-006', 'The body is not valid UTF-8.');
  }
}

function missingBody(): ProblemError {
  return new ProblemError('VAL-006', 'The request must have a JSON object as its body.');
}

function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError('LRG-001', `The body must not have more than ${maxBytes} bytes.`, {
    headers: { Connection: 'close' },
  });
}
