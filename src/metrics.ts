import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Database, Statement } from './db/connect';
import { errorType } from './db/errors';
import { packageVersion } from './package-root';

const COMPONENT = 'api';

/** Every metric of the process, in a registry of its own so that one process can hold several apps. */
export class Metrics {
  readonly registry = new Registry();

  private readonly requests = new Counter({
    name: 'hyperfleet_api_requests_total',
    help: 'Requests answered',
    labelNames: ['method', 'path', 'code', 'component', 'version'],
    registers: [this.registry],
  });
  private readonly requestSeconds = new Histogram({
    name: 'hyperfleet_api_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its answer',
    labelNames: ['method', 'path', 'code', 'component', 'version'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });
  private readonly querySeconds = new Histogram({
    name: 'hyperfleet_db_query_duration_seconds',
    help: 'Round trips to the database',
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
    help: 'Adapter reports by what became of them',
    labelNames: ['resource_type', 'outcome', 'reason'],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'hyperfleet_api_build_info',
      help: 'Always 1; the labels say what runs',
      labelNames: ['component', 'version', 'node'],
      registers: [this.registry],
    }).set({ component: COMPONENT, version: packageVersion, node: process.version }, 1);
  }

  /** Looking up a metric by five labels costs more than counting; so each combination is kept. */
  private readonly served = new Map<string, { requests: Counter.Internal; seconds: Histogram.Internal<string> }>();

  requestServed(method: string, path: string, code: number, seconds: number): void {
    const key = `${method} ${code} ${path}`;
    let kept = this.served.get(key);
    if (kept === undefined) {
      const labels = { method, path, code, component: COMPONENT, version: packageVersion };
      kept = {
        requests: this.requests.labels(labels),
        seconds: this.requestSeconds.labels(labels),
      };
      this.served.set(key, kept);
    }
    kept.requests.inc();
    kept.seconds.observe(seconds);
  }

  reportJudged(resourceType: string, outcome: string, reason: string): void {
    this.reports.inc({ resource_type: resourceType, outcome, reason });
  }

  /** Has the database tell about its round trips and its pool. */
  watch(db: Database): void {
    const kept = new Map<string, Histogram.Internal<string>>();
    db.observe = ({ operation, table }: Statement, seconds, error) => {
      const key = `${operation} ${table}`;
      let histogram = kept.get(key);
      if (histogram === undefined) {
        histogram = this.querySeconds.labels({ operation, table });
        kept.set(key, histogram);
      }
      histogram.observe(seconds);
      if (error !== undefined) {
        this.queryErrors.inc({ operation, error_type: errorType(error) });
      }
    };
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        name: `hyperfleet_db_connections_${name}`,
        help,
        registers: [this.registry],
        collect() {
          this.set(value());
        },
      });
    gauge('open', 'Pooled connections', () => db.pool.totalCount);
    gauge('in_use', 'Pooled connections at work', () => db.pool.totalCount - db.pool.idleCount);
    gauge('waiting', 'Requests waiting for a connection', () => db.pool.waitingCount);
  }
}
