import { CLUSTER, NODE_POOL } from '../kinds/built-in';
import { type Declared, declareKinds } from '../kinds/declare';
import { hasOwn } from '../problems/field-path';
import { type Config, ConfigError } from './config';
import { readYamlFile } from './yaml-file';

const VARIABLE = 'HYPERFLEET_KINDS_FILE';

/**
 * The kinds that are configured, and what is wrong with their declarations.
 * @throws ConfigError when the file cannot be read
 */
export async function readKinds(config: Config): Promise<Declared> {
  const { clusterAdapters, nodePoolAdapters, kindsFile } = config;
  const adapters = { [CLUSTER.kind]: clusterAdapters, [NODE_POOL.kind]: nodePoolAdapters };
  if (kindsFile === undefined) return declareKinds([], adapters);
  const content = await readYamlFile(VARIABLE, kindsFile);
  if (!hasOwn(content, 'entities')) {
    throw new ConfigError([`${VARIABLE}='${kindsFile}' has no property entities`]);
  }
  const { kinds, faults } = declareKinds(content.entities, adapters);
  return { kinds, faults: faults.map((fault) => `${VARIABLE}='${kindsFile}': ${fault}`) };
}
