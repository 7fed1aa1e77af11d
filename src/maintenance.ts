import type { Config } from './config/config';
import { loadDeployment } from './contract/deployment';
import { isId } from './repositories/create';
import { reaggregateAll } from './repositories/reaggregate';
import type { Logger } from './telemetry/log';
import { assertDeclared, openDatabase } from './service';

/** Brings the schema up to date. Several processes can do it at the same time. */
export async function migrate(config: Config, log: Logger): Promise<void> {
  const database = await openDatabase(config, log, 'always');
  await database.close();
  log.info('the schema is up to date');
}

const BATCH_SIZE = 500;

/**
 * Recomputes all conditions, as a change of the required adapters makes necessary. Can run while the service
 * is running, and more than once.
 * @param after the last id of an interrupted run, which is continued
 */
export async function reaggregate(config: Config, log: Logger, after?: string): Promise<void> {
  // Ids are compared as strings, so after any other word there may be nothing left to do.
  if (after !== undefined && !isId(after)) {
    throw new Error(`--after '${after}' is not the id of a resource.`);
  }
  const { kinds } = await loadDeployment(config);
  const database = await openDatabase(config, log, 'as configured');
  let lastId = after ?? '';
  try {
    await assertDeclared(database.db, kinds, log);
    const done = await reaggregateAll(database.db, kinds, lastId, BATCH_SIZE, {
      onProgress(progress) {
        lastId = progress.lastId;
        log.info('reaggregating', { ...progress });
      },
      onCollision: (collision) =>
        log.warn(
          'an adapter that reported and one that is required share a condition type: neither can report',
          { ...collision },
        ),
    });
    log.info('reaggregated', { ...done });
  } catch (error) {
    log.error('reaggregation interrupted', { continue_with: lastId && `--after ${lastId}` });
    throw error;
  } finally {
    await database.close();
  }
}
