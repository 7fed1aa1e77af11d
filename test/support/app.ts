import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp, type Gate } from '../../src/app';
import { type Config, loadConfig } from '../../src/config';
import { Database } from '../../src/db/connect';
import { connectionOptions } from '../../src/db/connection-options';
import { type Contract, createContract } from '../../src/http/contract';
import type { Service } from '../../src/http/handler';
import { createSpecValidator } from '../../src/http/spec-validator';
import { silentLogger } from '../../src/log';
import { Metrics } from '../../src/metrics';
import { createTestDatabase, type TestDatabase } from './database';

/** A service on a database of its own, answering real HTTP on a free port of loopback. */
export interface TestApp {
  url: string;
  server: Server;
  service: Service;
  database: TestDatabase;
  contract: Contract;
  stop(): Promise<void>;
}

export interface TestAppOptions {
  env?: Record<string, string>;
  gate?: Gate;
  log?: Service['log'];
  /** Use this database instead of a new one, for example to run two services on one. */
  database?: TestDatabase;
}

export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = options.database ?? (await createTestDatabase());
  const config: Config = loadConfig({
    HYPERFLEET_CLUSTER_ADAPTERS: 'validation,dns',
    HYPERFLEET_NODEPOOL_ADAPTERS: 'validation',
    // False when the whole run is behind a pooler.
    DATABASE_PREPARED_STATEMENTS: process.env.DATABASE_PREPARED_STATEMENTS,
    ...options.env,
    DATABASE_URL: database.url,
  });
  const db = new Database(connectionOptions(config), {
    poolMax: config.databasePoolMax,
    poolTimeoutMs: config.databasePoolTimeoutMs,
    statementTimeoutMs: config.databaseStatementTimeoutMs,
    preparedStatements: config.databasePreparedStatements,
  });
  const contract = await createContract(config.defaultPageSize);
  const metrics = new Metrics();
  metrics.watch(db);
  const service: Service = {
    ...{ config, contract, db, metrics },
    log: options.log ?? silentLogger,
    required: { Cluster: config.clusterAdapters, NodePool: config.nodePoolAdapters },
    specs: await createSpecValidator(config.openapiSchemaPath, contract.document, silentLogger),
  };
  const server = createServer(createApp(service, options.gate));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ server, service, database, contract },
    async stop() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      await db.close();
      if (!options.database) await database.drop();
    },
  };
}
