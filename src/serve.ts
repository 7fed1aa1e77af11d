import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './app';
import type { Authorizer } from './auth/authorizer';
import { assertServable, type Config, describeConfig } from './config/config';
import { respondToClientErrors } from './http/client-errors';
import { Drainer } from './http/drainer';
import { healthListener, listen, metricsListener, presetPrototypes, urlOf } from './http/listeners';
import { createServer, watchCertificate } from './http/tls';
import type { Logger } from './telemetry/log';
import { findSchemaProblem } from './repositories/schema';
import { createService } from './service';
import { untilStopped } from './stop-signals';
import { stopTracing } from './telemetry/tracing';

/** The longest URL and a large token fit in. */
const MAX_HEADER_BYTES = 65_536;
/** How often Node looks for slow requests; with its default of 30 s, a timeout of 15 s could become 45 s. */
const CHECK_MS = 500;
/** After this long without a byte in either direction, a client is assumed to be gone. */
const STALLED_MS = 60_000;
const READY_TIMEOUT_MS = 2000;

/** Runs the service until it is told to stop. */
export async function serve(config: Config, log: Logger): Promise<void> {
  const began = performance.now();
  assertServable(config);
  log.info('configuration', { config: describeConfig(config) });
  let authorizer: Authorizer | undefined = undefined;
  // Without a handler the signal would end the process, with its requests unfinished.
  process.on('SIGHUP', () => {
    if (authorizer === undefined || config.authzRulesFile === undefined) {
      log.info('SIGHUP ignored: there are no authorization rules to read');
    } else {
      log.info('SIGHUP: reading the authorization rules');
      void authorizer.reload();
    }
  });
  const certificates = await readCertificates(config, log);
  const service = await createService(config, log);
  const { db, gate, metrics } = service;
  authorizer = gate.authorizer;

  const whyNotReady = async () => {
    if (drainer.draining) return 'the server is stopping';
    const silent = 'the database did not respond in time';
    return Promise.race([
      findSchemaProblem(db).catch(() => silent),
      sleep(READY_TIMEOUT_MS, silent, { ref: false }),
    ]);
  };
  const health = createServer({}, healthListener(whyNotReady), certificates.health);
  const app = createApp(service);
  const api = createServer(
    {
      keepAliveTimeout: config.keepAliveSeconds * 1000,
      maxHeaderSize: MAX_HEADER_BYTES,
      requestTimeout: config.requestTimeoutMs,
      headersTimeout: config.requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, config.requestTimeoutMs),
      // The app refuses a request without Host itself, with a problem.
      requireHostHeader: false,
      ...presetPrototypes(app),
    },
    app,
    certificates.api,
  );
  api.timeout = STALLED_MS;
  respondToClientErrors(api, log);
  const drainer = new Drainer(api);
  const metricsServer = createServer({}, metricsListener(metrics.registry), certificates.metrics);
  const listenAll = async () => [
    urlOf(await listen(api, config.apiPort, config.apiHost)),
    urlOf(await listen(health, config.healthPort, config.healthHost)),
    urlOf(await listen(metricsServer, config.metricsPort, config.metricsHost)),
  ];
  const [base, healthUrl, metricsUrl] = await listenAll().catch(async (error: unknown) => {
    await service.close();
    throw error;
  });
  log.info('ready', {
    api: `${base}/api/hyperfleet/v1/`,
    openapi: `${base}/openapi`,
    swagger_ui: `${base}/openapi-ui`,
    health: `${healthUrl}/readyz`,
    metrics: `${metricsUrl}/metrics`,
    try: `curl ${base}/api/hyperfleet/v1/clusters`,
    start_ms: Math.round(performance.now() - began),
  });

  const signal = await untilStopped();
  log.info('stopping', { signal });
  service.watches.close();
  await drainer.drain(config.shutdownTimeoutMs);
  await service.close();
  await stopTracing();
  log.info('stopped');
  process.exit(0);
}

async function readCertificates(config: Config, log: Logger) {
  const watch = (listener: string, certFile?: string, keyFile?: string) =>
    watchCertificate(`The certificate of the ${listener}`, certFile, keyFile, log);
  return {
    api: await watch('API', config.tlsCertFile, config.tlsKeyFile),
    health: await watch('health listener', config.healthTlsCertFile, config.healthTlsKeyFile),
    metrics: await watch('metrics listener', config.metricsTlsCertFile, config.metricsTlsKeyFile),
  };
}
