import { SearchError, characters, quote } from './search-error';

/** A value as written; which type it is compared as depends on the field it meets. */
export interface Literal {
  readonly type: 'string' | 'number' | 'boolean' | 'time';
  /** What is between the quotes, or the bare word as it stands in the phrase. */
  readonly text: string;
  readonly position: number;
}

export interface NamePart {
  readonly text: string;
  readonly quoted: boolean;
  readonly position: number;
}

/** `status.phase` has two parts; `labels.a.b/c` has two as well: what follows `labels.` is one key. */
export interface FieldName {
  readonly parts: readonly NamePart[];
  /** As it stands in the phrase. */
  readonly text: string;
  readonly position: number;
}

export type Token =
  | {
      readonly type: 'name';
      readonly name: FieldName;
      readonly text: string;
      readonly position: number;
    }
  | {
      readonly type: 'literal';
      readonly literal: Literal;
      readonly text: string;
      readonly position: number;
    }
  | {
      readonly type: 'keyword' | 'symbol' | 'end';
      readonly text: string;
      readonly position: number;
    };

const KEYWORDS = new Set(['and', 'or', 'not', 'in', 'between', 'is', 'null', 'like', 'ilike']);

export const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const LOOKS_LIKE_TIME = /^\d{4}-\d{2}-\d{2}(?:[Tt]|$)/;

const SPACE = /\s+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const LABEL_KEY = /[A-Za-z0-9_./-]+/y;
const NAME_PART = /[A-Za-z0-9_-]+/y;
const NUMBER_OR_TIME = /[+-]?\.?\d[\w.:+-]*/y;
const QUOTED = /'(?:[^']|'')*'|"(?:[^"]|"")*"/y;
const SYMBOL = /==|!=|<>|<=|>=|[=<>()[\],]/y;
const REFUSED = /~=|~!|=~|!~|~|&&|\|\||[-+*/%^!;.]|[^]/uy;

const HINTS: Readonly<Record<string, string>> = {
  '&&': 'Write "and".',
  '||': 'Write "or".',
  '!': 'Write "not".',
  ';': 'A search is one expression.',
};
const REGULAR_EXPRESSION = 'Regular expressions are not supported; use like or ilike with % and _.';
const ARITHMETIC = 'Arithmetic is not supported; compare a field with a plain value.';

/** Cuts a phrase into tokens, one at a time, so that the first error reported is the leftmost. */
export class Tokenizer {
  private offset = 0;
  /** Counted in code points, as a person counts, whereas `offset` counts UTF-16 units. */
  private position = 1;

  constructor(private readonly phrase: string) {}

  next(): Token {
    this.take(SPACE);
    const { position } = this;
    if (this.offset >= this.phrase.length) return { type: 'end', text: '', position };

    const quoted = this.quotedString();
    if (quoted !== undefined) {
      return this.literal('string', quoted.text, quoted.source, position);
    }
    const bare = this.take(NUMBER_OR_TIME);
    if (bare !== undefined) return this.literal(bareType(bare, position), bare, bare, position);
    const word = this.take(WORD);
    if (word !== undefined) return this.wordToken(word, position);
    // Refused operators go first where they begin like an accepted one: "=~" is not "=".
    const text = this.startsWith('=~') ? undefined : this.take(SYMBOL);
    if (text !== undefined) return { type: 'symbol', text, position };
    throw this.refused(position);
  }

  private literal(type: Literal['type'], text: string, source: string, position: number): Token {
    return { type: 'literal', literal: { type, text, position }, text: source, position };
  }

  private wordToken(word: string, position: number): Token {
    const lower = word.toLowerCase();
    if (!this.startsWith('.')) {
      if (lower === 'true' || lower === 'false') {
        return this.literal('boolean', word, word, position);
      }
      if (KEYWORDS.has(lower)) return { type: 'keyword', text: lower, position };
    }
    const start = this.offset - word.length;
    const parts: NamePart[] = [{ text: word, quoted: false, position }];
    while (this.startsWith('.') && !(word === 'labels' && parts.length > 1)) {
      this.advance('.');
      parts.push(this.namePart(word === 'labels' ? LABEL_KEY : NAME_PART));
    }
    const text = this.phrase.slice(start, this.offset);
    return { type: 'name', name: { parts, text, position }, text, position };
  }

  private namePart(form: RegExp): NamePart {
    const { position } = this;
    const quoted = this.quotedString();
    if (quoted !== undefined) return { text: quoted.text, quoted: true, position };
    const text = this.take(form);
    if (text === undefined) {
      const what = form === LABEL_KEY ? 'a label key' : 'a name';
      throw new SearchError(`Expected ${what} after the dot, found ${this.found()}`, position);
    }
    return { text, quoted: false, position };
  }

  private quotedString(): { text: string; source: string } | undefined {
    const { position } = this;
    const mark = this.phrase[this.offset];
    if (mark !== "'" && mark !== '"') return undefined;
    const source = this.take(QUOTED);
    if (source === undefined) {
      throw new SearchError(
        `Expected a closing ${mark} for the string that starts`,
        position,
        `Write a ${mark} inside the string twice.`,
      );
    }
    return { text: source.slice(1, -1).replaceAll(mark + mark, mark), source };
  }

  private refused(position: number): SearchError {
    const text = this.take(REFUSED) ?? '';
    if (text.includes('~')) {
      return new SearchError(`Found the operator ${quote(text)}`, position, REGULAR_EXPRESSION);
    }
    const hint = HINTS[text] ?? (/^[-+*/%^]$/.test(text) ? ARITHMETIC : undefined);
    return new SearchError(`Found an unexpected ${quote(text)}`, position, hint);
  }

  private found(): string {
    const character = this.phrase.codePointAt(this.offset);
    return character === undefined ? 'the end' : quote(String.fromCodePoint(character));
  }

  private startsWith(text: string): boolean {
    return this.phrase.startsWith(text, this.offset);
  }

  private take(form: RegExp): string | undefined {
    form.lastIndex = this.offset;
    const text = form.exec(this.phrase)?.[0];
    if (text !== undefined) this.advance(text);
    return text;
  }

  private advance(text: string): void {
    this.offset += text.length;
    this.position += characters(text).length;
  }
}

function bareType(text: string, position: number): Literal['type'] {
  if (NUMBER.test(text)) return 'number';
  if (LOOKS_LIKE_TIME.test(text)) return 'time';
  throw new SearchError(
    `Expected a number, a date or a time, found ${quote(text)}`,
    position,
    'A string must be in quotes; arithmetic is not supported.',
  );
}

/** What to say to a token where a value is expected. */
export function valueHint({ type, text }: Token): string | undefined {
  if (type === 'name') {
    return `A string must be in quotes ('${text}'); fields cannot be compared with each other.`;
  }
  return type === 'keyword' && text === 'null' ? 'Write "is null" or "is not null".' : undefined;
}

/** What to say to a token where an operator is expected. */
export function operatorHint({ type, text }: Token): string | undefined {
  if (type === 'symbol' && text === '(') return 'Functions are not supported.';
  if (type === 'literal' && /^[+-]/.test(text)) return 'Arithmetic is not supported.';
  return undefined;
}
