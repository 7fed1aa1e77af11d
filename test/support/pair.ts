import { startTestApp, type TestApp } from './app';
import { deadlocks } from './backends';
import { type CountingProxy, startCountingProxy } from './counting-proxy';
import { createTestDatabase, type TestDatabase } from './database';

/** Two services on one database, as two processes would be. What the first sends to the database is counted. */
export interface Pair {
  database: TestDatabase;
  proxy: CountingProxy;
  app: TestApp;
  other: TestApp;
  /** @returns the deadlocks there have been */
  stop(): Promise<number>;
}

export async function startPair(): Promise<Pair> {
  const database = await createTestDatabase();
  const proxy = await startCountingProxy(database.directUrl);
  const app = await startTestApp({ database: { ...database, url: proxy.url } });
  const other = await startTestApp({ database });
  return {
    ...{ database, proxy, app, other },
    async stop() {
      await Promise.all([app.stop(), other.stop()]);
      proxy.close();
      const count = await deadlocks(database.directUrl);
      await database.drop();
      return count;
    },
  };
}
