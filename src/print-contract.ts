import type { Config } from './config/config';
import { loadDeployment, loadSpecs } from './contract/deployment';
import type { Logger } from './telemetry/log';

/** Prints the contract exactly as a service with this configuration serves it. Needs no database. */
export async function printContract(config: Config, log: Logger, asYaml = false): Promise<void> {
  const { shown } = await loadSpecs(config, await loadDeployment(config), log);
  if (asYaml) {
    const { stringify } = await import('yaml');
    console.log(stringify(shown, { aliasDuplicateObjects: false }).trimEnd());
  } else {
    console.log(JSON.stringify(shown, null, 2));
  }
}
