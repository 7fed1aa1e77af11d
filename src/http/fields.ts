import type { RequestHandler, Response } from 'express';
import { fieldPaths } from '../contract/request-rules';
import { jsonPieces, LargeJson } from '../postgres/large-json';

type Json = Record<string, unknown>;

/**
 * How a response is written: reduced to the properties that the query parameter `fields` names, if it does. Mounted
 * before response validation, so that the full response is validated and then reduced.
 */
export const selectFields: RequestHandler = (req, res, next) => {
  const { fields } = req.query;
  const known = req.context.operation!.fields;
  // The property that identifies the resource is always included.
  const paths =
    typeof fields === 'string'
      ? [[known.includes('id') ? 'id' : 'adapter'], ...fieldPaths(fields)]
      : undefined;
  res.json = (body: Json) => writeJson(res, paths === undefined ? body : cut(body, paths));
  next();
};

/**
 * Express would build one string of the whole page; here large objects are sent as the bytes they are. It would also
 * respond 304 to `If-None-Match: *` where there is no ETag.
 */
function writeJson(res: Response, body: Json): Response {
  const pieces = jsonPieces(body).map(encodeLong);
  const length = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', length);
  const last = pieces.pop();
  for (const piece of pieces) res.write(piece);
  res.end(last);
  return res;
}

const LONG = 8192;

/** Node would encode a long string twice: for its length, and to send it. */
function encodeLong(piece: Buffer | string): Buffer | string {
  return typeof piece === 'string' && piece.length > LONG ? Buffer.from(piece) : piece;
}

function cut(body: Json, paths: readonly string[][]): Json {
  return Array.isArray(body.items)
    ? { ...body, items: (body.items as Json[]).map((item) => project(item, paths)) }
    : project(body, paths);
}

/** A copy of `source` with only what the paths select; a path stops at an array or a primitive value. */
export function project(source: Json, paths: readonly (readonly string[])[]): Json {
  const result: Json = {};
  for (const [key, value] of Object.entries(source)) {
    const rests = paths.filter(([first]) => first === key).map((path) => path.slice(1));
    if (rests.length === 0) continue;
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (nested && rests.every((rest) => rest.length > 0)) {
      result[key] = project(value instanceof LargeJson ? value.parse() : (value as Json), rests);
    } else if (nested || rests.some((rest) => rest.length === 0) || Array.isArray(value)) {
      result[key] = value;
    }
  }
  return result;
}
