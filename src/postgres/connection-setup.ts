import type pg from 'pg';
import { dropConnection, sendQuery } from './send-query';

/** Compiling a search with many conditions (jit) takes much longer than running it. */
const PREPARE = `
  SELECT set_config('jit', 'off', false), pg_is_in_recovery() AS standby,
    (SELECT oid FROM pg_database WHERE datname = current_database()) || ' ' || pg_postmaster_start_time() AS identity`;

/**
 * How long a connection to a standby is kept. After a failover, the address of the primary may lead to a standby for a
 * moment: as long as that connection is in use, every write on it would fail, and every read be out of date.
 */
const STANDBY_CONNECTION_MS = 2000;

interface Server {
  identity: string;
  standby: boolean;
}

/** What every new connection begins with. */
export class ConnectionSetup {
  private identity: string | undefined;

  /** @param onOtherDatabase called when a connection leads to another server start or database than those before */
  constructor(private readonly onOtherDatabase: () => void) {}

  /** Sends the first statement on a connection, so that its result comes before all others. It does not fail. */
  async prepare(client: pg.ClientBase): Promise<void> {
    const { rows } = await sendQuery<Server>(client, PREPARE).catch(() => ({ rows: [] }));
    if (rows[0] === undefined) return;
    const { identity, standby } = rows[0];
    if (standby) setTimeout(() => void dropWhenDone(client), STANDBY_CONNECTION_MS).unref();
    if (identity === this.identity) return;
    if (this.identity !== undefined) this.onOtherDatabase();
    this.identity = identity;
  }
}

/** Drops a connection after the statements that have been sent on it. */
async function dropWhenDone(client: pg.ClientBase): Promise<void> {
  await sendQuery(client, 'SELECT 1').catch(() => undefined);
  dropConnection(client);
}
