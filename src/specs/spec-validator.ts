import { createContext, Script } from 'node:vm';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { ConfigError, readConfiguredFile } from '../config/config';
import type { Kind, Kinds } from '../kinds/kind';
import type { Logger } from '../telemetry/log';
import { describeRules } from '../problems/broken-rule';
import { type ExtractedSchemas, extractSchemas, toRegExp } from './openapi-schemas';
import type { ProblemField } from '../problems/problem';
import { rulesOfErrors } from './schema-errors';

export interface SpecValidator {
  /** Every member of a `spec` that breaks the schema of its kind; empty: it may be stored. */
  validate(kind: Kind, spec: unknown): ProblemField[];
}

const VARIABLE = 'OPENAPI_SCHEMA_PATH';
const ROOT = 'specs';
/** A spec can break more rules than anybody wants to hear of. */
const MAX_CONSIDERED = 1000;
/** A pattern of an operator may backtrack for hours on the right text, and would hold up everybody. */
const TIME_LIMIT_MS = 1000;

/**
 * Validates specs by the schemas `ClusterSpec` and `NodePoolSpec` of an OpenAPI document.
 * @param path a YAML or JSON file; undefined: the fallback document is used
 * @throws ConfigError when the document cannot be used, naming every place at fault
 */
export async function createSpecValidator(
  path: string | undefined,
  fallbackDocument: object,
  kinds: Kinds,
  log: Logger,
): Promise<SpecValidator> {
  const source = path === undefined ? 'the built-in contract' : `${VARIABLE}='${path}'`;
  const document = path === undefined ? fallbackDocument : await readDocument(path, source);
  assertOpenApi(document, source);
  const ajv = createAjv();
  const schemas = extractSchemas(
    document,
    Array.from(kinds.values(), ({ specSchema }) => specSchema),
    (name) => name in ajv.formats,
  );
  // The built-in schemas are known to be right, and looking takes a tenth of the start.
  if (path !== undefined) assertSchemas(ajv, schemas, source);
  const validators = compile(ajv, schemas, source);
  for (const warning of schemas.warnings) log.warn(`${source}: ${warning}`);
  for (const { name: kind, specSchema } of kinds.values()) {
    if (schemas.keys.has(specSchema)) continue;
    log.warn(
      `${source} has no components.schemas.${specSchema}: the spec of a ${kind} is not validated`,
    );
  }

  const guard = path === undefined ? <T>(task: () => T): T => task() : createGuard(TIME_LIMIT_MS);
  return {
    validate(kind, spec) {
      const validator = validators.get(kind.specSchema);
      if (!validator) return [];
      const fields = guard(() => check(ajv, validator, spec));
      if (fields !== undefined) return fields;
      log.warn('a spec took too long to validate; look for a costly pattern in its schema', {
        kind: kind.name,
      });
      return [
        {
          field: 'spec',
          message: 'spec takes too long to hold against the schema of this server',
          constraint: 'timeLimit',
        },
      ];
    },
  };
}

function check(ajv: Ajv2020, validator: ValidateFunction, spec: unknown): ProblemField[] {
  if (validator(spec)) return [];
  const resolve = (ref: string): ValidateFunction | undefined => ajv.getSchema(ROOT + ref);
  const errors = (validator.errors ?? []).slice(0, MAX_CONSIDERED);
  const rules = rulesOfErrors(errors, ['spec'], resolve);
  return describeRules(rules);
}

async function readDocument(path: string, source: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const parsed = parseDocument(readConfiguredFile(VARIABLE, path), { merge: true });
  const [error] = parsed.errors;
  if (error) throw new ConfigError([`${source} is not YAML: ${error.message.split('\n')[0]}`]);
  try {
    const document: unknown = parsed.toJS();
    // An alias may stand inside of what it names; nothing that walks the document expects that.
    JSON.stringify(document);
    return document;
  } catch (cause) {
    throw new ConfigError([
      `${source} is not usable YAML: ${(cause as Error).message.split('\n')[0]}`,
    ]);
  }
}

function assertOpenApi(
  document: unknown,
  source: string,
): asserts document is Record<string, unknown> {
  const version = (document as { openapi?: unknown } | null)?.openapi;
  if (typeof version === 'string' && /^3\.[012]\.\d+/.test(version)) return;
  const found = version === undefined ? 'has no openapi member' : 'has another openapi version';
  throw new ConfigError([`${source} is not an OpenAPI 3 document: it ${found}`]);
}

function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    strict: false,
    allErrors: true,
    verbose: true,
    logger: false,
    validateSchema: false,
    multipleOfPrecision: 9,
    code: { regExp: Object.assign((pattern: string) => toRegExp(pattern), { code: 'toRegExp' }) },
  });
  addFormats(ajv, { mode: 'full' });
  ajv.addFormat('regex', { type: 'string', validate: isPattern });
  return ajv;
}

function isPattern(text: string): boolean {
  try {
    return toRegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

function assertSchemas(ajv: Ajv2020, schemas: ExtractedSchemas, source: string): void {
  const { root, problems } = schemas;
  if (problems.length === 0 && ajv.validateSchema(root) !== true) {
    for (const { instancePath, message } of ajv.errors ?? []) {
      problems.push(`${schemas.placeOf(instancePath)} ${message}`);
    }
  }
  if (problems.length > 0) {
    throw new ConfigError([...new Set(problems)].map((problem) => `${source}: ${problem}`));
  }
}

function compile(
  ajv: Ajv2020,
  { root, keys }: ExtractedSchemas,
  source: string,
): Map<string, ValidateFunction> {
  ajv.addSchema(root, ROOT);
  const validators = new Map<string, ValidateFunction>();
  for (const [name, key] of keys) {
    try {
      const validator = ajv.getSchema(`${ROOT}#/$defs/${key}`);
      if (validator) validators.set(name, validator);
    } catch (error) {
      const why = (error as Error).message;
      throw new ConfigError([`${source}: components.schemas.${name} cannot be compiled: ${why}`]);
    }
  }
  return validators;
}

/** Runs tasks that are ended, with undefined as their result, when they take too long. */
function createGuard(timeout: number): <T>(task: () => T) => T | undefined {
  const context = createContext({ run: undefined });
  const script = new Script('run()');
  return <T>(task: () => T): T | undefined => {
    context.run = task;
    try {
      return script.runInContext(context, { timeout }) as T;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      return undefined;
    } finally {
      context.run = undefined;
    }
  };
}
