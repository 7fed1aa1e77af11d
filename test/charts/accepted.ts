import { BUDGETS } from './accepted-budgets';
import { DATABASES } from './accepted-databases';
import { EXPOSURES } from './accepted-exposure';
import { ISSUERS } from './accepted-issuers';
import { KINDS } from './accepted-kinds';
import { PODS } from './accepted-pods';
import { TLS } from './accepted-tls';
import { apiOf, databaseFiles, find, kinds, serveEnv } from './manifest';
import { README_EXAMPLES } from './readme';
import type { ValueSet } from './value-set';

const JWKS = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}';
export const SCHEMA = [
  'openapi: 3.0.3',
  'components: {schemas: {ClusterSpec: {type: object}, NodePoolSpec: {type: object}}}',
].join('\n');
const RULE = { claim: 'email', pattern: '*@example.com', operations: ['*'] };
const MONITORING = {
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  podMonitoring: { enabled: true },
  prometheusRule: { enabled: true, errorRatio: 0.01, latencySeconds: 0.5 },
  dashboard: { enabled: true },
};

export const ACCEPTED: ValueSet[] = [
  ...DATABASES,
  ...ISSUERS,
  ...KINDS,
  ...EXPOSURES,
  ...BUDGETS,
  ...PODS,
  ...README_EXAMPLES,
  ...TLS,
  {
    name: 'nothing set: tokens on, nobody allowed, built-in PostgreSQL on a volume',
    values: {},
    check: (manifests) => {
      expect(serveEnv(manifests)).toMatchObject({
        AUTH_ENABLED: 'true',
        AUTH_ISSUER: 'https://sso.redhat.com/auth/realms/redhat-external',
        AUTH_AUDIENCE: '*',
        AUTHZ_ENABLED: 'true',
        KEEP_ALIVE_SECONDS: '620',
        PGHOST: 'hyperfleet-api-postgresql',
        DATABASE_PREPARED_STATEMENTS: 'true',
      });
      expect(serveEnv(manifests)).not.toHaveProperty('TLS_CERT_FILE');
      expect(databaseFiles(manifests)).toEqual({
        password: 'hyperfleet-api-postgresql:db.password',
      });
      expect(find(manifests, 'ConfigMap', 'hyperfleet-api-authz').data).toEqual({
        'rules.yaml': '[]\n',
      });
      expect(kinds(manifests)).toContain('PersistentVolumeClaim');
      expect(apiOf(manifests).terminationGracePeriodSeconds).toBe(30);
    },
  },
  {
    name: 'tokens with published keys only',
    values: { auth: { jwksUrl: 'https://login.example.com/keys', audience: 'hyperfleet' } },
    check: (manifests) => {
      const environment = serveEnv(manifests);
      expect(environment.AUTH_JWKS_URL).toBe('https://login.example.com/keys');
      expect(environment).not.toHaveProperty('AUTH_JWKS_FILE');
    },
  },
  {
    name: 'tokens with keys handed over as content',
    values: { auth: { jwksUrl: '', jwksFile: JWKS } },
    check: (manifests) => {
      const environment = serveEnv(manifests);
      expect(environment.AUTH_JWKS_FILE).toBe('/etc/hyperfleet/jwks/jwks.json');
      expect(environment).not.toHaveProperty('AUTH_JWKS_URL');
      const { data } = find(manifests, 'ConfigMap', 'hyperfleet-api-jwks');
      expect(JSON.parse(data?.['jwks.json'] ?? '')).toEqual(JSON.parse(JWKS));
    },
  },
  {
    name: 'tokens with keys in a mounted file',
    values: {
      auth: { jwksUrl: '', jwksFile: '/keys/jwks.json' },
      extraVolumes: [{ name: 'keys', secret: { secretName: 'keys' } }],
      extraVolumeMounts: [{ name: 'keys', mountPath: '/keys' }],
    },
    check: (manifests) => {
      expect(serveEnv(manifests).AUTH_JWKS_FILE).toBe('/keys/jwks.json');
      expect(manifests.map(({ metadata }) => metadata.name)).not.toContain('hyperfleet-api-jwks');
    },
  },
  {
    name: 'no tokens at all',
    values: { auth: { enableJwt: false, enableAuthz: false } },
    check: (manifests) => {
      const environment = serveEnv(manifests);
      expect(environment).toMatchObject({ AUTH_ENABLED: 'false', AUTHZ_ENABLED: 'false' });
      expect(environment).not.toHaveProperty('AUTHZ_RULES_FILE');
    },
  },
  {
    name: 'authorization rules',
    values: { auth: { rules: [RULE] } },
    check: (manifests) => {
      expect(serveEnv(manifests).AUTHZ_RULES_FILE).toBe('/etc/hyperfleet/authz/rules.yaml');
      const { data } = find(manifests, 'ConfigMap', 'hyperfleet-api-authz');
      expect(data?.['rules.yaml']).toContain("pattern: '*@example.com'");
    },
  },
  {
    name: 'a provider schema',
    values: { provider: { schema: SCHEMA } },
    check: (manifests) => {
      expect(serveEnv(manifests).OPENAPI_SCHEMA_PATH).toBe('/etc/hyperfleet/schemas/openapi.yaml');
      const { data } = find(manifests, 'ConfigMap', 'hyperfleet-api-schema');
      expect(data?.['openapi.yaml']?.trim()).toBe(SCHEMA);
    },
  },
  {
    name: 'an autoscaler and a disruption budget',
    values: {
      autoscaling: { enabled: true, minReplicas: 3, maxReplicas: 9 },
      podDisruptionBudget: { enabled: true, maxUnavailable: '25%' },
    },
    check: (manifests) => {
      expect(find(manifests, 'Deployment').spec).not.toHaveProperty('replicas');
      expect(find(manifests, 'PodDisruptionBudget').spec?.maxUnavailable).toBe('25%');
      expect(kinds(manifests)).toContain('HorizontalPodAutoscaler');
    },
  },
  {
    name: 'monitoring of both makes',
    values: { monitoring: MONITORING },
    check: (manifests) => {
      for (const kind of ['ServiceMonitor', 'PodMonitoring', 'PrometheusRule']) {
        find(manifests, kind);
      }
      const { data } = find(manifests, 'ConfigMap', 'hyperfleet-api-dashboard');
      expect(JSON.parse(data?.['hyperfleet-api.json'] ?? '')).toHaveProperty('panels');
    },
  },
  {
    name: 'network policies',
    values: {
      networkPolicy: { enabled: true, apiFrom: [{ namespaceSelector: {} }] },
      pgbouncer: { enabled: true },
    },
    check: (manifests) => {
      expect(kinds(manifests).filter((kind) => kind === 'NetworkPolicy')).toHaveLength(3);
    },
  },
  {
    name: 'users left to the platform',
    values: {
      securityContext: { runAsUser: null },
      database: { postgresql: { runAsUser: null } },
      pgbouncer: { enabled: true, runAsUser: null },
    },
    check: (manifests) => {
      expect(apiOf(manifests).securityContext).not.toHaveProperty('runAsUser');
      expect(apiOf(manifests).securityContext).not.toHaveProperty('fsGroup');
    },
  },
  {
    name: 'an image of your own',
    values: { image: { registry: 'quay.io/myuser/', tag: 'v1.2.3' } },
    check: (manifests) => {
      const pod = apiOf(manifests);
      expect(pod.containers[0]?.image).toBe('quay.io/myuser/hyperfleet-api:v1.2.3');
      expect(pod.initContainers?.[0]?.image).toBe('quay.io/myuser/hyperfleet-api:v1.2.3');
    },
  },
  {
    name: 'everything on',
    values: {
      kinds: [{ kind: 'Channel', plural: 'channels' }],
      adapters: { cluster: [], nodepool: ['gcp-provisioner'] },
      api: {
        defaultPageSize: 65500,
        maxWatches: 0,
        watchRetentionSeconds: 1000000,
        keepAliveSeconds: 70,
        preStopSeconds: 10,
        shutdownTimeoutSeconds: 45,
      },
      auth: { jwksFile: JWKS, rules: [RULE] },
      provider: { schema: SCHEMA },
      pgbouncer: { enabled: true },
      autoscaling: { enabled: true },
      podDisruptionBudget: { enabled: true },
      networkPolicy: { enabled: true, extraEgress: [{ ports: [{ port: 4318 }] }] },
      monitoring: MONITORING,
      service: {
        type: 'LoadBalancer',
        port: 80,
        annotations: { a: 'b' },
        ipFamilyPolicy: 'PreferDualStack',
        ipFamilies: ['IPv4', 'IPv6'],
        loadBalancerClass: 'example.com/internal',
      },
      ingress: { enabled: true, hosts: [{ host: 'api.example.com' }] },
      httpRoute: { enabled: true, parentRefs: [{ name: 'public' }] },
      serviceAccount: { annotations: { 'iam.gke.io/gcp-service-account': 'a@b' } },
      imagePullSecrets: [{ name: 'pull' }],
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
      ],
      priorityClassName: 'high',
      commonLabels: { 'cost-center': '7' },
      deploymentAnnotations: { note: 'yes' },
      podLabels: { team: 'platform' },
      podAnnotations: { note: 'yes' },
      sidecars: [{ name: 'shipper', image: 'example.com/shipper' }],
      nativeSidecars: [{ name: 'proxy', image: 'example.com/proxy' }],
      extraEnv: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://collector:4318' }],
      extraVolumes: [{ name: 'scratch', emptyDir: {} }],
      extraVolumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
    },
    check: (manifests) => {
      expect(serveEnv(manifests)).toMatchObject({
        HYPERFLEET_CLUSTER_ADAPTERS: '[]',
        HYPERFLEET_NODEPOOL_ADAPTERS: '["gcp-provisioner"]',
        HYPERFLEET_DEFAULT_PAGE_SIZE: '65500',
        HYPERFLEET_MAX_WATCHES: '0',
        HYPERFLEET_WATCH_RETENTION_SECONDS: '1000000',
        KEEP_ALIVE_SECONDS: '70',
        SHUTDOWN_TIMEOUT_MS: '45000',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      });
      expect(apiOf(manifests).terminationGracePeriodSeconds).toBe(60);
    },
  },
];
