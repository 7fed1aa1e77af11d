const EXTERNAL = { postgresql: { enabled: false }, external: { enabled: true } };
const ISSUER = { issuer_url: 'https://a.example', jwk_cert_url: 'https://a.example/keys' };
const RULE = { claim: 'email', pattern: '*@example.com', operations: ['*'] };

interface RefusedSet {
  name: string;
  values: object;
  says: RegExp;
}

export const REFUSED: RefusedSet[] = [
  { name: 'a misspelt value', values: { replicas: 3 }, says: /replicas/ },
  { name: 'a misspelt value further in', values: { auth: { enableJWT: true } }, says: /enableJWT/ },
  { name: 'an ill-typed value', values: { replicaCount: 'three' }, says: /replicaCount/ },
  { name: 'text for a switch', values: { auth: { enableJwt: 'no' } }, says: /enableJwt/ },
  { name: 'a page of no items', values: { api: { defaultPageSize: 0 } }, says: /defaultPageSize/ },
  {
    name: 'a retention that is too short for watches',
    values: { api: { watchRetentionSeconds: 59 } },
    says: /watchRetentionSeconds/,
  },
  {
    name: 'a TLS mode for the built-in database',
    values: { database: { external: { sslMode: 'verify-full' } } },
    says: /database\.external\.sslMode is set, but the external database is not enabled/,
  },
  {
    name: 'an authority for the built-in database',
    values: { database: { external: { caSecretName: 'ca' } } },
    says: /database\.external\.caSecretName is set, but the external database is not enabled/,
  },
  {
    name: 'an unknown TLS mode',
    values: { database: { external: { sslMode: 'on' } } },
    says: /sslMode/,
  },
  {
    name: 'keys fetched without TLS',
    values: { auth: { jwksUrl: 'http://login.example.com/keys' } },
    says: /jwksUrl/,
  },
  {
    name: 'a rule without operations',
    values: { auth: { rules: [{ claim: 'email', pattern: '*' }] } },
    says: /operations/,
  },
  {
    name: 'a kind without a plural',
    values: { kinds: [{ kind: 'Channel' }] },
    says: /plural/,
  },
  {
    name: 'a kind in lower case',
    values: { kinds: [{ kind: 'channel', plural: 'channels' }] },
    says: /kinds[^]*kind/,
  },
  {
    name: 'a kind whose path is one of the service',
    values: { kinds: [{ kind: 'Error', plural: 'errors' }] },
    says: /plural/,
  },
  {
    name: 'a kind with conditions',
    values: { kinds: [{ kind: 'Channel', plural: 'channels', conditions: [] }] },
    says: /conditions/,
  },
  {
    name: 'a kind with an adapter that ends in a dash',
    values: { kinds: [{ kind: 'Channel', plural: 'channels', required_adapters: ['dns-'] }] },
    says: /required_adapters/,
  },
  {
    name: 'a kind with an ill-formed reference',
    values: {
      kinds: [{ kind: 'Channel', plural: 'channels', references: [{ ref_type: 'base' }] }],
    },
    says: /target_kind/,
  },
  {
    name: 'kinds in the form of a file',
    values: { kinds: { entities: [] } },
    says: /kinds/,
  },
  {
    name: 'both databases',
    values: { database: { external: { enabled: true, secretName: 'x' } } },
    says: /--set database\.postgresql\.enabled=false[^]*--set database\.external\.enabled=false/,
  },
  {
    name: 'no database',
    values: { database: { postgresql: { enabled: false } } },
    says: /--set database\.postgresql\.enabled=true[^]*--set database\.external\.enabled=true/,
  },
  {
    name: 'an external database without its secret',
    values: { database: EXTERNAL },
    says: /kubectl create secret generic/,
  },
  {
    name: 'a URL for PgBouncer, which needs its parts',
    values: {
      pgbouncer: { enabled: true },
      database: { ...EXTERNAL, external: { enabled: true, secretName: 'x', keys: { uri: 'uri' } } },
    },
    says: /keys\.uri=''[^]*keys\.host=/,
  },
  {
    name: 'a secret without the key of the password',
    values: { database: { external: { keys: { password: '' } } } },
    says: /password/,
  },
  {
    name: 'a password beside the one of the secret',
    values: { extraEnv: [{ name: 'PGPASSWORD', value: 'x' }] },
    says: /PGPASSWORD, which the chart sets/,
  },
  {
    name: 'TLS without a certificate',
    values: { tls: { enabled: true } },
    says: /kubectl create secret tls[^]*--set tls\.secretName=/,
  },
  {
    name: 'a certificate that nothing uses',
    values: { tls: { secretName: 'hyperfleet-api-tls' } },
    says: /nothing would be encrypted/,
  },
  {
    name: 'scrapes that could not check the certificate',
    values: {
      tls: { enabled: true, secretName: 'x', metrics: true },
      monitoring: { serviceMonitor: { enabled: true } },
    },
    says: /tlsConfig: \{serverName/,
  },
  {
    name: 'tokens without any source of keys',
    values: { auth: { jwksUrl: '' } },
    says: /--set auth\.jwksUrl=[^]*--set-file auth\.jwksFile=[^]*--set auth\.enableJwt=false/,
  },
  {
    name: 'tokens from nobody in particular',
    values: { auth: { issuer: '' } },
    says: /auth\.issuer and auth\.audience/,
  },
  {
    name: 'an issuer without a name',
    values: { auth: { issuers: [{ jwk_cert_url: 'https://login.example.com/keys' }] } },
    says: /issuer_url/,
  },
  {
    name: 'an issuer with an unknown property',
    values: { auth: { issuers: [{ ...ISSUER, jwks_url: 'https://login.example.com/keys' }] } },
    says: /jwks_url/,
  },
  {
    name: 'a single issuer beside issuers',
    values: { auth: { issuers: [ISSUER], issuer: 'https://login.example.com' } },
    says: /auth\.issuers replace auth\.issuer\./,
  },
  {
    name: 'issuers that nothing asks',
    values: { auth: { enableJwt: false, enableAuthz: false, issuers: [ISSUER] } },
    says: /nothing would ask for their tokens/,
  },
  {
    name: 'a file of issuers beside issuers',
    values: {
      auth: { issuers: [ISSUER] },
      extraEnv: [{ name: 'AUTH_ISSUERS_FILE', value: '/mine.yaml' }],
    },
    says: /AUTH_ISSUERS_FILE, which the chart sets/,
  },
  {
    name: 'authorization without tokens',
    values: { auth: { enableJwt: false } },
    says: /--set auth\.enableJwt=true[^]*--set auth\.enableAuthz=false/,
  },
  {
    name: 'rules that nothing asks',
    values: { auth: { enableAuthz: false, rules: [RULE] } },
    says: /would protect nothing/,
  },
  {
    name: 'the name of a key file in the place of its content',
    values: { auth: { jwksFile: 'jwks.json' } },
    says: /--set-file auth\.jwksFile=jwks\.json/,
  },
  {
    name: 'the name of a schema in the place of its content',
    values: { provider: { schema: 'gcp-schema.yaml' } },
    says: /--set-file provider\.schema=gcp-schema\.yaml/,
  },
  {
    name: 'a schema larger than a ConfigMap',
    values: { provider: { schema: `openapi: 3.0.3\nx: ${'y'.repeat(1_000_001)}` } },
    says: /over 1 MB/,
  },
  {
    name: 'an environment variable that the chart sets itself',
    values: { extraEnv: [{ name: 'AUTH_ENABLED', value: 'false' }] },
    says: /AUTH_ENABLED, which the chart sets/,
  },
  {
    name: 'a file of kinds beside kinds',
    values: {
      kinds: [{ kind: 'Channel', plural: 'channels' }],
      extraEnv: [{ name: 'HYPERFLEET_KINDS_FILE', value: '/mine.yaml' }],
    },
    says: /HYPERFLEET_KINDS_FILE, which the chart sets/,
  },
  {
    name: 'an autoscaler with more fewest than most pods',
    values: { autoscaling: { enabled: true, minReplicas: 9 } },
    says: /minReplicas is above/,
  },
  { name: 'a digest that is none', values: { image: { digest: 'v1.2.3' } }, says: /digest/ },
  {
    name: 'a sidecar without an image',
    values: { sidecars: [{ name: 'proxy' }] },
    says: /sidecars[^]*image/,
  },
  {
    name: 'sidecars that are not a list',
    values: { nativeSidecars: { proxy: { image: 'x' } } },
    says: /nativeSidecars/,
  },
  {
    name: 'a native sidecar that is not restarted',
    values: { nativeSidecars: [{ name: 'proxy', image: 'x', restartPolicy: 'Never' }] },
    says: /restartPolicy/,
  },
  {
    name: 'a sidecar called like a container of the chart',
    values: { sidecars: [{ name: 'api', image: 'x' }] },
    says: /api is the name of another container/,
  },
  {
    name: 'two sidecars with one name',
    values: {
      nativeSidecars: [{ name: 'proxy', image: 'x' }],
      sidecars: [{ name: 'proxy', image: 'x' }],
    },
    says: /proxy is the name of another container/,
  },
  { name: 'a number as a label', values: { commonLabels: { team: 7 } }, says: /commonLabels/ },
  {
    name: 'a switch as an annotation',
    values: { deploymentAnnotations: { reload: true } },
    says: /deploymentAnnotations/,
  },
  {
    name: 'an Ingress without hosts',
    values: { ingress: { enabled: true } },
    says: /--set 'ingress\.hosts\[0\]\.host=/,
  },
  {
    name: 'an Ingress with a host in short form',
    values: { ingress: { enabled: true, hosts: ['api.example.com'] } },
    says: /ingress[^]*hosts/,
  },
  {
    name: 'an Ingress with an unknown type of path',
    values: {
      ingress: { enabled: true, hosts: [{ host: 'a', paths: [{ path: '/', pathType: 'Any' }] }] },
    },
    says: /pathType/,
  },
  {
    name: 'an HTTPRoute without Gateways',
    values: { httpRoute: { enabled: true } },
    says: /--set 'httpRoute\.parentRefs\[0\]\.name=/,
  },
  {
    name: 'an HTTPRoute with a limit without a unit',
    values: { httpRoute: { requestTimeout: '60' } },
    says: /requestTimeout/,
  },
  {
    name: 'an unknown policy of IP families',
    values: { service: { ipFamilyPolicy: 'DualStack' } },
    says: /ipFamilyPolicy/,
  },
  {
    name: 'two IP families on one stack',
    values: { service: { ipFamilies: ['IPv4', 'IPv6'] } },
    says: /--set service\.ipFamilyPolicy=PreferDualStack[^]*--set 'service\.ipFamilies=/,
  },
  {
    name: 'a class of load balancer for a service without one',
    values: { service: { loadBalancerClass: 'example.com/internal' } },
    says: /--set service\.type=LoadBalancer[^]*--set service\.loadBalancerClass=/,
  },
  {
    name: 'a disruption budget with both limits',
    values: { podDisruptionBudget: { enabled: true, minAvailable: 1, maxUnavailable: 1 } },
    says: /minAvailable=null[^]*maxUnavailable=null/,
  },
  {
    name: 'a disruption budget that lets no pod go',
    values: { podDisruptionBudget: { enabled: true, minAvailable: 2 } },
    says: /minAvailable is 2, and there may be no more than 2 pods/,
  },
  {
    name: 'a disruption budget that keeps all pods',
    values: { podDisruptionBudget: { enabled: true, minAvailable: '100%' } },
    says: /minAvailable/,
  },
];
