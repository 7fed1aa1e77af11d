import { type JSONPath, printParseErrorCode, visit } from 'jsonc-parser';
import { fieldName, isObject, isShowable } from '../problems/field-path';
import { ProblemError, type ProblemField, refuseFields } from '../problems/problem';

/** Deeper values have no use, and would exhaust the stack of recursive code. */
const MAX_DEPTH = 100;
const MAX_FIELDS = 100;

const SYNTAX_ERRORS: Record<ReturnType<typeof printParseErrorCode>, string> = {
  InvalidSymbol: 'unexpected symbol',
  InvalidNumberFormat: 'invalid number',
  PropertyNameExpected: 'expected a property name in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: "expected ':'",
  CommaExpected: "expected ',' or a closing bracket",
  CloseBraceExpected: "expected '}'",
  CloseBracketExpected: "expected ']'",
  EndOfFileExpected: 'expected the end of the body',
  InvalidCommentToken: 'comments are not allowed',
  UnexpectedEndOfComment: 'comments are not allowed',
  UnexpectedEndOfString: 'unterminated string',
  UnexpectedEndOfNumber: 'incomplete number',
  InvalidUnicode: 'invalid Unicode escape sequence',
  InvalidEscapeCharacter: 'invalid escape sequence',
  InvalidCharacter: 'unescaped control character',
  '<unknown ParseErrorCode>': 'syntax error',
};

class TooDeep extends Error {}

/**
 * Parses a JSON object, and refuses one that parsing or storing would silently change.
 * @throws ProblemError VAL-006 when the text is not a JSON object, VAL-000 when parsing or storing would change it
 */
export function parseStrictJson(text: string): unknown {
  const changes = findChanges(text);
  const value = parse(text);
  if (!isObject(value)) {
    throw new ProblemError('VAL-006', `The body must be a JSON object, not ${describe(value)}.`);
  }
  refuseFields(changes);
  return value;
}

/** Fails only when the visit stopped at the maximum depth, before a syntax error; the visit finds all others. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ProblemError('VAL-006', 'The body is not valid JSON.');
  }
}

/**
 * Finds what `JSON.parse` or PostgreSQL would change, up to 100 places.
 * @throws ProblemError VAL-006 at the first syntax error
 */
function findChanges(text: string): ProblemField[] {
  const fields: ProblemField[] = [];
  /** The keys of each open object, and for each whether its repetition has been reported. */
  const openObjects: Map<string, boolean>[] = [];
  let depth = 0;

  const report = (path: JSONPath, constraint: string, what: string, value?: string) => {
    if (fields.length >= MAX_FIELDS) return;
    const field = fieldName(path) || 'body';
    const shown = value !== undefined && isShowable(path, value) ? { value } : {};
    fields.push({ field, message: `${field} ${what}`, constraint, ...shown });
  };
  const enter = (path: () => JSONPath) => {
    depth += 1;
    if (depth <= MAX_DEPTH) return;
    report(path(), 'maxDepth', `is nested more than ${MAX_DEPTH} levels deep`);
    // The visit is recursive: going on could exhaust the stack.
    throw new TooDeep();
  };

  try {
    visit(
      text,
      {
        onObjectBegin: (_offset, _length, _line, _character, path) => {
          enter(path);
          openObjects.push(new Map());
        },
        onObjectEnd: () => {
          depth -= 1;
          openObjects.pop();
        },
        onArrayBegin: (_offset, _length, _line, _character, path) => enter(path),
        onArrayEnd: () => {
          depth -= 1;
        },
        onObjectProperty: (key, _offset, _length, _line, _character, parent) => {
          const keys = openObjects.at(-1)!;
          const reported = keys.get(key);
          keys.set(key, reported !== undefined);
          if (reported === false) {
            report([...parent(), key], 'uniqueKeys', 'appears more than once in its object');
          }
          if (key === '__proto__') {
            report([...parent(), key], 'forbiddenKey', 'is not allowed as a property name');
          }
          const unstorable = unstorableCharacter(key);
          if (unstorable) {
            report([...parent(), key], 'characters', `has a name that contains ${unstorable}`);
          }
        },
        onLiteralValue: (value: unknown, offset, length, _line, _character, path) => {
          if (typeof value === 'string') {
            const unstorable = unstorableCharacter(value);
            if (unstorable) report(path(), 'characters', `contains ${unstorable}`);
          } else if (typeof value === 'number') {
            const literal = text.slice(offset, offset + length);
            const change = changeOfNumber(literal, value);
            if (change) report(path(), change.constraint, change.message, literal);
          }
        },
        onError: (code, _offset, _length, line, character) => {
          const what = SYNTAX_ERRORS[printParseErrorCode(code)];
          const where = `line ${line + 1}, column ${character + 1}`;
          throw new ProblemError('VAL-006', `The body is not valid JSON: ${what} at ${where}.`);
        },
      },
      { disallowComments: true },
    );
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
  }
  return fields;
}

function unstorableCharacter(decoded: string): string | undefined {
  if (decoded.includes('\0')) return 'a NUL character, which cannot be stored';
  if (/\p{Cs}/u.test(decoded)) return 'an unpaired surrogate, which is not a character';
  return undefined;
}

/** How a number literal changes when it is read as a double and written again. */
function changeOfNumber(
  literal: string,
  read: number,
): { constraint: 'range' | 'precision'; message: string } | undefined {
  if (Number.isSafeInteger(read) && read !== 0) return undefined;
  if (!Number.isFinite(read)) {
    return { constraint: 'range', message: 'is too large a number to be stored exactly' };
  }
  const sent = decimal(literal);
  if (read === 0) {
    if (sent.digits === '') return undefined;
    return { constraint: 'range', message: 'is too close to zero to be stored exactly' };
  }
  // That fractions are rounded is expected; an integer may be an identifier.
  if (sent.exponent < 0) return undefined;
  // Compares with what would be sent back: 2^60 is a double, but is written as 1152921504606847000.
  const kept = decimal(String(read));
  if (kept.digits === sent.digits && kept.exponent === sent.exponent) return undefined;
  return {
    constraint: 'precision',
    message: `is an integer that would change to ${read}; send it as a string`,
  };
}

/** A number literal in a normal form: its significant digits, and the power of ten that scales them. */
function decimal(literal: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = literal.replace(/^-/, '').toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const significant = (whole + fraction).replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  return { digits, exponent: Number(power) - fraction.length + significant.length - digits.length };
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value === null ? 'null' : `a ${typeof value}`;
}
