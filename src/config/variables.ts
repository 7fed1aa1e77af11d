import { CLUSTER, NODE_POOL } from '../kinds/built-in';
import {
  adapters,
  flag,
  integer,
  oneOf,
  optional,
  optionalFlag,
  text,
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
  apiHost: text('API_HOST', '127.0.0.1', 'Address the API listens on'),
  apiPort: integer('API_PORT', 8000, PORT, 'Port of the API; 0 takes any free one'),
  healthHost: text('HEALTH_HOST', '127.0.0.1', 'Address the health listener binds'),
  healthPort: integer('HEALTH_PORT', 8083, PORT, 'Port of `/healthz`, `/healthcheck`, `/readyz`'),
  metricsHost: text('METRICS_HOST', '127.0.0.1', 'Address the metrics listener binds'),
  metricsPort: integer('METRICS_PORT', 8080, PORT, 'Port of `/metrics`'),
  nodeEnv: text(
    'NODE_ENV',
    'development',
    '`production` refuses the embedded database and wants `AUTH_ENABLED` said',
  ),

  databaseUrl: optional(
    'DATABASE_URL',
    'PostgreSQL (13 or newer) to use, as a `postgres://` URL; neither this nor `PGHOST`: an embedded PostgreSQL with its data under `.data/`',
    true,
  ),
  pgHost: optional('PGHOST', 'Database host, in the meaning of libpq'),
  pgPort: integer('PGPORT', 5432, [1, 65535], 'Database port'),
  pgDatabase: optional('PGDATABASE', 'Database name; default: the user name'),
  pgUser: optional('PGUSER', 'Database user; default: the user of the process'),
  pgPassword: optional('PGPASSWORD', 'Database password', true),
  pgSslMode: oneOf<SslMode>(
    'PGSSLMODE',
    SSL_MODES,
    undefined,
    'TLS to the database, in the meaning of libpq; default: prefer, and none on loopback. Whether `prefer` and `allow` encrypt is settled at the start',
  ) as Variable<Optional<SslMode>>,
  pgSslRootCert: optional('PGSSLROOTCERT', 'File of the certificate authorities to trust'),
  databasePoolMax: integer(
    'DATABASE_POOL_MAX',
    // More make small databases slower, not faster: their processes get in one another's way.
    10,
    [1, 1000],
    'Largest number of pooled connections; two more are shared by short reads',
  ),
  databasePoolTimeoutMs: integer(
    'DATABASE_POOL_TIMEOUT_MS',
    2000,
    MILLISECONDS,
    'Longest wait for a connection before the answer is 503',
  ),
  databaseStatementTimeoutMs: integer(
    'DATABASE_STATEMENT_TIMEOUT_MS',
    5000,
    MILLISECONDS,
    'Longest run of one statement before it is cancelled and the answer is 503',
  ),
  databaseConnectRetries: integer(
    'DATABASE_CONNECT_RETRIES',
    10,
    [0, 1000],
    'Tries to reach the database at the start, a second apart',
  ),
  databasePreparedStatements: flag(
    'DATABASE_PREPARED_STATEMENTS',
    true,
    '`false` behind a PgBouncer older than 1.21 in transaction mode',
  ),
  migrateOnStart: optionalFlag(
    'MIGRATE_ON_START',
    'Migrate the schema before serving; default: only with the embedded database',
  ),

  clusterAdapters: adapters('HYPERFLEET_CLUSTER_ADAPTERS', CLUSTER),
  nodePoolAdapters: adapters('HYPERFLEET_NODEPOOL_ADAPTERS', NODE_POOL),
  defaultPageSize: integer(
    'HYPERFLEET_DEFAULT_PAGE_SIZE',
    20,
    [1, 65500],
    'Page size when a list request names none; older Sentinels never ask for a second page',
  ),
  conditionAliases: flag(
    'HYPERFLEET_CONDITION_ALIASES',
    true,
    'Show `Reconciled` and `LastKnownReconciled` beside `Ready` and `Available`',
  ),
  stuckAfterSeconds: integer(
    'HYPERFLEET_STUCK_AFTER_SECONDS',
    600,
    [1, 31_536_000],
    'Age from which a resource that is not reconciled counts as stuck in the metrics',
  ),
  openapiSchemaPath: optional(
    'OPENAPI_SCHEMA_PATH',
    'OpenAPI document whose `ClusterSpec` and `NodePoolSpec` schemas validate every `spec`; default: our own contract',
  ),

  authEnabled: optionalFlag(
    'AUTH_ENABLED',
    'Require a JWT; must be said when the API is not on loopback or `NODE_ENV` is production',
  ),
  authJwksUrl: optional('AUTH_JWKS_URL', 'Key set of the token issuer: https, or http on loopback'),
  authJwksFile: optional('AUTH_JWKS_FILE', 'Key set as a file, alone or besides the URL'),
  authIssuer: optional('AUTH_ISSUER', 'Expected `iss`; `*` accepts any'),
  authAudience: optional('AUTH_AUDIENCE', 'Expected `aud`; `*` accepts any'),
  authIdentityClaim: text(
    'AUTH_IDENTITY_CLAIM',
    'email',
    'Claim that names the actor; then `preferred_username`, then `sub`',
  ),
  authzEnabled: flag('AUTHZ_ENABLED', false, 'Allow only what a rule allows; needs `AUTH_ENABLED`'),
  authzRulesFile: optional(
    'AUTHZ_RULES_FILE',
    'YAML or JSON list of `{claim, pattern, operations}`; re-read when it changes and on SIGHUP',
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
    'Form of a log line; default: text on a terminal, else json',
  ) as Variable<Optional<'json' | 'text'>>,
  logPolls: flag('LOG_POLLS', true, '`false` leaves successful lists out of the log'),

  maxBodyBytes: integer('MAX_BODY_BYTES', 262_144, [1024, 67_108_864], 'Largest request body'),
  requestTimeoutMs: integer(
    'REQUEST_TIMEOUT_MS',
    15_000,
    MILLISECONDS,
    'Longest time a client may take to send its request',
  ),
  shutdownTimeoutMs: integer(
    'SHUTDOWN_TIMEOUT_MS',
    20_000,
    MILLISECONDS,
    'Longest time a stopping server waits for its requests',
  ),
} as const;
