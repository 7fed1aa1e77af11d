import type { ValidateFunction } from 'ajv';
import Ajv04 from 'ajv-draft-04';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { ConfigError } from '../config/config';
import type { Kind } from '../kinds/kind';
import type { ProblemField } from '../problems/problem';
import type { Logger } from '../telemetry/log';
import type { SpecDocument } from './documents';
import { createGuard } from './guard';
import { patternFault, toRegExp } from './patterns';
import { type Ajv, Schemas } from './schemas';
import { fieldsOfErrors } from './spec-errors';

export interface SpecValidator {
  /** Every property of a `spec` that breaks the schema of its kind; empty: it may be stored. */
  validate(kind: Kind, spec: unknown): ProblemField[];
}

/** More errors than this are not described. */
const MAX_CONSIDERED = 1000;
/** A pattern of a provider may backtrack for hours on the right string and block the process. */
const TIME_LIMIT_MS = 1000;

/**
 * Validates specs by the schemas that an OpenAPI document has for the kinds.
 * @throws ConfigError when the document cannot be used, naming every place at fault
 */
export function createSpecValidator(
  { document, name, builtIn }: SpecDocument,
  kinds: Iterable<Kind>,
  log: Logger,
): SpecValidator {
  const is30 = document.openapi.startsWith('3.0');
  const ajv = createAjv(is30);
  const schemas = new Schemas(document, is30, ajv);
  const keys = new Map<string, string>();
  for (const { name: kind, specSchema, requireSpecSchema } of kinds) {
    if (specSchema === undefined) continue;
    const key = schemas.add(['components', 'schemas', specSchema]);
    if (key !== undefined) keys.set(specSchema, key);
    else if (requireSpecSchema) {
      throw new ConfigError([
        `${name} has no components.schemas.${specSchema}, which ${kind} requires (require_spec_schema)`,
      ]);
    } else {
      const why = `no components.schemas.${specSchema}: the spec of a ${kind} is not validated`;
      log.warn(`${name} has ${why}`);
    }
  }
  // The built-in schemas are known to be right; checking them would only slow down the start.
  const problems = builtIn ? [] : schemas.check();
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${name}: ${problem}`));
  const validators = compile(ajv, schemas, keys, name);
  for (const warning of schemas.warnings) log.warn(`${name}: ${warning}`);

  const guard = builtIn ? <T>(task: () => T): T => task() : createGuard(TIME_LIMIT_MS);
  return {
    validate({ name: kind, specSchema }, spec) {
      const validator = specSchema === undefined ? undefined : validators.get(specSchema);
      if (validator === undefined) return [];
      const fields = guard(() => {
        if (validator(spec)) return [];
        return fieldsOfErrors(ajv, (validator.errors ?? []).slice(0, MAX_CONSIDERED), ['spec']);
      });
      if (fields !== undefined) return fields;
      log.warn('a spec took too long to validate; look for a costly pattern in its schema', {
        kind,
      });
      return [
        { field: 'spec', message: 'spec takes too long to validate', constraint: 'timeLimit' },
      ];
    },
  };
}

function createAjv(is30: boolean): Ajv {
  const ajv = new (is30 ? Ajv04 : Ajv2020)({
    strict: false,
    allErrors: true,
    verbose: true,
    logger: false,
    validateSchema: false,
    multipleOfPrecision: 9,
    code: { regExp: Object.assign((pattern: string) => toRegExp(pattern), { code: 'toRegExp' }) },
  });
  addFormats(ajv, { mode: 'full' });
  ajv.addFormat('regex', { type: 'string', validate: (text) => !patternFault(text) });
  return ajv;
}

function compile(
  ajv: Ajv,
  { definitions, forms }: Schemas,
  keys: ReadonlyMap<string, string>,
  source: string,
): Map<string, ValidateFunction> {
  for (const { key, schema } of definitions) ajv.addSchema(schema, key);
  const validators = new Map<string, ValidateFunction>();
  for (const [name, key] of keys) {
    try {
      validators.set(name, ajv.getSchema(key)!);
    } catch (error) {
      const why = (error as Error).message;
      throw new ConfigError([`${source}: components.schemas.${name} cannot be compiled: ${why}`]);
    }
  }
  // Needed to explain errors, where a time limit must not hit their compilation.
  for (const form of forms) ajv.compile(form);
  return validators;
}
