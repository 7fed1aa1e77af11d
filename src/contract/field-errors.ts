import { type BrokenRule, describeRule, distinctFields } from '../problems/broken-rule';
import { type FieldPath, hasOwn, pointerSegments, valueAt } from '../problems/field-path';
import type { ProblemField } from '../problems/problem';

/** An entry of `errors` of what express-openapi-validator throws. */
export interface EovError {
  /** `/query/page`, `/params/cluster_id`, `/body/spec`, `/headers/if-match`. */
  path: string;
  message: string;
  /** `pattern.openapi.validation`; none when a parameter is at fault before its schema is looked at. */
  errorCode?: string;
}

/** The parts of the request that were held against the contract. */
export interface ValidatedInput {
  query: unknown;
  params: unknown;
  /** Under their names in the contract. */
  headers: Readonly<Record<string, unknown>>;
  body: unknown;
}

/** A bad body can break more rules than it has bytes to spare for; a problem shows fewer. */
const MAX_CONSIDERED = 1000;
const NAMING = new Set(['required', 'additionalProperties', 'unevaluatedProperties']);
const SUMMARIES = new Set(['anyOf', 'oneOf', 'propertyNames']);
/** RFC 3986 reserves them. */
const RESERVED = /[:/?#[\]@!$&'()*+,;=]/;

/** Gives what the contract's validator found the form, and the field names, of all our problems. */
export function fieldsOfValidatorErrors(
  errors: readonly EovError[],
  input: ValidatedInput,
): ProblemField[] {
  const rules = errors.slice(0, MAX_CONSIDERED).map((error) => brokenRule(error, input));
  return distinctFields(withoutNoise(rules).map(describeRule));
}

function brokenRule({ path, message, errorCode }: EovError, input: ValidatedInput): BrokenRule {
  const [, place = '', pointer = ''] = /^\/([^/]*)(.*)$/s.exec(path) ?? [];
  const root: unknown = hasOwn(input, place) ? input[place] : undefined;
  const given = errorCode?.replace('.openapi.validation', '');
  // The validator has a `type` of its own for times, which does not say that it is one.
  const isTime = given === 'x-eov-type';
  const keyword = isTime ? 'type' : given;
  const segments =
    keyword !== undefined && NAMING.has(keyword) && pointer !== ''
      ? namedSegments(pointer.slice(1), root)
      : place === 'headers'
        ? [nameOfHeader(pointer.slice(1), input)]
        : pointerSegments(pointer);
  const value = valueAt(root, segments);
  return {
    path: segments,
    keyword: keyword ?? parameterFault(value),
    message: isTime ? 'must match format "date-time"' : message,
    value,
  };
}

/** The validator writes names of headers in lower case. */
function nameOfHeader(lowerCase: string, { headers }: ValidatedInput): string {
  return Object.keys(headers).find((name) => name.toLowerCase() === lowerCase) ?? lowerCase;
}

/** The validator appends the name of a missing or superfluous property unescaped, slashes and all. */
function namedSegments(pointer: string, at: unknown): string[] {
  const slash = pointer.indexOf('/');
  const [name = ''] = pointerSegments(`/${pointer.slice(0, slash)}`);
  if (slash === -1 || hasOwn(at, pointer) || !hasOwn(at, name)) return [pointer];
  return [name, ...namedSegments(pointer.slice(slash + 1), at[name])];
}

function parameterFault(value: unknown): string {
  if (value === '') return 'empty';
  return RESERVED.test(String(value)) ? 'encoding' : 'unknown';
}

/** A union comes last, after what is wrong with each of its forms; `if` only points to another error. */
function withoutNoise(rules: readonly BrokenRule[]): BrokenRule[] {
  const summaries: FieldPath[] = [];
  const kept = rules.toReversed().filter(({ path, keyword, value }) => {
    if (keyword === 'if') return false;
    // The parameter has already been refused, and taken out of the query.
    if (keyword === 'unknown' && value === undefined) return false;
    const isPart = summaries.some((outer) => outer.every((name, index) => name === path[index]));
    if (SUMMARIES.has(keyword)) summaries.push(path);
    return !isPart;
  });
  return kept.reverse();
}
