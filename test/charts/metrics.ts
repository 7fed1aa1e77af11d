import { Metrics } from '../../src/telemetry/metrics';
import { find, type Manifest } from './manifest';

interface Panel {
  targets?: { expr: string }[];
}

/** Every expression the chart ships, as rules that Prometheus' own tool can check. */
export const alertsAndPanels = (manifests: Manifest[]): { record: string; expr: string }[] => {
  const groups = find(manifests, 'PrometheusRule').spec?.groups ?? [];
  const alerts = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
  const json = find(manifests, 'ConfigMap', 'hyperfleet-api-dashboard').data;
  const { panels } = JSON.parse(json?.['hyperfleet-api.json'] ?? '{}') as { panels: Panel[] };
  const queries = panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr));
  return [...alerts, ...queries].map((expr, index) => ({
    record: `expression:${index}`,
    expr: expr.replaceAll('$__rate_interval', '5m'),
  }));
};

/** Names of our own metrics, without what a histogram adds to its name. */
export const metricNames = (expressions: string[]): string[] => [
  ...new Set(
    expressions
      .flatMap((expr) => expr.match(/hyperfleet_\w+/g) ?? [])
      .map((name) => name.replace(/_(bucket|sum|count)$/, '')),
  ),
];

/** Names of the metrics the service declares, asked of itself: some are put together. */
export const declaredMetrics = (): string[] => {
  const metrics = new Metrics();
  metrics.addPoolGauges({ totalCount: 0, idleCount: 0, waitingCount: 0 });
  metrics.addFleetGauges(() => Promise.resolve([]));
  metrics.addWatchGauge(() => 0);
  metrics.addWatchEventCounter({ updated: 0, left: 0, removed: 0 });
  metrics.addHorizonGauge(() => 0);
  return metrics.registry.getMetricsAsArray().map(({ name }) => name);
};
