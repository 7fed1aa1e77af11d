import type { ErrorObject } from 'ajv';
import type { BrokenRule } from './broken-rule';
import { type FieldPath, hasOwn, pointerSegments } from './field-path';

/** In OpenAPI 3.0 an exclusive limit is a flag beside the limit, and the limit is what ajv names. */
const EXCLUSIVE = new Map<unknown, string>([
  ['>', 'exclusiveMinimum'],
  ['<', 'exclusiveMaximum'],
]);
/** A schema may allow more values than fit into a message. */
const MAX_VALUES = 20;

/** @param base where the validated value sits */
export function pathOf({ instancePath }: ErrorObject, base: FieldPath): FieldPath {
  return [...base, ...pointerSegments(instancePath)];
}

/** What an error of ajv (with `verbose`) says. */
export function brokenRule(error: ErrorObject, base: FieldPath): BrokenRule {
  const { data, propertyName, message = '' } = error;
  const params = error.params as Record<string, unknown>;
  const name: unknown =
    propertyName ??
    params.missingProperty ??
    params.additionalProperty ??
    params.unevaluatedProperty;
  const rule = {
    path: pathOf(error, base),
    keyword: EXCLUSIVE.get(params.comparison) ?? error.keyword,
    message: message + allowedValues(error.keyword, params),
  };
  if (typeof name !== 'string') return { ...rule, value: data };
  const value = propertyName ?? (hasOwn(data, name) ? data[name] : undefined);
  return { ...rule, path: [...rule.path, name], value };
}

function allowedValues(keyword: string, params: Record<string, unknown>): string {
  if (keyword !== 'enum' && keyword !== 'const') return '';
  const values = (params.allowedValues ?? [params.allowedValue]) as unknown[];
  const shown = values.slice(0, MAX_VALUES).map((value) => JSON.stringify(value));
  return `: ${shown.join(', ')}`;
}
