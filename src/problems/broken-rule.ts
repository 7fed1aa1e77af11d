import { describeValue, fieldName, type FieldPath, isShowable } from './field-path';
import type { ProblemField } from './problem';

/** A rule of a schema that a value breaks, whichever validator found it. */
export interface BrokenRule {
  /** Of the member that is missing or superfluous, if the rule is about one. */
  path: FieldPath;
  keyword: string;
  /** As ajv has them. */
  params: Record<string, unknown>;
  /** undefined: there is none. */
  value: unknown;
}

const TYPES: Record<string, string> = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

const FORMATS: Record<string, string> = {
  'date-time': 'an RFC 3339 time such as 2026-01-31T12:00:00Z',
  date: 'a date such as 2026-01-31',
  email: 'an e-mail address',
  uri: 'a URI',
  uuid: 'a UUID',
  int32: 'a whole number of 32 bits',
  int64: 'a whole number of 64 bits',
};

/** A problem shows no more; whatever is beyond is not worth describing. */
const MAX_FIELDS = 100;

/** The broken rules in words, without what would say the same about the same field again; at most 100. */
export function describeRules(rules: readonly BrokenRule[]): ProblemField[] {
  const byText = new Map<string, ProblemField>();
  for (const rule of rules) {
    const field = describeRule(rule);
    byText.set(`${rule.keyword} ${field.message}`, field);
    if (byText.size === MAX_FIELDS) break;
  }
  return [...byText.values()];
}

/** One broken rule in words for people: which field, what is allowed, what came. */
export function describeRule({ path, keyword, params, value }: BrokenRule): ProblemField {
  const field = fieldName(path) || 'body';
  const came = value === undefined ? '' : `, not ${describeValue(path, value)}`;
  const shown = value !== undefined && isShowable(path, value) ? { value } : {};
  return {
    field,
    message: `${field} ${rule(keyword, params, value, came)}`,
    constraint: keyword,
    ...shown,
  };
}

function rule(
  keyword: string,
  params: Record<string, unknown>,
  value: unknown,
  came: string,
): string {
  const limit = Number(params.limit);
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'dependentRequired':
      return `is required when ${String(params.property)} is present`;
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return `is not a member that is allowed here${allowedMembers(params.allowed)}`;
    case 'false schema':
      return 'is not allowed here';
    case 'type':
      return `must be ${[params.type].flat().map(typeName).join(' or ')}${came}`;
    case 'enum':
      return `must be ${listOf(params.allowedValues)}${came}`;
    case 'const':
      return `must be ${'allowedValue' in params ? quote(params.allowedValue) : 'its one allowed value'}${came}`;
    case 'pattern':
      return `must match the pattern ${String(params.pattern)}${came}`;
    case 'format':
      return `must be ${FORMATS[String(params.format)] ?? `a valid ${String(params.format)}`}${came}`;
    case 'minLength':
    case 'maxLength':
      return `must have ${size(keyword, limit, 'character')}${counted(value)}`;
    case 'items':
    case 'unevaluatedItems':
    case 'minItems':
    case 'maxItems':
      return `must have ${size(keyword, limit, 'entry', 'entries')}${counted(value)}`;
    case 'minProperties':
    case 'maxProperties':
      return `must have ${size(keyword, limit, 'member')}${counted(value)}`;
    case 'minimum':
      return `must be at least ${limit}${came}`;
    case 'maximum':
      return `must be at most ${limit}${came}`;
    case 'exclusiveMinimum':
      return `must be more than ${limit}${came}`;
    case 'exclusiveMaximum':
      return `must be less than ${limit}${came}`;
    case 'multipleOf':
      return `must be a multiple of ${String(params.multipleOf)}${came}`;
    case 'uniqueItems': {
      const [first, second] = [Number(params.i), Number(params.j)].sort((one, two) => one - two);
      return `must not have equal entries: ${first} and ${second} are the same`;
    }
    case 'contains':
      return 'has too few or too many entries of the form it must contain';
    case 'propertyNames':
      return 'has a member with a name that is not allowed';
    case 'unknown':
      return 'is not a parameter of this operation';
    case 'empty':
      return 'must not be empty';
    case 'encoding':
      return 'has characters that must be percent-encoded';
    case 'anyOf':
    case 'oneOf':
      return formsMessage(params);
    case 'not':
      return 'has a form that is not allowed';
    default:
      return `breaks the rule '${keyword}'${came}`;
  }
}

function formsMessage({ passingSchemas, reasons }: Record<string, unknown>): string {
  if (Array.isArray(passingSchemas)) return 'matches more than one of its forms and must match one';
  const why = Array.isArray(reasons) && reasons.length > 0 ? `: ${reasons.join('; or: ')}` : '';
  return `matches none of its allowed forms${why}`;
}

function typeName(type: unknown): string {
  return TYPES[String(type)] ?? String(type);
}

function quote(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}

function listOf(values: unknown): string {
  if (!Array.isArray(values) || values.length === 0) return 'one of the allowed values';
  const names = values.slice(0, 20).map(quote).join(', ');
  if (values.length === 1) return names;
  return `one of ${names}${values.length > 20 ? ', …' : ''}`;
}

function allowedMembers(names: unknown): string {
  if (!Array.isArray(names)) return '';
  if (names.length === 0) return '; none is';
  return names.length > 20 ? '' : ` (${names.join(', ')})`;
}

function size(keyword: string, limit: number, one: string, many = `${one}s`): string {
  return `${keyword.startsWith('min') ? 'at least' : 'at most'} ${limit} ${limit === 1 ? one : many}`;
}

function counted(value: unknown): string {
  // Lengths are counted as validators do: a character outside the basic plane is one.
  if (typeof value === 'string') return `, not ${Array.from(value).length}`;
  if (Array.isArray(value)) return `, not ${value.length}`;
  if (typeof value !== 'object' || value === null) return '';
  return `, not ${Object.keys(value).length}`;
}
