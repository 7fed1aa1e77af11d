import { type Config, ConfigError } from '../config/config';
import { readKinds } from '../config/kinds-file';
import type { Kinds } from '../kinds/kind';
import { type Document, readContract } from './document';
import { expandContract } from './expand';

/** What a configuration serves. */
export interface Deployment {
  kinds: Kinds;
  /** The resolved contract with the operations of every kind. */
  document: Document;
}

/** @throws ConfigError that lists everything wrong with the declarations of kinds */
export async function loadDeployment(config: Config): Promise<Deployment> {
  const { kinds, faults } = await readKinds(config);
  const expanded = expandContract(readContract(config.defaultPageSize), kinds);
  const clashes = expanded.faults.map((fault) => `HYPERFLEET_KINDS_FILE: ${fault}`);
  const problems = [...faults, ...clashes];
  if (problems.length > 0) throw new ConfigError(problems);
  return { kinds, document: expanded.document };
}
