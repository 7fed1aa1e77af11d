import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './helm';
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

/** Whether the service declares such a metric; a name that is put together counts by its fixed part. */
export const metricDeclared = (): ((name: string) => boolean) => {
  const folder = join(ROOT, 'src');
  const sources = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  const declared = [...sources.matchAll(/['`](hyperfleet_[\w${}.]+)['`]/g)].map(
    ([, name = '']) => new RegExp(`^${name.replace(/\$\{.*?\}/g, '\\w+')}$`),
  );
  return (name) => declared.some((pattern) => pattern.test(name));
};
