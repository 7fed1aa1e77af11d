import { type Config, ConfigError } from '../config/config';
import { readKinds } from '../config/kinds-file';
import type { Kinds } from '../kinds/kind';
import { type Document, readContract } from './document';
import { readDocument } from '../specs/documents';
import { embedSpecSchemas } from '../specs/embed';
import { createSpecValidator, type SpecValidator } from '../specs/spec-validator';
import type { Logger } from '../telemetry/log';
import { expandContract } from './expand';

/** What a configuration serves. */
export interface Deployment {
  kinds: Kinds;
  /** The resolved contract with the operations of every kind. */
  document: Document;
}

/** @throws ConfigError that lists everything wrong with the declarations of kinds */
export function loadDeployment(config: Config): Promise<Deployment> {
  return withKinds(config, readContract(config.defaultPageSize));
}

/**
 * Adds the configured kinds to the contract.
 * @throws ConfigError that lists everything wrong with their declarations
 */
export async function withKinds(config: Config, contract: Document): Promise<Deployment> {
  const { kinds, faults } = await readKinds(config);
  const expanded = expandContract(contract, kinds);
  const clashes = expanded.faults.map((fault) => `HYPERFLEET_KINDS_FILE: ${fault}`);
  const problems = [...faults, ...clashes];
  if (problems.length > 0) throw new ConfigError(problems);
  return { kinds, document: expanded.document };
}

/** What the provider's schemas are used for. */
export interface Specs {
  specs: SpecValidator;
  /** The document as it is shown, with these schemas in the place of open objects. */
  shown: Document;
}

/** @throws ConfigError when the provider's document cannot be used */
export async function loadSpecs(
  { openapiSchemaPath }: Config,
  { kinds, document }: Deployment,
  log: Logger,
): Promise<Specs> {
  const provider = await readDocument(openapiSchemaPath, document);
  const specs = createSpecValidator(provider, kinds.values(), log);
  const shown = provider.builtIn ? document : embedSpecSchemas(document, kinds.values(), provider);
  return { specs, shown };
}
