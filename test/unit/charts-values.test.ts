import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ACCEPTED } from '../charts/accepted';
import { CHART, HELM, TEMPLATE, parseManifests, run, withHelm } from '../charts/helm';
import { LOOKALIKES, namedLike } from '../charts/lookalikes';
import { apiOf, find, type Manifest, podsOf } from '../charts/manifest';
import { notStrings } from '../charts/strings';

/* What the chart makes of values that it has not seen yet: of odd names, older releases and parent charts. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'charts-values-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function template(
  values: object,
  { release = 'hyperfleet-api', namespace = 'hyperfleet-system', chart = CHART } = {},
): Promise<string> {
  const path = join(folder, 'values.json');
  writeFileSync(path, JSON.stringify(values));
  const args = [...TEMPLATE, release, chart, '--namespace', namespace, '-f', path];
  const { stdout, stderr } = await run(HELM, args);
  expect(stderr).toBe('');
  return stdout;
}

withHelm('names, labels, annotations and variables', () => {
  it.each(ACCEPTED)('are strings, each there once: $name', async ({ values }) => {
    expect(notStrings(await template(values))).toEqual([]);
  });

  it.each(LOOKALIKES)('are strings when they look like %s', async (name) => {
    for (const values of [namedLike(name), { ...namedLike(name), fullnameOverride: '' }, {}]) {
      const text = await template(values, { release: name, namespace: name });
      expect(notStrings(text)).toEqual([]);
      for (const { metadata } of parseManifests(text)) expect(metadata.namespace).toBe(name);
    }
  });

  it('are what they say', async () => {
    const manifests = parseManifests(await template(namedLike('1e3'), { release: 'true' }));
    const labelsOf = (kind: string) =>
      (find(manifests, kind, '1e3').metadata as { labels?: Record<string, string> }).labels;
    const pod = podsOf(manifests).find(({ owner }) => owner === '1e3')!;
    for (const labels of [labelsOf('ServiceMonitor'), labelsOf('PrometheusRule'), pod.labels]) {
      expect(labels).toMatchObject({
        '1e3': '1e3',
        // The user's word counts, but for what selectors select by.
        'app.kubernetes.io/version': '1e3',
        'app.kubernetes.io/instance': 'true',
        'app.kubernetes.io/part-of': 'hyperfleet',
      });
    }
    expect(apiOf(manifests.map(rename))).toMatchObject({
      priorityClassName: '1e3',
      serviceAccountName: '1e3',
      nodeSelector: { '1e3': '1e3' },
    });
  });

  const rename = (manifest: Manifest): Manifest => ({
    ...manifest,
    metadata: {
      ...manifest.metadata,
      name: manifest.metadata.name.replace('1e3', 'hyperfleet-api'),
    },
  });
});

type Values = Record<string, unknown>;
const isBlock = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every block of the values by its path, but for the maps of the user. */
function blocks(values: Values, path: string[] = []): string[][] {
  return Object.entries(values).flatMap(([key, value]) =>
    isBlock(value) && !['resources', 'labels'].includes(key)
      ? [[...path, key], ...blocks(value, [...path, key])]
      : [],
  );
}

const without = (path: string[]) =>
  path.reduceRight<unknown>((rest, key) => ({ [key]: rest }), null);

withHelm('values of an older release', () => {
  const DEFAULTS = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values;
  const rendered = async (values: unknown) =>
    parseManifests(await template(values as object)).map((manifest) => {
      // The password is a new one each time.
      const { data, ...rest } = manifest;
      return manifest.kind === 'Secret' ? rest : { ...rest, data };
    });

  it.each(blocks(DEFAULTS).map((path) => [path.join('.'), path] as const))(
    'have the default for %s when they lack it',
    async (_name, path) => {
      expect(await rendered(without(path))).toEqual(await rendered({}));
    },
  );

  it('have the default for a number or a switch that they lack', async () => {
    const values = {
      ...{ replicaCount: null, database: { poolMax: null }, service: { port: null, type: null } },
      api: { keepAliveSeconds: null, conditionAliases: null, logLevel: null },
      auth: { enableJwt: null, enableAuthz: null, identityClaim: null },
    };
    expect(await rendered(values)).toEqual(await rendered({}));
  });

  it('go on meaning none where null does', async () => {
    const environment = (values: object) =>
      template({ auth: { jwksFile: '/keys.json', ...values } });
    expect(await environment({ jwksUrl: null })).not.toContain('AUTH_JWKS_URL');
    expect(await template({ kinds: null })).not.toContain('HYPERFLEET_KINDS_FILE');
    const adapters = await template({ adapters: { cluster: null } });
    expect(adapters).not.toContain('HYPERFLEET_CLUSTER_ADAPTERS');
    const limits = await template({ resources: { limits: null } });
    expect(apiOf(parseManifests(limits)).containers[0]!.resources).not.toHaveProperty('limits');
  });
});

withHelm('as a dependency of another chart', () => {
  const parent = (values: object) => {
    const chart = join(folder, 'parent');
    mkdirSync(join(chart, 'charts'), { recursive: true });
    cpSync(CHART, join(chart, 'charts', 'hyperfleet-api'), { recursive: true });
    const dependency = {
      ...{ name: 'hyperfleet-api', version: '1.0.0', repository: '' },
      condition: 'hyperfleet-api.enabled',
    };
    const description = { apiVersion: 'v2', name: 'parent', version: '1.0.0' };
    writeFileSync(
      join(chart, 'Chart.yaml'),
      JSON.stringify({ ...description, dependencies: [dependency] }),
    );
    return template(values, { release: 'hyperfleet-api', chart });
  };
  const GLOBAL = { imageRegistry: 'quay.io/corp', storageClass: 'fast', nested: { any: [1] } };

  it('is installed when its condition holds, and takes no notice of global values', async () => {
    const manifests = parseManifests(
      await parent({ global: GLOBAL, 'hyperfleet-api': { enabled: true, replicaCount: 3 } }),
    );
    expect(find(manifests, 'Deployment').spec?.replicas).toBe(3);
  });

  it('is left out when its condition does not hold', async () => {
    const text = await parent({ global: GLOBAL, 'hyperfleet-api': { enabled: false } });
    expect(parseManifests(text)).toEqual([]);
  });
});
