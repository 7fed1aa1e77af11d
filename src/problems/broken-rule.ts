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

export function describeRule({ path, keyword, message, value }: BrokenRule): ProblemField {
  const field = fieldName(path) || 'body';
  const shown = value !== undefined && isShowable(path, value);
  const got = shown ? ` (got ${JSON.stringify(value)})` : '';
  return {
    field,
    message: `${field} ${WORDS[keyword] ?? message}${got}`,
    constraint: keyword,
    ...(shown && { value }),
  };
}

/** Leaves out repetitions, and whatever exceeds the number of fields that a problem shows. */
export function distinctFields(fields: readonly ProblemField[]): ProblemField[] {
  const byText = new Map(fields.map((field) => [`${field.constraint} ${field.message}`, field]));
  return [...byText.values()].slice(0, MAX_FIELDS);
}
