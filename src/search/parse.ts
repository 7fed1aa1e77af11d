import { SearchError, characters, quote } from './search-error';
import {
  Tokenizer,
  operatorHint,
  valueHint,
  type FieldName,
  type Literal,
  type Token,
} from './tokens';

const MAX_NESTING = 50;
/** Each makes PostgreSQL plan more. */
const MAX_COMPARISONS = 100;
/** In all lists of `in` together; a list is one value for PostgreSQL. */
const MAX_LISTED = 500;

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=';

interface Test {
  readonly field: FieldName;
  readonly negated: boolean;
  readonly position: number;
}

/** Every node carries the number of the character it starts at. */
export type SearchTree =
  | {
      readonly type: 'and' | 'or';
      readonly operands: readonly SearchTree[];
      readonly position: number;
    }
  | { readonly type: 'not'; readonly operand: SearchTree; readonly position: number }
  | {
      readonly type: 'compare';
      readonly field: FieldName;
      readonly operator: Operator;
      readonly value: Literal;
      readonly position: number;
    }
  | (Test & { readonly type: 'in'; readonly values: readonly Literal[] })
  | (Test & { readonly type: 'between'; readonly low: Literal; readonly high: Literal })
  | (Test & { readonly type: 'like'; readonly ignoreCase: boolean; readonly pattern: Literal })
  | (Test & { readonly type: 'null' });

const OPERATORS: Readonly<Record<string, Operator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '<>': '!=',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

/** PostgreSQL can store neither NUL in a string nor a lone surrogate in JSON. */
const UNSTORABLE = /[\0\ud800-\udfff]/u;

/**
 * Reads a search phrase; undefined when it is blank, which is no condition at all.
 *
 *     or      = and { "or" and }
 *     and     = not { "and" not }
 *     not     = "not" not | "(" or ")" | test
 *     test    = field ( operator literal
 *                     | "is" ["not"] "null"
 *                     | ["not"] ( "in" list | "between" literal "and" literal | ("like" | "ilike") literal ) )
 *     list    = "(" [literal { "," literal }] ")" | "[" … "]"
 */
export function parseSearch(phrase: string): SearchTree | undefined {
  if (phrase.trim() === '') return undefined;
  const unstorable = UNSTORABLE.exec(phrase);
  if (unstorable !== null) {
    const position = characters(phrase.slice(0, unstorable.index)).length + 1;
    throw new SearchError('Found a character that a string cannot contain', position);
  }
  return new Parser(phrase).parse();
}

class Parser {
  private readonly tokens: Tokenizer;
  private current: Token;
  private nesting = 0;
  private comparisons = 0;
  private listed = 0;

  constructor(phrase: string) {
    this.tokens = new Tokenizer(phrase);
    this.current = this.tokens.next();
  }

  parse(): SearchTree {
    const tree = this.or();
    if (this.current.type !== 'end') throw this.unexpected('"and", "or" or the end of the search');
    return tree;
  }

  private or(): SearchTree {
    return this.chain('or', () => this.chain('and', () => this.not()));
  }

  /** A flat list of operands, so that a long phrase never makes a deep tree. */
  private chain(type: 'and' | 'or', operand: () => SearchTree): SearchTree {
    const first = operand();
    if (!this.at('keyword', type)) return first;
    const operands = [first];
    while (this.skip('keyword', type)) operands.push(operand());
    return { type, operands, position: first.position };
  }

  private not(): SearchTree {
    const { position } = this.current;
    if (this.skip('keyword', 'not')) {
      const operand = this.nested(position, () => this.not());
      return { type: 'not', operand, position };
    }
    if (this.skip('symbol', '(')) {
      const tree = this.nested(position, () => this.or());
      if (!this.skip('symbol', ')')) {
        throw this.unexpected(
          `"and", "or" or the ")" that closes the "(" of character ${position}`,
        );
      }
      return tree;
    }
    return this.test();
  }

