import { CLUSTER, NODE_POOL } from '../kinds/built-in';
import {
  adapters,
  flag,
  integer,
  oneOf,
  optional,
  optionalFlag,
  string,
  type Optional,
  type Variable,
} from './variable';

const PORT: [number, number] = [0, 65535];
const MILLISECONDS: [number, number] = [1, 3_600_000];

export const SSL_MODES = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Every variable of the service, in the order of the documentation. */
export const VARIABLES = {
  apiHost: string('API_HOST', '127.0.0.1', 'Address the API listens on'),
  apiPort: integer('API_PORT', 8000, PORT, 'Port of the API; `0`: any free port'),
  tlsCertFile: optional(
    'TLS_CERT_FILE',
    'PEM file with the certificate of the API and its chain; with it and its key the API speaks HTTPS. Both are re-read when they change',
  ),
  tlsKeyFile: optional('TLS_KEY_FILE', 'PEM file with the private key of the API'),
  healthHost: string('HEALTH_HOST', '127.0.0.1', 'Address of the health listener'),
  healthPort: integer('HEALTH_PORT', 8083, PORT, 'Port of `/livez`, `/readyz`, `/healthz`'),
  healthTlsCertFile: optional(
    'HEALTH_TLS_CERT_FILE',
    'PEM file with the certificate of the health listener and its chain; with it and its key the listener speaks HTTPS',
  ),
  healthTlsKeyFile: optional(
    'HEALTH_TLS_KEY_FILE',
    'PEM file with the private key of the health listener',
  ),
  metricsHost: string('METRICS_HOST', '127.0.0.1', 'Address of the metrics listener'),
  metricsPort: integer('METRICS_PORT', 8080, PORT, 'Port of `/metrics`'),
  metricsTlsCertFile: optional(
    'METRICS_TLS_CERT_FILE',
    'PEM file with the certificate of the metrics listener and its chain; with it and its key the listener speaks HTTPS',
  ),
  metricsTlsKeyFile: optional(
    'METRICS_TLS_KEY_FILE',
    'PEM file with the private key of the metrics listener',
  ),
  nodeEnv: string(
    'NODE_ENV',
    'development',
    '`production` requires an external database and an explicit `AUTH_ENABLED`',
  ),

  databaseUrl: optional(
    'DATABASE_URL',
    '`postgres://` URL of the PostgreSQL (13 or newer) to use; if neither this, `DATABASE_URL_FILE` nor `PGHOST` is set, the service starts an embedded PostgreSQL with its data in `.data/`',
    true,
  ),
  databaseUrlFile: optional(
    'DATABASE_URL_FILE',
    'File with such a URL, in the place of `DATABASE_URL`; read at the start',
  ),
  pgHost: optional('PGHOST', 'Database host, as in libpq'),
  pgPort: integer('PGPORT', 5432, [1, 65535], 'Database port'),
  pgDatabase: optional('PGDATABASE', 'Database name; default: the user name'),
  pgUser: optional('PGUSER', 'Database user; default: the user of the process, as in libpq'),
  pgPassword: optional('PGPASSWORD', 'Database password', true),
  databasePasswordFile: optional(
    'DATABASE_PASSWORD_FILE',
    'File with the database password; read for every new connection, so that a new password needs no restart',
  ),
  pgSslMode: oneOf<SslMode>(
    'PGSSLMODE',
    SSL_MODES,
    undefined,
    'TLS to the database, as in libpq; default: `prefer`, on loopback `disable`. `prefer` and `allow` decide about TLS once, at the start',
  ) as Variable<Optional<SslMode>>,
  pgSslRootCert: optional(
    'PGSSLROOTCERT',
    'File with the trusted certificate authorities; read for every new connection',
  ),
  databasePoolMax: integer(
    'DATABASE_POOL_MAX',
    // More would make a small database slower, because its processes compete with one another.
    10,
    [1, 1000],
    'Maximum number of pooled connections; two more are shared by short reads',
  ),
  databasePoolTimeoutMs: integer(
    'DATABASE_POOL_TIMEOUT_MS',
    2000,
    MILLISECONDS,
    'Maximum wait for a connection; after it the response is 503',
  ),
  databaseStatementTimeoutMs: integer(
    'DATABASE_STATEMENT_TIMEOUT_MS',
    5000,
    MILLISECONDS,
    'Maximum duration of a statement; after it the statement is cancelled and the response is 503',
  ),
  databaseConnectRetries: integer(
    'DATABASE_CONNECT_RETRIES',
    10,
    [0, 1000],
    'Retries, one second apart, when the database is not available at the start',
  ),
  databasePreparedStatements: flag(
    'DATABASE_PREPARED_STATEMENTS',
    true,
    'Must be `false` behind a PgBouncer older than 1.21 in transaction mode',
  ),
  migrateOnStart: optionalFlag(
    'MIGRATE_ON_START',
    'Migrate the schema at the start; default: only with the embedded database',
  ),

  kindsFile: optional(
    'HYPERFLEET_KINDS_FILE',
    'YAML or JSON file whose `entities` declare further kinds, or change the built-in ones; see docs/kinds.md',
  ),
  clusterAdapters: adapters('HYPERFLEET_CLUSTER_ADAPTERS', CLUSTER),
  nodePoolAdapters: adapters('HYPERFLEET_NODEPOOL_ADAPTERS', NODE_POOL),
  defaultPageSize: integer(
    'HYPERFLEET_DEFAULT_PAGE_SIZE',
    20,
    [1, 65500],
    'Page size of list requests that specify none; older Sentinels never request a second page',
  ),
  cacheBytes: integer(
    'HYPERFLEET_CACHE_BYTES',
    50_331_648,
    [0, 17_179_869_184],
    'Memory for resources that are written out as JSON, outside of the JavaScript heap; `0`: none are kept',
  ),
  maxWatches: integer(
    'HYPERFLEET_MAX_WATCHES',
    1000,
    [0, 100_000],
    'Maximum number of open watches per process; after it the response is 503; `0`: none are allowed',
  ),
  watchRetentionSeconds: integer(
    'HYPERFLEET_WATCH_RETENTION_SECONDS',
    86_400,
    [60, 31_536_000],
    'Seconds for which removed resources are remembered for watches; an older cursor gets a 410',
  ),
  conditionAliases: flag(
    'HYPERFLEET_CONDITION_ALIASES',
    true,
    'Show `Reconciled` and `LastKnownReconciled` in addition to `Ready` and `Available`',
  ),
  stuckAfterSeconds: integer(
    'HYPERFLEET_STUCK_AFTER_SECONDS',
    600,
    [1, 31_536_000],
    'Seconds after which the metrics count a resource that is not Ready as stuck',
  ),
  openapiSchemaPath: optional(
    'OPENAPI_SCHEMA_PATH',
    'OpenAPI document whose `ClusterSpec` and `NodePoolSpec` schemas validate every `spec`; default: the contract of the service',
  ),

  authEnabled: optionalFlag(
    'AUTH_ENABLED',
    'Require a JWT; must be set when the API is not on loopback, `NODE_ENV` is `production` or a variable of an issuer is set; default: `false`',
  ),
  authJwksUrl: optional(
    'AUTH_JWKS_URL',
    'URL of the key set of the token issuer: https, or http on loopback',
  ),
  authJwksFile: optional(
    'AUTH_JWKS_FILE',
    'File with a key set, instead of or besides `AUTH_JWKS_URL`',
  ),
  authIssuer: optional('AUTH_ISSUER', 'Expected `iss`; `*` accepts any'),
  authAudience: optional('AUTH_AUDIENCE', 'Expected `aud`; `*` accepts any'),
  authIdentityClaim: string(
    'AUTH_IDENTITY_CLAIM',
    'email',
    'Claim that names the actor; if absent or unverified, `preferred_username` without `@`, then `sub`',
  ),
  authIssuersFile: optional(
    'AUTH_ISSUERS_FILE',
    'YAML or JSON list of further token issuers, each with its own keys, header and identity; see docs/security.md',
  ),
  authzEnabled: optionalFlag(
    'AUTHZ_ENABLED',
    'Allow only what a rule allows; requires `AUTH_ENABLED`; must be set when `AUTHZ_RULES_FILE` is; default: `false`',
  ),
  authzRulesFile: optional(
    'AUTHZ_RULES_FILE',
    'YAML or JSON list of `{claim, pattern, operations}`, each with an optional `issuer`; re-read when it changes and on SIGHUP',
  ),

  logLevel: oneOf(
    'LOG_LEVEL',
    ['error', 'warn', 'info', 'debug'],
    'info',
    'Least severe level logged',
  ),
  logFormat: oneOf<'json' | 'text'>(
    'LOG_FORMAT',
    ['json', 'text'],
    undefined,
    'Format of the log; default: `text` on a terminal, otherwise `json`',
  ) as Variable<Optional<'json' | 'text'>>,
  logPolls: flag('LOG_POLLS', true, '`false` omits successful list requests from the log'),

  maxBodyBytes: integer(
    'MAX_BODY_BYTES',
    262_144,
    [1024, 67_108_864],
    'Maximum size of a request body',
  ),
  requestTimeoutMs: integer(
    'REQUEST_TIMEOUT_MS',
    15_000,
    MILLISECONDS,
    'Maximum time for a client to send its request',
  ),
  keepAliveSeconds: integer(
    'KEEP_ALIVE_SECONDS',
    620,
    [1, 86_400],
    'Seconds after which an idle connection of the API is closed; must be longer than any load balancer or client keeps it (Google: 600), or a request on it can fail',
  ),
  shutdownTimeoutMs: integer(
    'SHUTDOWN_TIMEOUT_MS',
    20_000,
    MILLISECONDS,
    'Maximum time that a stopping service waits for its requests',
  ),
} as const;
