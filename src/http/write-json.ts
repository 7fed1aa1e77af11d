import type { RequestHandler, Response } from 'express';
import type { Operation } from '../contract/document';
import { fieldPaths } from '../contract/request-rules';
import { type Shown, Unwritten, Written, type WrittenResources } from '../contract/written';
import { jsonPieces, LargeJson } from '../postgres/large-json';
import { isObject } from '../problems/field-path';

type Json = Record<string, unknown>;
/** What `fields` selects, by the name of a property: the whole value, which is undefined, or what of it. */
export type Selection = Map<string, Selection | undefined>;
type Piece = Buffer | string;

/**
 * Replaces `res.json`. A resource is written out once per version; after that its bytes are sent. The query parameter
 * `fields` reduces it to the properties that it names. Mounted before response validation, so that what is written out
 * is valid.
 */
export function writeJson(written: WrittenResources): RequestHandler {
  return (req, res, next) => {
    const selection = selectionOf(req.query.fields, req.context.operation!);
    const send = (body: object) => {
      const { shown } = req.context;
      // A request may live as long as its connection, and must not keep a page for so long.
      req.context.shown = undefined;
      if (shown === undefined)
        sendPieces(res, jsonPieces(selection ? cut(body as Json, selection) : body));
      else
        sendPieces(
          res,
          shownPieces(body, shown, (item) => itemPieces(item, selection, written)),
        );
      return res;
    };
    req.context.sendValid = send;
    res.json = send;
    next();
  };
}

/** What the parameter `fields` selects; undefined: everything. */
export function selectionOf(fields: unknown, operation: Operation): Selection | undefined {
  if (typeof fields !== 'string') return undefined;
  // The property that identifies the resource is always included.
  const identity = operation.fields.includes('id') ? 'id' : 'adapter';
  const selection: Selection = new Map();
  for (const path of [[identity], ...fieldPaths(fields)]) select(selection, path);
  return selection;
}

function select(selection: Selection, path: readonly string[]): void {
  const last = path.length - 1;
  let at = selection;
  for (const name of path.slice(0, last)) {
    const part: Selection | undefined = at.has(name) ? at.get(name) : new Map();
    if (part === undefined) return;
    at.set(name, part);
    at = part;
  }
  at.set(path[last]!, undefined);
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
  selection: Selection | undefined,
  written: WrittenResources,
): Piece[] {
  if (item instanceof Written) {
    if (selection === undefined) return [item.json];
    return jsonPieces(cut(JSON.parse(item.json.toString()) as Json, selection));
  }
  // Whatever is selected, it is kept as a whole.
  const whole = written.takes(item) ? writeOut(item, written) : undefined;
  if (selection !== undefined) return jsonPieces(cut(item.resource as Json, selection));
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

function cut(body: Json, selection: Selection): Json {
  return Array.isArray(body.items)
    ? { ...body, items: (body.items as Json[]).map((item) => project(item, selection)) }
    : project(body, selection);
}

/** A copy of `source` with only what is selected; a selection inside an array selects it as a whole. */
function project(source: Json, selection: Selection): Json {
  const result: Json = {};
  for (const [name, part] of selection) {
    if (!Object.hasOwn(source, name)) continue;
    const value = source[name];
    if (part === undefined || Array.isArray(value)) result[name] = value;
    else if (value instanceof LargeJson) result[name] = project(value.parse(), part);
    else if (isObject(value)) result[name] = project(value, part);
  }
  return result;
}
