import type { ErrorObject, ValidateFunction } from 'ajv';
import { type BrokenRule, describeRule } from '../problems/broken-rule';
import { type FieldPath, hasOwn, pointerSegments } from '../problems/field-path';

type Resolve = (ref: string) => ValidateFunction | undefined;

/** What a run of errors of the validator comes down to. */
interface Finding {
  rules: BrokenRule[];
  errors: number;
}

/**
 * Turns the errors of ajv (with `allErrors` and `verbose`) into broken rules. Of a value that matches none of
 * several forms it keeps what is wrong with the form that was meant, if that can be told.
 * @param base where the validated value sits
 * @param resolve finds the validator of a form; every `anyOf` and `oneOf` lists references only
 */
export function rulesOfErrors(
  errors: readonly ErrorObject[],
  base: FieldPath,
  resolve: Resolve,
): BrokenRule[] {
  const findings: Finding[] = [];
  for (const error of errors) {
    const path = [...base, ...pointerSegments(error.instancePath)];
    if (error.keyword !== 'anyOf' && error.keyword !== 'oneOf') {
      findings.push({ rules: ruleOf(error, path), errors: 1 });
      continue;
    }
    const forms = brokenForms(error, path, resolve);
    // The errors of the forms stand right before the error of their union.
    const count = forms.reduce((sum, form) => sum + form.errors, 0);
    for (let left = count; left > 0;) left -= findings.pop()?.errors ?? left;
    findings.push({ rules: explainForms(error, path, forms), errors: count + 1 });
  }
  return findings.flatMap(({ rules }) => rules);
}

function ruleOf(
  { keyword, params, data, parentSchema, propertyName }: ErrorObject,
  path: FieldPath,
): BrokenRule[] {
  const given = params as Record<string, unknown>;
  // Both only say that another rule is broken, which is reported itself.
  if (keyword === 'if' || keyword === 'propertyNames') return [];
  if (propertyName !== undefined) {
    return [{ path: [...path, propertyName], keyword, params: given, value: propertyName }];
  }
  const member =
    given.missingProperty ?? given.additionalProperty ?? given.unevaluatedProperty ?? undefined;
  if (typeof member !== 'string') return [{ path, keyword, params: given, value: data }];
  const allowed =
    keyword === 'additionalProperties' && parentSchema?.patternProperties === undefined
      ? { allowed: Object.keys((parentSchema?.properties ?? {}) as object) }
      : {};
  return [
    {
      path: [...path, member],
      keyword,
      params: { ...given, ...allowed },
      value: hasOwn(data, member) ? data[member] : undefined,
    },
  ];
}

function brokenForms({ schema, data }: ErrorObject, path: FieldPath, resolve: Resolve): Finding[] {
  const broken: Finding[] = [];
  let matched = 0;
  for (const { $ref } of schema as { $ref: string }[]) {
    const validator = resolve($ref);
    if (!validator) continue;
    if (validator(data)) matched += 1;
    // After a second match the validator looked no further.
    if (matched === 2) break;
    const errors = validator.errors ?? [];
    if (errors.length === 0) continue;
    broken.push({ rules: rulesOfErrors(errors, path, resolve), errors: errors.length });
  }
  return broken;
}

function explainForms(
  { keyword, params, data }: ErrorObject,
  path: FieldPath,
  forms: readonly Finding[],
): BrokenRule[] {
  const union = (extra: Record<string, unknown>): BrokenRule[] => [
    { path, keyword, params: { ...params, ...extra }, value: data },
  ];
  const passing = (params as { passingSchemas?: unknown }).passingSchemas;
  if (Array.isArray(passing)) return union({});

  const typeRules = forms.map(({ rules }) => rules.find((rule) => isTypeOf(rule, path)));
  if (typeRules.every((rule) => rule !== undefined)) {
    const types = typeRules.flatMap((rule) => rule.params.type);
    return [{ path, keyword: 'type', params: { type: [...new Set(types)] }, value: data }];
  }
  const ofType = forms.filter((_, index) => typeRules[index] === undefined);
  const meant = ofType.filter(({ rules }) => !rules.some((rule) => isTagOf(rule, path)));
  const [only, ...others] = meant.length > 0 ? meant : ofType;
  if (only && others.length === 0) return only.rules;
  return union({
    reasons: forms
      .slice(0, 3)
      .flatMap(({ rules: [first] }) => (first ? describeRule(first).message : [])),
  });
}

function isTypeOf({ path, keyword }: BrokenRule, value: FieldPath): boolean {
  return keyword === 'type' && path.length === value.length;
}

/** A member with one allowed value, or few, tells which form is meant. */
function isTagOf({ path, keyword }: BrokenRule, value: FieldPath): boolean {
  return (keyword === 'const' || keyword === 'enum') && path.length === value.length + 1;
}
