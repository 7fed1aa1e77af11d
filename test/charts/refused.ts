const EXTERNAL = { postgresql: { enabled: false }, external: { enabled: true } };
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
];
