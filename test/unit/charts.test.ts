import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { BUILT_IN } from '../../src/kinds/built-in';
import { ISSUER_SCHEMA } from '../../src/config/issuers-file';
import { ENTRY_SCHEMA } from '../../src/kinds/declaration';
import { ACCEPTED } from '../charts/accepted';
import {
  CHART,
  HELM,
  KUBERNETES,
  RELEASE,
  ROOT,
  TEMPLATE,
  crdFolders,
  findTool,
  helm,
  parseManifests,
  run,
  withHelm,
} from '../charts/helm';
import { containersOf, find, podsOf, type Manifest } from '../charts/manifest';
import { alertsAndPanels, declaredMetrics, metricNames } from '../charts/metrics';
import { securityBreaches } from '../charts/pod-security';
import { REFUSED } from '../charts/refused';
import { sidecarsOf, extraVolumesOf } from '../charts/value-set';

const validator = findTool('kubectl-validate', '--help');
const promtool = findTool('promtool', '--version');
const missing = Object.entries({ helm, 'kubectl-validate': validator, promtool })
  .filter(([, path]) => path === undefined)
  .map(([name]) => name);
if (missing.length > 0) {
  process.stderr.write(
    `\n*** THE CHART IS NOT FULLY TESTED: ${missing.join(', ')} not found. ***\n` +
      '*** test/charts/tools.sh installs helm and kubectl-validate with Go; promtool comes with Prometheus. ***\n\n',
  );
}

const PROXY = { name: 'proxy', image: 'example.com/proxy:1' };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'charts-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const valuesFile = (values: object): string => {
  const path = join(folder, 'values.json');
  writeFileSync(path, JSON.stringify(values));
  return path;
};

/** Several tests look at the same rendering. */
const renderings = new Map<object, string>();

const template = async (values: object): Promise<string> => {
  const known = renderings.get(values);
  if (known !== undefined) return known;
  const { stdout, stderr } = await run(HELM, [...TEMPLATE, ...RELEASE, '-f', valuesFile(values)]);
  expect(stderr).toBe('');
  renderings.set(values, stdout);
  return stdout;
};

const rendered = async (values: object): Promise<Manifest[]> =>
  parseManifests(await template(values));

