import type pg from 'pg';
import { sendQuery } from './send-query';

/** Compiling a search with many conditions (jit) takes much longer than running it. */
const PREPARE = `
  SELECT set_config('jit', 'off', false),
    (SELECT oid FROM pg_database WHERE datname = current_database()) || ' ' || pg_postmaster_start_time() AS identity`;

/** What every new connection begins with. */
export class ConnectionSetup {
  private identity: string | undefined;

  /** @param onOtherDatabase called when a connection leads to another server start or database than those before */
  constructor(private readonly onOtherDatabase: () => void) {}

  /** Sends the first statement on a connection, so that its result comes before all others. It does not fail. */
  async prepare(client: pg.ClientBase): Promise<void> {
    const { rows } = await sendQuery<{ identity: string }>(client, PREPARE).catch(() => ({
      rows: [],
    }));
    const identity = rows[0]?.identity;
    if (identity === undefined || identity === this.identity) return;
    if (this.identity !== undefined) this.onOtherDatabase();
    this.identity = identity;
  }
}
