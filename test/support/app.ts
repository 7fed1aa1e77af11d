import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from '../../src/app';
import { type Config, loadConfig } from '../../src/config/config';
import type { Contract } from '../../src/contract/contract';
import { createService, type RunningService } from '../../src/service';
import { type Logger, silentLogger } from '../../src/telemetry/log';
import { createTestDatabase, type TestDatabase } from './database';
import { RoundRobin } from './round-robin';

/** With TEST_REPLICAS=3 every service of a test is three, behind a proxy that asks them in turn. */
const REPLICAS = Number(process.env.TEST_REPLICAS ?? 1);

/** A service on a database of its own, serving real HTTP on a free port of loopback. */
export interface TestApp {
  url: string;
  /** The first of the replicas; what it has counted or kept is its own. */
  service: RunningService;
  replicas: RunningService[];
  database: TestDatabase;
  contract: Contract;
  stop(): Promise<void>;
}

interface TestAppOptions {
  env?: Record<string, string>;
  log?: Logger;
  /** Use this database instead of a new one, for example to run two services on one. */
  database?: TestDatabase;
}

export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = options.database ?? (await createTestDatabase());
  const apps = await Promise.all(
    Array.from({ length: REPLICAS }, () => startReplica(database, options)),
  );
  const [first] = apps as [StartedReplica, ...StartedReplica[]];
  const proxy = REPLICAS > 1 ? await RoundRobin.start(apps) : undefined;
  return {
    ...{ url: proxy?.url ?? first.url, service: first.service, database },
    replicas: apps.map(({ service }) => service),
    contract: first.service.contract,
    async stop() {
      await proxy?.close();
      await Promise.all(apps.map((app) => app.stop()));
      if (!options.database) await database.drop();
    },
  };
}

interface StartedReplica {
  url: string;
  service: RunningService;
  stop(): Promise<void>;
}

async function startReplica(
  database: TestDatabase,
  options: TestAppOptions,
): Promise<StartedReplica> {
  const config: Config = loadConfig({
    HYPERFLEET_CLUSTER_ADAPTERS: 'validation,dns',
    HYPERFLEET_NODEPOOL_ADAPTERS: 'validation',
    // False when the whole run is behind a pooler.
    DATABASE_PREPARED_STATEMENTS: process.env.DATABASE_PREPARED_STATEMENTS,
    ...options.env,
    DATABASE_URL: database.url,
  });
  const service = await createService(config, options.log ?? silentLogger);
  // As the service does: a connection that is reused must not be closed at that very moment.
  const server = createServer({ keepAliveTimeout: 95_000 }, createApp(service));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    service,
    async stop() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await service.close();
    },
  };
}
