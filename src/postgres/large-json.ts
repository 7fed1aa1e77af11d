import type { CustomTypesConfig } from 'pg';

type Json = Record<string, unknown>;

/** In characters. Labels are always smaller (64 of at most 388), so only a spec or the data of a report is large. */
const LARGE = 32_768;

/**
 * PostgreSQL writes 1e308 with all its 308 zeros, 1e-300 likewise: a text can be fifty times as long as what was sent.
 * `JSON.stringify` writes at most 20 zeros in a row.
 */
const LONG_NUMBER = '0'.repeat(21);

/** The OID of the type in PostgreSQL. */
const JSONB = 3802;

/** Placeholder for a large object in the JSON. No other string is a NUL, because no NUL is ever stored. */
const PLACE = '\0';
const WRITTEN_PLACE = JSON.stringify(PLACE);

/** The large objects that the running `JSON.stringify` has met, in order. */
let met: Buffer[] = [];

/**
 * A large JSON object from the database. It is passed on unread, so it is kept as bytes outside of the
 * JavaScript heap. Parsed, it can take many times as much memory: a page of such objects would block all other
 * requests and exhaust a small heap.
 */
export class LargeJson {
  readonly #bytes: Buffer;

  constructor(text: string) {
    this.#bytes = Buffer.from(text);
  }

  parse(): Json {
    return JSON.parse(this.#bytes.toString()) as Json;
  }

  toJSON(): string {
    met.push(this.#bytes);
    return PLACE;
  }
}

interface Types {
  getTypeParser(oid: number, format?: 'text' | 'binary'): unknown;
}

/** Makes a statement return large objects as `LargeJson`, and everything else as usual. */
export function keepLargeJson(types: Types): CustomTypesConfig {
  return {
    getTypeParser(oid: number, format?: 'text' | 'binary') {
      const parse = types.getTypeParser(oid, format) as (text: string) => unknown;
      if (oid !== JSONB) return parse;
      return (text: string) => {
        if (text.length <= LARGE || !text.startsWith('{')) return parse(text);
        return new LargeJson(text.includes(LONG_NUMBER) ? JSON.stringify(parse(text)) : text);
      };
    },
  };
}

/** `JSON.stringify` in pieces; each large object is a piece of its own. */
export function jsonPieces(value: unknown): [string, ...(Buffer | string)[]] {
  met = [];
  const text = JSON.stringify(value);
  if (met.length === 0) return [text];
  const large = met;
  met = [];
  const [first = '', ...rest] = text.split(WRITTEN_PLACE);
  return [first, ...rest.flatMap((piece, index) => [large[index]!, piece])];
}
