import type { Request, Response } from 'express';
import { jsonPieces, LargeJson } from '../postgres/large-json';
import { ProblemError } from '../problems/problem';
import { validationDetail } from '../contract/field-errors';

type Json = Record<string, unknown>;

const RESOURCE_FIELDS = [
  ...['kind', 'id', 'href', 'name', 'labels', 'spec', 'generation', 'owner_references', 'status'],
  ...['created_time', 'updated_time', 'deleted_time', 'created_by', 'updated_by', 'deleted_by'],
];
const STATUS_FIELDS = [
  ...['adapter', 'observed_generation', 'conditions', 'metadata', 'data'],
  ...['created_time', 'last_report_time'],
];

/**
 * Cuts the response to what the query parameter `fields` names, and writes lists piece by piece. Mounted before
 * response validation, so that the whole response is validated first and then cut.
 */
export function writeJson(req: Request, res: Response): void {
  const { id, queryParameters } = req.context.operation!;
  const { fields } = req.query;
  const isList = queryParameters.has('page');
  if (!isList && typeof fields !== 'string') return;
  const write = isList ? (body: Json) => writePieces(res, body) : res.json.bind(res);
  if (typeof fields !== 'string') {
    res.json = write;
    return;
  }
  const paths = id.endsWith('Statuses')
    ? parseFields(fields, STATUS_FIELDS, 'adapter')
    : parseFields(fields, RESOURCE_FIELDS, 'id');
  res.json = (body: Json) => write(cut(body, paths));
}

/** Express would make one string of the whole page. Here large objects stay the bytes they are. */
function writePieces(res: Response, body: Json): Response {
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

/** Node would go over a long string twice: for its length, and to send it. */
function encodeLong(piece: Buffer | string): Buffer | string {
  return typeof piece === 'string' && piece.length > LONG ? Buffer.from(piece) : piece;
}

function cut(body: Json, paths: readonly string[][]): Json {
  return Array.isArray(body.items)
    ? { ...body, items: (body.items as Json[]).map((item) => project(item, paths)) }
    : project(body, paths);
}

/**
 * Reads a comma list of top-level or dotted names; what identifies the item always comes along.
 * @throws ProblemError VAL-000 naming every unknown top-level name
 */
export function parseFields(text: string, known: readonly string[], always: string): string[][] {
  const names = new Set(text.split(',').map((name) => name.trim()));
  const paths = [...names].map((path) => {
    // A label key is one key, dots and all.
    return path.startsWith('labels.') ? ['labels', path.slice(7)] : path.split('.');
  });
  const unknown = paths.map(([top]) => top!).filter((top) => !known.includes(top));
  if (unknown.length > 0) {
    const errors = [...new Set(unknown)].map((name) => ({
      field: 'fields',
      message: `fields has '${name}', which is not one of ${known.join(', ')}`,
      constraint: 'enum',
    }));
    throw new ProblemError('VAL-000', validationDetail(errors), { errors });
  }
  return [[always], ...paths];
}

/** A copy of `source` with only what the paths lead to; a path stops at an array or a plain value. */
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
