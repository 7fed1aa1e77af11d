import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type ClientConfig } from 'pg';
import type { Logger } from '../telemetry/log';
import type { ConnectionOptions } from './connection-options';
import { isSocketError, sqlState } from './errors';

const RETRY_PAUSE_MS = 1000;
const CONNECT_TIMEOUT_MS = 5000;

/**
 * Waits until the database accepts connections, with a second between the attempts.
 * @returns the options for all later connections: with `prefer` and `allow` the server decides about TLS, and
 *   its first decision applies to all of them
 * @throws Error that names the database and the reason
 */
export async function waitForDatabase(
  options: ConnectionOptions,
  retries: number,
  log: Logger,
): Promise<ConnectionOptions> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await settle(options);
    } catch (error) {
      const reason = reasonOf(error);
      const { cause } = error as Error;
      const answered = (sqlState(error) ?? sqlState(cause)) !== undefined;
      if (attempt >= retries) {
        const verdict = answered ? 'cannot be used' : 'cannot be reached';
        throw new Error(`The database ${options.description} ${verdict}: ${reason}`, {
          cause: error,
        });
      }
      log.warn(`database not ${answered ? 'usable' : 'reachable'} yet`, {
        attempt: attempt + 1,
        retries,
        error: reason,
      });
      await sleep(RETRY_PAUSE_MS);
    }
  }
}

async function settle(options: ConnectionOptions): Promise<ConnectionOptions> {
  const { otherwise, ...chosen } = options;
  try {
    await tryConnection(options.client);
    return options;
  } catch (error) {
    // A server that cannot be reached is no different with or without TLS.
    if (otherwise === undefined || isSocketError(error)) throw error;
    try {
      await tryConnection(otherwise);
    } catch (second) {
      const how = otherwise.ssl === false ? 'without' : 'with';
      throw new Error(`${reasonOf(error)}; ${how} TLS: ${reasonOf(second)}`, { cause: second });
    }
    return { ...chosen, client: otherwise };
  }
}

async function tryConnection(config: ClientConfig): Promise<void> {
  const client = new pg.Client({ connectionTimeoutMillis: CONNECT_TIMEOUT_MS, ...config });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } finally {
    await client.end().catch(() => undefined);
  }
}

function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || (code ?? 'unknown');
}
