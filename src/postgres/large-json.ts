import type { CustomTypesConfig } from 'pg';

type Json = Record<string, unknown>;

/** Labels stay below this (64 of at most 388 characters), so only a spec or the data of a report gets here. */
const LARGE = 32_768;

/** The number PostgreSQL has given to the type. */
const JSONB = 3802;

/** What stands for a large object in a text; no other value is a NUL, because none is ever stored. */
const PLACE = '\0';
const WRITTEN_PLACE = JSON.stringify(PLACE);

/** The objects met by the `JSON.stringify` that is running, in their order. */
let met: Buffer[] = [];

/**
 * A large JSON object out of the database that nobody looks into: it stays the bytes it is, outside of the
 * JavaScript heap. Parsed it could take twenty times as much, and a page of them would block everybody else
 * for seconds and end a process with a small heap.
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

/** Has a statement return large objects as `LargeJson`; everything else as usual. */
export function keepLargeJson(types: Types): CustomTypesConfig {
  return {
    getTypeParser(oid: number, format?: 'text' | 'binary') {
      const parse = types.getTypeParser(oid, format) as (text: string) => unknown;
      if (oid !== JSONB) return parse;
      return (text: string) =>
        text.length > LARGE && text.startsWith('{') ? new LargeJson(text) : parse(text);
    },
  };
}

/** `JSON.stringify` in pieces: large objects are among them as they are. */
export function jsonPieces(value: unknown): [string, ...(Buffer | string)[]] {
  met = [];
  const text = JSON.stringify(value);
  if (met.length === 0) return [text];
  const large = met;
  met = [];
  const [first = '', ...rest] = text.split(WRITTEN_PLACE);
  return [first, ...rest.flatMap((piece, index) => [large[index]!, piece])];
}
