import { fieldName, type FieldPath, isShowable } from './field-path';
import { MAX_FIELDS, type ProblemField } from './problem';

/** A rule of a schema that a value breaks, whichever validator found it. */
export interface BrokenRule {
  /** Of the property itself where the rule is about one that is missing or not allowed. */
  path: FieldPath;
  /** As JSON Schema calls the rule. */
  keyword: string;
  /** In the validator's words, for example `must be integer`. */
  message: string;
  /** undefined: there is none. */
  value: unknown;
}

/** Said of the field, where the validator's words are about what surrounds it. */
const WORDS: Record<string, string> = {
  required: 'is required',
  dependentRequired: 'is required',
  additionalProperties: 'is not allowed',
  unevaluatedProperties: 'is not allowed',
  'false schema': 'is not allowed',
  unknown: 'is not a parameter of this operation',
  empty: 'must not be empty',
  encoding: 'has characters that must be percent-encoded',
};

/** What validators say of a format, in words that name what is wanted. */
const FORMATS: Record<string, string> = {
  'must match format "date-time"': 'must be an RFC 3339 time, such as 2026-01-15T10:00:00Z',
  'must match format "int32"': 'must be an integer of at most 32 bits',
};

export function describeRule({ path, keyword, message, value }: BrokenRule): ProblemField {
  const field = fieldName(path) || 'body';
  const shown = value !== undefined && isShowable(path, value);
  const got = shown ? ` (got ${JSON.stringify(value)})` : '';
  return {
    field,
    message: `${field} ${WORDS[keyword] ?? FORMATS[message] ?? message}${got}`,
    // JSON Schema has no keyword for the schema `false`, which is `{ not: {} }`.
    constraint: keyword === 'false schema' ? 'not' : keyword,
    ...(shown && { value }),
  };
}

/** Leaves out repetitions, and whatever exceeds the number of fields that a problem shows. */
export function distinctFields(fields: readonly ProblemField[]): ProblemField[] {
  const byText = new Map(fields.map((field) => [`${field.constraint} ${field.message}`, field]));
  return [...byText.values()].slice(0, MAX_FIELDS);
}
