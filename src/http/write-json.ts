import type { RequestHandler, Response } from 'express';
import type { Operation } from '../contract/document';
import { fieldPaths } from '../contract/request-rules';
import { type Shown, Unwritten, Written, type WrittenResources } from '../contract/written';
import { jsonPieces, LargeJson } from '../postgres/large-json';

type Json = Record<string, unknown>;
export type Paths = readonly (readonly string[])[];
type Piece = Buffer | string;

/**
 * Replaces `res.json`. A resource is written out once per version; after that its bytes are sent. The query parameter
 * `fields` reduces it to the properties that it names. Mounted before response validation, so that what is written out
 * is valid.
 */
export function writeJson(written: WrittenResources): RequestHandler {
  return (req, res, next) => {
    const paths = selectedPaths(req.query.fields, req.context.operation!);
    const send = (body: object) => {
      const { shown } = req.context;
      // A request may live as long as its connection, and must not keep a page for so long.
      req.context.shown = undefined;
      if (shown === undefined) sendPieces(res, jsonPieces(paths ? cut(body as Json, paths) : body));
      else
        sendPieces(
          res,
          shownPieces(body, shown, (item) => itemPieces(item, paths, written)),
        );
      return res;
    };
    req.context.sendValid = send;
    res.json = send;
    next();
  };
}

/** What the parameter `fields` selects; undefined: everything. */
export function selectedPaths(fields: unknown, operation: Operation): Paths | undefined {
  if (typeof fields !== 'string') return undefined;
  // The property that identifies the resource is always included.
  const identity = operation.fields.includes('id') ? 'id' : 'adapter';
  return [[identity], ...fieldPaths(fields)];
}

const COMMA = Buffer.from(',');

function shownPieces(
  body: object,
  shown: Shown | readonly Shown[],
  piecesOf: (item: Shown) => Piece[],
): Piece[] {
  if (shown instanceof Written || shown instanceof Unwritten) return piecesOf(shown);
  const around = JSON.stringify({ ...body, items: [] });
  const separated = shown.flatMap((item, index) =>
    index === 0 ? piecesOf(item) : [COMMA, ...piecesOf(item)],
  );
  return [around.slice(0, -2), ...separated, around.slice(-2)];
}

export function itemPieces(
  item: Shown,
  paths: Paths | undefined,
  written: WrittenResources,
): Piece[] {
  if (item instanceof Written) {
    if (paths === undefined) return [item.json];
    return jsonPieces(cut(JSON.parse(item.json.toString()) as Json, paths));
  }
  // Whatever is selected, it is kept as a whole.
  const whole = written.takes(item) ? writeOut(item, written) : undefined;
  if (paths !== undefined) return jsonPieces(cut(item.resource as Json, paths));
  return whole ?? jsonPieces(item.resource);
}

function writeOut(item: Unwritten, written: WrittenResources): Piece[] {
  const pieces = jsonPieces(item.resource);
  const [json] = pieces;
  // Large objects are bytes already: to join a page of them would take long and push everything else out.
  if (pieces.length > 1) return pieces;
  const bytes = exactBuffer(json);
  written.keep(new Written(item.id, item.version, bytes));
  return [bytes];
}

/** Not `Buffer.from`, which takes short texts from a block that it would keep in memory as a whole. */
function exactBuffer(text: string): Buffer {
  const buffer = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  buffer.write(text);
  return buffer;
}

/** Up to so many bytes are joined before they are compressed: zlib hands each piece to another thread. */
const MAX_JOINED = 2 * 1024 * 1024;

/** Hands the pieces to a socket as they are, for one system call: joining them would copy every page. */
function sendPieces(res: Response, pieces: readonly Piece[]): void {
  let buffers = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece));
  const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  if (res.req.context.mayBeCompressed && length <= MAX_JOINED) buffers = [Buffer.concat(buffers)];
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', length);
  const last = buffers.pop();
  res.cork();
  // Compression writes later, and waits for a drain that does not come while the response is corked.
  process.nextTick(() => res.uncork());
  for (const buffer of buffers) res.write(buffer);
  res.end(last);
}

function cut(body: Json, paths: Paths): Json {
  return Array.isArray(body.items)
    ? { ...body, items: (body.items as Json[]).map((item) => project(item, paths)) }
    : project(body, paths);
}

/** A copy of `source` with only what the paths select; a path stops at an array or a primitive value. */
export function project(source: Json, paths: Paths): Json {
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