describe('the chart', () => {
  it('is for the version of the package', () => {
    const chart: unknown = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'));
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(chart).toMatchObject({ name: 'hyperfleet-api', appVersion: version });
  });

  it('documents every value', async () => {
    const script = join(ROOT, 'scripts', 'charts-readme.js');
    expect(await run(process.execPath, [script, '--check'])).toMatchObject({ ok: true });
  });

  it('describes every value in its schema, and nothing else', () => {
    const paths = (node: unknown, at = ''): string[] =>
      typeof node === 'object' && node !== null && !Array.isArray(node)
        ? Object.entries(node).flatMap(([key, value]) => [
            `${at}.${key}`,
            ...paths(value, `${at}.${key}`),
          ])
        : [];
    const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const described = (node: { properties?: Record<string, object> }, at = ''): string[] =>
      Object.entries(node.properties ?? {}).flatMap(([key, value]) => [
        `${at}.${key}`,
        ...described(value, `${at}.${key}`),
      ]);
    const values = new Set(paths(parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'))));
    const inSchema = described(schema).filter(
      (path) => !['.global', '.enabled'].includes(path) && !path.endsWith('.resources.claims'),
    );
    expect(
      inSchema.filter((path) => !values.has(path) && !/\.limits|\.requests/.test(path)),
    ).toEqual([]);
  });

  it('checks kinds, names of adapters and issuers as the service does', () => {
    const { properties } = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
    const adapterName = ENTRY_SCHEMA.properties.required_adapters.items;
    expect(properties.kinds).toEqual({ type: 'array', items: ENTRY_SCHEMA });
    const { issuers } = properties.auth.properties;
    expect(issuers).toEqual({ type: 'array', items: ISSUER_SCHEMA });
    for (const { items } of Object.values<{ items: unknown }>(properties.adapters.properties)) {
      expect(items).toEqual(adapterName);
    }
  });

  it('names the adapters that the service requires when none are set', () => {
    const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
    for (const { kind, required_adapters } of BUILT_IN) {
      const [row] = new RegExp(`^\\| \`adapters\\.${kind}\`.*$`, 'im').exec(readme) ?? [];
      expect(row).toContain(`or else ${required_adapters.join(', ')}. |`);
    }
  });
});

withHelm('a chart rendered by helm', () => {
  it.each(ACCEPTED)('passes the strict linter with $name', async ({ values }) => {
    const args = ['--strict', '--kube-version', KUBERNETES, CHART, '-f', valuesFile(values)];
    const { ok, stdout } = await run(HELM, ['lint', ...args]);
    expect([ok, stdout]).toEqual([true, expect.stringContaining('0 chart(s) failed')]);
  });

  it.each(ACCEPTED)('renders $name', async ({ values, check }) => {
    check(await rendered(values));
  });

  it.each(ACCEPTED)(
    'lets no pod do more than the restricted standard allows: $name',
    async ({ values }) => {
      for (const { owner, pod } of podsOf(await rendered(values))) {
        expect([owner, securityBreaches(pod, sidecarsOf(values))]).toEqual([owner, []]);
      }
    },
  );

  it.each(ACCEPTED)('refers only to what is there: $name', async ({ values }) => {
    const manifests = await rendered(values);
    const names = (kind: string) =>
      manifests.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name);
    const pods = podsOf(manifests);
    for (const { pod } of pods) {
      const volumes = (pod.volumes ?? []).map(({ name }) => name);
      for (const { volumeMounts } of containersOf(pod)) {
        expect(volumes).toEqual(
          expect.arrayContaining((volumeMounts ?? []).map(({ name }) => name)),
        );
      }
      for (const { name, configMap, persistentVolumeClaim } of pod.volumes ?? []) {
        if (extraVolumesOf(values).includes(name)) continue;
        if (configMap) expect(names('ConfigMap')).toContain(configMap.name);
        if (persistentVolumeClaim)
          expect(names('PersistentVolumeClaim')).toContain(persistentVolumeClaim.claimName);
      }
    }
    for (const { spec } of manifests.filter(({ kind }) => kind === 'Service')) {
      const matching = pods.filter(({ labels }) =>
        Object.entries(spec?.selector ?? {}).every(([key, value]) => labels[key] === value),
      );
      expect(matching).toHaveLength(1);
      const ports = matching
        .flatMap(({ pod }) => pod.containers)
        .flatMap((each) => each.ports ?? []);
      expect(ports.map(({ name }) => name)).toEqual(
        expect.arrayContaining((spec?.ports ?? []).map(({ targetPort }) => targetPort)),
      );
    }
  });

  it.each(REFUSED)('refuses $name', async ({ values, says }) => {
    const { ok, stderr } = await run(HELM, [...TEMPLATE, ...RELEASE, '-f', valuesFile(values)]);
    expect(ok).toBe(false);
    expect(stderr).toMatch(says);
  });

  it.each([
    ['1.26.15', {}, /requires kubeVersion: >=1\.27\.0-0/],
    [
      '1.28.9-gke.100',
      { nativeSidecars: [PROXY] },
      /nativeSidecars needs Kubernetes 1\.29 or newer/,
    ],
    ['1.27.0-eks-1', { sidecars: [PROXY] }, undefined],
    ['1.29.0-gke.100', { nativeSidecars: [PROXY] }, undefined],
  ])('knows what Kubernetes %s lacks for %j', async (version, values, lack) => {
    const args = ['template', ...RELEASE, '--kube-version', version, '-f', valuesFile(values)];
    const { ok, stderr } = await run(HELM, args);
    expect([ok, stderr]).toEqual([lack === undefined, lack ? expect.stringMatching(lack) : '']);
  });

  it.each([
    ['a kind', (plural: string) => ({ kinds: [{ kind: 'Channel', plural }] })],
    ['an issuer', (issuer_url: string) => ({ auth: { issuers: [{ issuer_url }] } })],
  ])('replaces the pods when %s changes', async (_what, valuesWith) => {
    const templateOf = async (name: string) =>
      find(await rendered(valuesWith(name)), 'Deployment').spec?.template;
    const [before, again, after] = [
      await templateOf('channels'),
      await templateOf('channels'),
      await templateOf('canals'),
    ];
    expect(again).toEqual(before);
    expect(after).not.toEqual(before);
  });

  it('keeps names short enough however long the release is called', async () => {
    const name = 'a-release-name-that-is-as-long-as-helm-lets-it-become';
    const { stdout } = await run(HELM, [
      ...TEMPLATE,
      name,
      CHART,
      '--set',
      'pgbouncer.enabled=true',
    ]);
    const manifests = parseManifests(stdout);
    expect(manifests.length).toBeGreaterThan(5);
    for (const { kind, metadata } of manifests) {
      expect(metadata.name.length).toBeLessThanOrEqual(kind === 'StatefulSet' ? 52 : 63);
    }
  });

  (validator ? it : it.skip)(
    'passes the schemas of Kubernetes with every set of values',
    async () => {
      const crds = crdFolders();
      const known = crds.length > 1;
      const files: string[] = [];
      for (const [index, { values }] of ACCEPTED.entries()) {
        const documents = (await template(values))
          .split(/^---$/m)
          .filter((each) => known || !/monitoring\.coreos\.com|gateway\.networking/.test(each));
        const path = join(folder, `set-${index}.yaml`);
        writeFileSync(path, documents.join('---'));
        files.push(path);
      }
      if (!known)
        process.stderr.write(
          '*** ServiceMonitor, PrometheusRule and HTTPRoute not checked: run test/charts/tools.sh ***\n',
        );
      const folders = crds.flatMap((crd) => ['--local-crds', crd]);
      const outcome = await run(validator ?? '', ['--version', KUBERNETES, ...folders, ...files]);
      expect([outcome.ok, outcome.stderr]).toEqual([true, expect.not.stringContaining('ERROR')]);
    },
    60_000,
  );
});

withHelm('alerts and dashboard', () => {
  const monitoring = { prometheusRule: { enabled: true }, dashboard: { enabled: true } };

  it('ask only for metrics that the service has', async () => {
    const declared = declaredMetrics();
    const expressions = alertsAndPanels(await rendered({ monitoring })).map(({ expr }) => expr);
    const unknown = metricNames(expressions).filter((name) => !declared.includes(name));
    expect(unknown).toEqual([]);
  });

  (promtool ? it : it.skip)('are correct PromQL', async () => {
    const path = join(folder, 'rules.json');
    const rules = alertsAndPanels(await rendered({ monitoring }));
    expect(rules.length).toBeGreaterThan(20);
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'all', rules }] }));
    const { ok, stdout, stderr } = await run(promtool ?? '', ['check', 'rules', path]);
    expect([ok, stdout + stderr]).toEqual([true, expect.stringContaining('SUCCESS')]);
  });
});
