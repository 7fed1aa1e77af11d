import type { RequestHandler } from 'express';
import promBundle from 'express-prom-bundle';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Pool } from 'pg';
import { packageVersion } from '../config/package-root';

const COMPONENT = 'api';

/** Maximum age of the fleet gauges: they show trends, and scrapers come in pairs. */
const FLEET_CACHE_MS = 15_000;

/** All metrics of the process, in their own registry, so that one process can run several apps. */
export class Metrics {
  readonly registry = new Registry();

  private readonly requests = new Counter({
    name: 'hyperfleet_api_requests_total',
    help: 'Requests, by route and response code',
    labelNames: ['method', 'path', 'code', 'component', 'version'],
    registers: [this.registry],
  });

  /** Measures requests; the path label is the route's template, never what a client sent. */
  readonly middleware: RequestHandler = promBundle({
    httpDurationMetricName: 'hyperfleet_api_request_duration_seconds',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    includeMethod: true,
    includePath: true,
    includeStatusCode: false,
    includeUp: false,
    // How long a stream is open says nothing about how fast anything is.
    bypass: { onFinish: ({ context }) => context.streams === true },
    autoregister: false,
    promRegistry: this.registry,
    customLabels: { code: null, component: COMPONENT, version: packageVersion },
    normalizePath: ({ context }) => context.operation?.path ?? 'unknown',
    transformLabels: (labels, _req, res) => {
      labels.code = res.statusCode;
      this.requests.inc(labels);
    },
  });

  private readonly querySeconds = new Histogram({
    name: 'hyperfleet_db_query_duration_seconds',
    help: 'Duration of round trips to the database',
    labelNames: ['operation', 'table'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  });
  private readonly queryErrors = new Counter({
    name: 'hyperfleet_db_errors_total',
    help: 'Statements that failed',
    labelNames: ['operation', 'error_type'],
    registers: [this.registry],
  });
  private readonly reports = new Counter({
    name: 'hyperfleet_api_reports_total',
    help: 'Adapter reports, by outcome',
    labelNames: ['resource_type', 'outcome', 'reason'],
    registers: [this.registry],
  });
  private readonly watchSeconds = new Histogram({
    name: 'hyperfleet_api_watch_delay_seconds',
    help: 'From when changes were looked for to when they were sent to watches',
    buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'hyperfleet_api_build_info',
      help: 'Always 1; the labels show the running version',
      labelNames: ['component', 'version', 'node'],
      registers: [this.registry],
    }).set({ component: COMPONENT, version: packageVersion, node: process.version }, 1);
  }

  reportJudged(resourceType: string, outcome: string, reason: string): void {
    this.reports.inc({ resource_type: resourceType, outcome, reason });
  }

  /** One round trip to the database. @param errorType absent when it succeeded */
  queryDone(operation: string, table: string, seconds: number, errorType?: string): void {
    this.querySeconds.observe({ operation, table }, seconds);
    if (errorType !== undefined) {
      this.queryErrors.inc({ operation, error_type: errorType });
    }
  }

  /** Adds a gauge for open watches, read at each scrape. */
  addWatchGauge(open: () => number): void {
    this.gaugeOf('hyperfleet_api_watches', 'Open watches', open);
  }

  /** Adds a counter of the events that watches have been sent, read at each scrape. */
  addWatchEventCounter(counts: EventCounts): void {
    new Counter({
      name: 'hyperfleet_api_watch_events_total',
      help: 'Events sent to watches',
      labelNames: ['event'],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [event, count] of Object.entries(counts)) this.inc({ event }, count);
      },
    });
  }

  /** Adds a gauge for the oldest transaction in progress, read at each scrape. @param age in seconds */
  addHorizonGauge(age: () => number): void {
    const help = 'How long the oldest transaction has been open while others have begun and ended';
    this.gaugeOf('hyperfleet_api_watch_xmin_age_seconds', help, age);
  }

  /** A tick has found changes and sent them. */
  observeWatchDelay(seconds: number): void {
    this.watchSeconds.observe(seconds);
  }

  /** Adds gauges for the connections of a pool, read at each scrape. */
  addPoolGauges(pool: Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount'>): void {
    const gauge = (name: string, help: string, value: () => number) =>
      this.gaugeOf(`hyperfleet_db_connections_${name}`, help, value);
    gauge('open', 'Pooled connections', () => pool.totalCount);
    gauge('in_use', 'Pooled connections in use', () => pool.totalCount - pool.idleCount);
    gauge('waiting', 'Requests waiting for a connection', () => pool.waitingCount);
  }

  private gaugeOf(name: string, help: string, value: () => number): void {
    new Gauge({
      ...{ name, help, registers: [this.registry] },
      collect() {
        this.set(value());
      },
    });
  }

  /**
   * Adds gauges for resources that are not Ready, read from the database at a scrape.
   * @param count reads how many there are, by kind and by whether they are being deleted
   */
  addFleetGauges(count: () => Promise<readonly PendingCount[]>): void {
    let readAt = 0;
    let reading = Promise.resolve();
    const refresh = () => {
      if (Date.now() - readAt > FLEET_CACHE_MS) {
        readAt = Date.now();
        reading = read();
      }
      return reading;
    };
    const gauge = (name: string, help: string) =>
      new Gauge({
        name: `hyperfleet_api_resource_${name}`,
        help,
        labelNames: ['resource_type', 'is_delete'],
        registers: [this.registry],
        collect: refresh,
      });
    const pending = gauge('pending_reconciliation', 'Resources that are not Ready');
    const stuck = gauge(
      'pending_reconciliation_stuck',
      'Resources that have not been Ready for HYPERFLEET_STUCK_AFTER_SECONDS',
    );
    const duration = gauge(
      'pending_reconciliation_stuck_duration_seconds',
      'How long the oldest of the stuck resources has waited',
    );
    const read = async () => {
      // Without a response from the database, the other metrics must still be served.
      const rows = await count().catch(() => []);
      for (const metric of [pending, stuck, duration]) metric.reset();
      for (const row of rows) {
        const labels = { resource_type: row.kind, is_delete: String(row.is_delete) };
        pending.set(labels, row.pending);
        stuck.set(labels, row.stuck);
        duration.set(labels, row.stuck === 0 ? 0 : row.oldest);
      }
    };
  }
}

/** Events by type, since the start of the process. */
export type EventCounts = Record<'updated' | 'left' | 'removed', number>;

/** Resources of a kind that are not Ready. */
export interface PendingCount {
  kind: string;
  is_delete: boolean;
  pending: number;
  stuck: number;
  /** How long the oldest has waited, in seconds. */
  oldest: number;
}
