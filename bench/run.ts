import { type Postgres, startPostgres } from './postgres';
import { stopServers } from './servers';

/** Runs a benchmark with a PostgreSQL, and cleans up after it. */
export function run(benchmark: (postgres: Postgres) => Promise<void>): void {
  const work = async () => {
    const postgres = await startPostgres();
    try {
      await benchmark(postgres);
    } finally {
      await stopServers();
      await postgres.stop();
    }
  };
  work().catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
