import { type Config, ConfigError } from './config';
import { reaggregateAll } from './db/reaggregate';
import type { Logger } from './log';
import { openDatabase } from './open-database';

/** Brings the schema up to date; safe when several do it at once. */
export async function migrate(config: Config, log: Logger): Promise<void> {
  const { close } = await openDatabase(config, log, 'always');
  await close();
  log.info('the schema is up to date');
}

const BATCH_SIZE = 500;

/**
 * Recomputes all conditions, which a change of the required adapters makes necessary. Harmless while
 * serving, and harmless to run again; `--after ID` goes on where a run was cut off.
 */
export async function reaggregate(config: Config, log: Logger, args: string[]): Promise<void> {
  const [option, after = '', ...rest] = args;
  if ((option !== undefined && (option !== '--after' || after === '')) || rest.length > 0) {
    throw new ConfigError(['usage: hyperfleet-api reaggregate [--after ID]']);
  }
  const { db, close } = await openDatabase(config, log, 'as configured');
  try {
    const required = { Cluster: config.clusterAdapters, NodePool: config.nodePoolAdapters };
    const done = await reaggregateAll(db, required, after, BATCH_SIZE, (progress) =>
      log.info('reaggregating', { ...progress }),
    );
    log.info('reaggregated', { ...done });
  } finally {
    await close();
  }
}
