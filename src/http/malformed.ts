import type { RequestHandler } from 'express';
import { ProblemError } from '../problems/problem';

/** Enough for a search for 400 ids. */
const MAX_URL_LENGTH = 16_384;

/**
 * Refuses requests that Node accepts, but that can be read in more than one way.
 * @param once further headers that must not be repeated
 * @throws ProblemError LRG-001, VAL-006
 */
export function refuseMalformed(once: readonly string[] = []): RequestHandler {
  const names = new Map([...once, ...ONCE].map((name) => [name.toLowerCase(), name]));
  const unrepeatable = [...names.values()];
  return (req, _res, next) => {
    if (req.url.length > MAX_URL_LENGTH) {
      const detail = `The URL must not have more than ${MAX_URL_LENGTH} characters.`;
      throw new ProblemError('LRG-001', detail, { status: 414 });
    }
    const queryStart = req.url.indexOf('?') + 1;
    if (queryStart > 0 && !isEncoded(req.url.slice(queryStart))) {
      const detail = "The query is not correctly percent-encoded UTF-8; a '%' is written as %25.";
      throw new ProblemError('VAL-006', detail);
    }
    if (req.headers.host === undefined && req.httpVersion === '1.1') {
      throw new ProblemError('VAL-006', 'The request has no Host header.');
    }
    const repeated = repeatedHeader(req.rawHeaders, unrepeatable);
    if (repeated !== undefined) {
      throw new ProblemError('VAL-006', `The request has more than one ${repeated} header.`);
    }
    next();
  };
}

/** Parsers replace what they cannot decode: the query would be another than the client meant. */
function isEncoded(query: string): boolean {
  try {
    decodeURIComponent(query);
    return true;
  } catch {
    return false;
  }
}

const ONCE = ['Host', 'Content-Type', 'Authorization'];

/** Node uses the first; a proxy in front of the service may have used the last. */
function repeatedHeader(
  rawHeaders: readonly string[],
  unrepeatable: readonly string[],
): string | undefined {
  return unrepeatable.find((header) => {
    let count = 0;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]!;
      if (name.length === header.length && name.toLowerCase() === header.toLowerCase()) count++;
    }
    return count > 1;
  });
}