  private nested(position: number, read: () => SearchTree): SearchTree {
    limit(++this.nesting, MAX_NESTING, 'levels of parentheses and "not"', position);
    const tree = read();
    this.nesting--;
    return tree;
  }

  private test(): SearchTree {
    const token = this.current;
    if (token.type !== 'name') {
      const hint = 'A comparison starts with the field, unquoted.';
      throw this.unexpected('a field, "not" or "("', token.type === 'literal' ? hint : undefined);
    }
    this.advance();
    const field = token.name;
    const { position } = field;
    const hint = 'Compare one field with several values by "in".';
    limit(++this.comparisons, MAX_COMPARISONS, 'comparisons', position, hint);

    const operator = this.current.type === 'symbol' ? OPERATORS[this.current.text] : undefined;
    if (operator !== undefined) {
      const written = this.current.text;
      this.advance();
      return {
        type: 'compare',
        field,
        operator,
        value: this.literal(`after "${written}"`),
        position,
      };
    }
    if (this.skip('keyword', 'is')) {
      const negated = this.skip('keyword', 'not');
      if (!this.skip('keyword', 'null')) {
        throw this.unexpected(
          negated ? '"null" after "is not"' : '"null" or "not null" after "is"',
        );
      }
      return { type: 'null', field, negated, position };
    }
    const negated = this.skip('keyword', 'not');
    if (this.skip('keyword', 'in')) {
      return { type: 'in', field, negated, values: this.list(), position };
    }
    if (this.skip('keyword', 'between')) {
      const low = this.literal('after "between"');
      if (!this.skip('keyword', 'and')) throw this.unexpected('"and" and the upper bound');
      return { type: 'between', field, negated, low, high: this.literal('after "and"'), position };
    }
    const ignoreCase = this.at('keyword', 'ilike');
    if (ignoreCase || this.at('keyword', 'like')) {
      const written = this.current.text;
      this.advance();
      const pattern = this.literal(`after "${written}"`);
      return { type: 'like', field, negated, ignoreCase, pattern, position };
    }
    throw this.unexpected(
      negated
        ? '"in", "between", "like" or "ilike" after "not"'
        : `an operator after ${quote(field.text)} (=, !=, <, <=, >, >=, in, between, like, ilike, is)`,
      negated ? undefined : operatorHint(this.current),
    );
  }

  private list(): Literal[] {
    const { position } = this.current;
    const square = this.skip('symbol', '[');
    if (!square && !this.skip('symbol', '(')) throw this.unexpected('"(" or "[" after "in"');
    const close = square ? ']' : ')';
    const values: Literal[] = [];
    if (this.skip('symbol', close)) return values;
    do values.push(this.listedLiteral());
    while (this.skip('symbol', ','));
    if (!this.skip('symbol', close)) {
      throw this.unexpected(`"," or the "${close}" that closes the list of character ${position}`);
    }
    return values;
  }

  private listedLiteral(): Literal {
    limit(++this.listed, MAX_LISTED, 'values in lists', this.current.position);
    return this.literal('in the list');
  }

  private literal(where: string): Literal {
    const token = this.current;
    if (token.type !== 'literal') throw this.unexpected(`a value ${where}`, valueHint(token));
    this.advance();
    return token.literal;
  }

  private at(type: Token['type'], text: string): boolean {
    return this.current.type === type && this.current.text === text;
  }

  private skip(type: Token['type'], text: string): boolean {
    const found = this.at(type, text);
    if (found) this.advance();
    return found;
  }

  private advance(): void {
    this.current = this.tokens.next();
  }

  private unexpected(expected: string, hint?: string): SearchError {
    const { type, text, position } = this.current;
    const found = type === 'end' ? 'the end' : quote(text);
    return new SearchError(`Expected ${expected}, found ${found}`, position, hint);
  }
}

/** @throws SearchError when there are too many */
function limit(count: number, max: number, what: string, position: number, hint?: string): void {
  if (count <= max) return;
  throw new SearchError(`Expected at most ${max} ${what}, found one more`, position, hint);
}
