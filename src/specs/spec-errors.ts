import type { AnySchema, ErrorObject } from 'ajv';
import { brokenRule, pathOf } from '../problems/ajv-error';
import { describeRule, distinctFields } from '../problems/broken-rule';
import type { FieldPath } from '../problems/field-path';
import type { ProblemField } from '../problems/problem';
import type { Ajv } from './schemas';

const UNIONS = new Set(['anyOf', 'oneOf']);
/** They only say that another rule is broken, which has an error of its own. */
const REPEATING = new Set(['if', 'propertyNames']);
/** A union may have more forms than fit into a message. */
const MAX_REASONS = 3;

/**
 * Describes the errors of ajv (with `allErrors` and `verbose`). A broken union is one of them: the errors of its
 * forms, which stand before it, only explain it.
 * @param base where the validated value sits
 */
export function fieldsOfErrors(
  ajv: Ajv,
  errors: readonly ErrorObject[],
  base: FieldPath,
): ProblemField[] {
  const fields: ProblemField[] = [];
  for (let index = errors.length - 1; index >= 0; index--) {
    const error = errors[index]!;
    if (REPEATING.has(error.keyword)) continue;
    const field = describeRule(brokenRule(error, base));
    if (UNIONS.has(error.keyword)) {
      const { passingSchemas: matches } = error.params as { passingSchemas?: number[] | null };
      const broken = errorsOfForms(ajv, error, matches?.[1]);
      index -= broken.flat().length;
      if (!matches) field.message += `: ${reasons(broken, pathOf(error, base))}`;
    }
    fields.unshift(field);
  }
  return distinctFields(fields);
}

/**
 * What is wrong with each form of a union that does not match.
 * @param last the second form that matches, after which ajv looks no further
 */
function errorsOfForms(
  ajv: Ajv,
  { schema, data }: ErrorObject,
  last = Infinity,
): (readonly ErrorObject[])[] {
  const forms = (schema as AnySchema[]).slice(0, last + 1);
  return forms.flatMap((form) => (ajv.validate(form, data) ? [] : [ajv.errors ?? []]));
}

function reasons(broken: readonly (readonly ErrorObject[])[], path: FieldPath): string {
  const first = broken.slice(0, MAX_REASONS).flatMap((errors) => errors.slice(0, 1));
  return first.map((error) => describeRule(brokenRule(error, path)).message).join('; or ');
}
