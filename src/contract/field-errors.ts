import { type BrokenRule, describeRules } from '../problems/broken-rule';
import { type FieldPath, hasOwn, pointerSegments } from '../problems/field-path';
import type { ProblemField } from '../problems/problem';

/** An entry of `errors` of what express-openapi-validator throws; the parameters of the rule are only in its text. */
export interface EovError {
  /** `/query/page`, `/params/cluster_id`, `/body/spec`, `/headers/if-match`. */
  path: string;
  message: string;
  /** `pattern.openapi.validation`. */
  errorCode?: string;
}

/** The parts of the request that were held against the contract. */
export interface ValidatedInput {
  query: unknown;
  params: unknown;
  body: unknown;
}

/** A bad body can break more rules than it has bytes to spare for; a problem shows fewer. */
const MAX_CONSIDERED = 1000;

/** Says what the contract's validator found in the words, and with the field names, of all our problems. */
export function fieldsOfValidatorErrors(
  errors: readonly EovError[],
  input: ValidatedInput,
): ProblemField[] {
  const rules = errors.slice(0, MAX_CONSIDERED).map((error) => brokenRule(error, input));
  return describeRules(withoutNoise(rules));
}

/** Joins the first few messages into the sentence that a problem begins with. */
export function validationDetail(fields: readonly ProblemField[]): string {
  const shown = fields.slice(0, 5).map(({ message }) => message);
  if (fields.length > shown.length) shown.push(`and ${fields.length - shown.length} more`);
  return `${shown.join('; ')}.`;
}

function brokenRule({ path, message, errorCode }: EovError, input: ValidatedInput): BrokenRule {
  const keyword = keywordOf(errorCode, message);
  const [, place = '', rest = ''] = /^\/([^/]*)(.*)$/s.exec(path) ?? [];
  const root: unknown = hasOwn(input, place) ? input[place] : undefined;
  const segments = segmentsOf(rest, keyword, message, root);
  return {
    path: segments,
    keyword,
    params: paramsOf(keyword, message),
    value: valueAt(root, segments),
  };
}

function keywordOf(errorCode: string | undefined, message: string): string {
  // In OpenAPI 3.0 an exclusive limit is a flag beside the limit, and the limit is what gets blamed.
  if (message.startsWith('must be > ')) return 'exclusiveMinimum';
  if (message.startsWith('must be < ')) return 'exclusiveMaximum';
  if (errorCode !== undefined) return errorCode.replace('.openapi.validation', '');
  // What the validator says about a parameter outside of any schema has no code.
  if (message.startsWith('Unknown query parameter')) return 'unknown';
  if (message.startsWith('Empty value')) return 'empty';
  return message.includes('url encoded') ? 'encoding' : 'invalid';
}

/** The name of a missing or superfluous member is appended to the pointer unescaped, slashes and all. */
function segmentsOf(pointer: string, keyword: string, message: string, root: unknown): string[] {
  if (keyword === 'required') {
    const name = /'(.*)'$/s.exec(message)?.[1];
    if (name !== undefined && pointer.endsWith(`/${name}`)) {
      return [...pointerSegments(pointer.slice(0, -name.length - 1)), name];
    }
  }
  if (keyword !== 'additionalProperties' && keyword !== 'unevaluatedProperties') {
    return pointerSegments(pointer);
  }
  const segments: string[] = [];
  let rest = pointer.slice(1);
  for (let at = root; !hasOwn(at, rest) && rest.includes('/');) {
    const slash = rest.indexOf('/');
    const [name = ''] = pointerSegments(`/${rest.slice(0, slash)}`);
    segments.push(name);
    at = hasOwn(at, name) ? at[name] : undefined;
    rest = rest.slice(slash + 1);
  }
  return [...segments, rest];
}

function valueAt(root: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(
    (at, part) => (hasOwn(at, String(part)) ? at[String(part)] : undefined),
    root,
  );
}

function paramsOf(keyword: string, message: string): Record<string, unknown> {
  const quoted = /"(.*)"/s.exec(message)?.[1];
  const number = /-?\d+(\.\d+)?(e[+-]?\d+)?/i.exec(message)?.[0];
  switch (keyword) {
    case 'type':
      return { type: message.replace('must be ', '').split(',') };
    case 'enum':
      return { allowedValues: message.split(/allowed values: /)[1]?.split(', ') };
    case 'pattern':
      return { pattern: quoted };
    case 'format':
      return { format: quoted };
    case 'multipleOf':
      return { multipleOf: number };
    case 'uniqueItems': {
      const [j, i] = message.match(/\d+/g) ?? [];
      return { i, j };
    }
    default:
      return { limit: number };
  }
}

const COMBINING = new Set(['anyOf', 'oneOf', 'if']);

/** Leaves out what only repeats that something else is wrong with the same value. */
function withoutNoise(rules: readonly BrokenRule[]): BrokenRule[] {
  const isWithin = (inner: BrokenRule, outer: BrokenRule): boolean =>
    outer.path.every((part, index) => inner.path[index] === part);
  return rules.filter((rule) => {
    if (COMBINING.has(rule.keyword)) {
      return !rules.some((other) => !COMBINING.has(other.keyword) && isWithin(other, rule));
    }
    // The name of a member is checked as if it were the value of the object.
    return !rules.some(
      (other) =>
        other.keyword === 'propertyNames' &&
        rule !== other &&
        samePath(rule, other) &&
        isTextRule(rule),
    );
  });
}

function samePath(one: BrokenRule, other: BrokenRule): boolean {
  return (
    one.path.length === other.path.length && one.path.every((part, at) => part === other.path[at])
  );
}

function isTextRule({ keyword, value }: BrokenRule): boolean {
  return (
    typeof value === 'object' && ['pattern', 'minLength', 'maxLength', 'format'].includes(keyword)
  );
}
