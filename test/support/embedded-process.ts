import { startEmbedded } from '../../src/embedded/embedded-postgres';
import { withClient } from './database';

/** What the process tells the test that started it. */
export interface Message {
  url?: string;
  error?: string;
  drained?: true;
}

function tell(message: Message): void {
  process.send?.(message);
}

/** A service reduced to its embedded database: on SIGINT it writes once more and stops. */
async function main(directory: string): Promise<void> {
  const database = await startEmbedded({ directory, onProgress: () => undefined, fast: true });
  process.once('SIGINT', () => {
    void withClient(database.url, (client) => client.query('INSERT INTO kept VALUES (99)'))
      .then(() => database.stop())
      .then(() => {
        tell({ drained: true });
        process.disconnect();
      });
  });
  tell({ url: database.url });
}

// As long as somebody listens, the process lives until its parent does not.
process.on('message', () => undefined);

main(process.argv[2]!).catch((error: unknown) => {
  tell({ error: (error as Error).message });
  process.disconnect();
});
