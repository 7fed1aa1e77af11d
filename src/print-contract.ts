import type { Config } from './config/config';
import { loadDeployment, loadSpecs } from './contract/deployment';
import type { Logger } from './telemetry/log';

/** Prints the contract exactly as a service with this configuration serves it. Needs no database. */
export async function printContract(config: Config, log: Logger, args: string[]): Promise<void> {
  const [option, ...rest] = args;
  if ((option !== undefined && option !== '--yaml') || rest.length > 0) {
    throw new Error('Usage: hyperfleet-api contract [--yaml]');
  }
  const { shown } = await loadSpecs(config, await loadDeployment(config), log);
  if (option === undefined) {
    console.log(JSON.stringify(shown, null, 2));
  } else {
    const { stringify } = await import('yaml');
    console.log(stringify(shown, { aliasDuplicateObjects: false }).trimEnd());
  }
}
