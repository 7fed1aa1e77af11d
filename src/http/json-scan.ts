import { fieldName, isShowable } from '../problems/field-path';
import { changeOfNumber } from './json-number';
import type { ProblemField } from '../problems/problem';

/** Deeper values serve nobody and exhaust whatever walks them recursively. */
export const MAX_DEPTH = 100;
const MAX_FIELDS = 100;

/** Where a text stops being JSON. */
export class JsonSyntaxError extends Error {
  constructor(
    readonly offset: number,
    readonly expected: string,
  ) {
    super(`expected ${expected} at offset ${offset}`);
  }
}

/**
 * Finds everything in a JSON text that `JSON.parse` would change without a word, at most 100 findings.
 * @throws JsonSyntaxError when the text is not JSON
 */
export function scanJson(text: string): ProblemField[] {
  return new Scanner(text).scan();
}

class Scanner {
  private at = 0;
  private readonly path: (string | number)[] = [];
  private readonly fields: ProblemField[] = [];

  constructor(private readonly text: string) {}

  scan(): ProblemField[] {
    this.value();
    this.blanks();
    if (this.at < this.text.length) this.fail('the end of the body');
    return this.fields;
  }

  private value(): void {
    this.blanks();
    const first = this.text[this.at];
    if (first === '"') this.characters(this.string());
    else if (first === '{') this.nested(() => this.object());
    else if (first === '[') this.nested(() => this.array());
    else if (first === 't') this.word('true');
    else if (first === 'f') this.word('false');
    else if (first === 'n') this.word('null');
    else this.number();
  }

  private nested(read: () => void): void {
    if (this.path.length < MAX_DEPTH) {
      read();
      return;
    }
    this.report('maxDepth', `is nested more than ${MAX_DEPTH} levels deep`);
    this.skipNested();
  }

  /** Not strict, and not recursive: the text is refused in any case. */
  private skipNested(): void {
    let open = 0;
    do {
      const character = this.text[this.at];
      if (character === undefined) this.fail('a closing bracket');
      if (character === '"') {
        this.string();
        continue;
      }
      if (character === '{' || character === '[') open += 1;
      else if (character === '}' || character === ']') open -= 1;
      this.at += 1;
    } while (open > 0);
  }

  private object(): void {
    /** Each key with whether its repetition has been reported. */
    const keys = new Map<string, boolean>();
    this.at += 1;
    if (this.skip('}')) return;
    do {
      this.blanks();
      if (this.text[this.at] !== '"') this.fail('a name in double quotes');
      const key = this.string();
      this.path.push(key);
      this.key(key, keys);
      if (!this.skip(':')) this.fail("':'");
      this.value();
      this.path.pop();
    } while (this.skip(','));
    if (!this.skip('}')) this.fail("',' or '}'");
  }

  private key(key: string, keys: Map<string, boolean>): void {
    const reported = keys.get(key);
    if (reported === false) this.report('uniqueKeys', 'appears more than once in its object');
    keys.set(key, reported !== undefined);
    if (key === '__proto__') this.report('forbiddenKey', 'is a name that is not allowed');
    this.characters(key, 'the name has');
  }

  private array(): void {
    this.at += 1;
    if (this.skip(']')) return;
    let index = 0;
    do {
      this.path.push(index++);
      this.value();
      this.path.pop();
    } while (this.skip(','));
    if (!this.skip(']')) this.fail("',' or ']'");
  }

  /** Reads from the opening quote to behind the closing one; the decoded text. */
  private string(): string {
    const start = this.at;
    let escaped = false;
    for (let at = start + 1; ; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code === 34) {
        this.at = at + 1;
        const raw = this.text.slice(start + 1, at);
        return escaped ? (JSON.parse(`"${raw}"`) as string) : raw;
      }
      if (code === 92) {
        escaped = true;
        at += this.escapeLength(at);
      } else if (!(code >= 32)) {
        this.at = at;
        this.fail('the closing double quote, and no control character before it');
      }
    }
  }

  private escapeLength(at: number): number {
    const letter = this.text[at + 1] ?? '';
    if (letter === 'u' && /^[0-9a-fA-F]{4}$/.test(this.text.slice(at + 2, at + 6))) return 5;
    if (letter !== '' && '"\\/bfnrt'.includes(letter)) return 1;
    this.at = at;
    return this.fail('a valid escape sequence');
  }

  private characters(decoded: string, subject = 'has'): void {
    if (decoded.includes('\0')) {
      this.report('characters', `${subject} a NUL character, which cannot be stored`);
    } else if (/\p{Cs}/u.test(decoded)) {
      this.report('characters', `${subject} half of a surrogate pair, which is not a character`);
    }
  }

  private number(): void {
    const start = this.at;
    if (this.text[this.at] === '-') this.at += 1;
    const first = this.at;
    this.digits(first === start ? 'a value' : 'a digit');
    if (this.text[first] === '0' && this.at > first + 1) {
      this.at = first;
      this.fail('a number without leading zeros');
    }
    if (this.text[this.at] === '.') {
      this.at += 1;
      this.digits('a digit');
    }
    if (this.text[this.at] === 'e' || this.text[this.at] === 'E') {
      this.at += 1;
      if (this.text[this.at] === '+' || this.text[this.at] === '-') this.at += 1;
      this.digits('a digit');
    }
    const literal = this.text.slice(start, this.at);
    const change = changeOfNumber(literal);
    if (change) this.report(change.constraint, change.message, literal);
  }

  private digits(expected: string): void {
    const start = this.at;
    for (let code = this.text.charCodeAt(start); code >= 48 && code <= 57;) {
      this.at += 1;
      code = this.text.charCodeAt(this.at);
    }
    if (this.at === start) this.fail(expected);
  }

  private word(word: string): void {
    if (!this.text.startsWith(word, this.at)) this.fail('a value');
    this.at += word.length;
  }

  private skip(character: string): boolean {
    this.blanks();
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  private blanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at += 1;
    }
  }

  private report(constraint: string, what: string, value?: string): void {
    if (this.fields.length >= MAX_FIELDS) return;
    const field = fieldName(this.path) || 'body';
    const shown = value !== undefined && isShowable(this.path, value) ? { value } : {};
    this.fields.push({ field, message: `${field} ${what}`, constraint, ...shown });
  }

  private fail(expected: string): never {
    throw new JsonSyntaxError(this.at, expected);
  }
}
