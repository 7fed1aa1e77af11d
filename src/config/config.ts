import { readFileSync } from 'node:fs';
import { conditionTypeOf } from '../conditions/aggregate';

/** One environment variable: its text becomes a value, or an `Error` whose message says what is expected. */
interface Variable<T> {
  name: string;
  /** Text used when the variable is unset; undefined: the value is undefined then. */
  default?: string;
  description: string;
  secret?: boolean;
  /** An empty text normally counts as unset; here it is a value, and usually a wrong one. */
  keepEmpty?: boolean;
  parse(text: string): T;
}

type Optional<T> = T | undefined;

function text(name: string, fallback: string, description: string): Variable<string> {
  return { name, default: fallback, description, parse: (value) => value };
}

function optional(name: string, description: string, secret = false): Variable<Optional<string>> {
  return { name, description, secret, parse: (value) => value };
}

function integer(
  name: string,
  fallback: number,
  [min, max]: [number, number],
  description: string,
): Variable<number> {
  return {
    name,
    default: String(fallback),
    description,
    parse(value) {
      const number = Number(value);
      if (!/^\d+$/.test(value) || number < min || number > max) {
        throw new Error(`must be a whole number from ${min} to ${max}`);
      }
      return number;
    },
  };
}

function oneOf<T extends string>(
  name: string,
  values: readonly T[],
  fallback: T | undefined,
  description: string,
): Variable<T> {
  return {
    name,
    default: fallback,
    description,
    parse(value) {
      const found = values.find((candidate) => candidate === value.toLowerCase());
      if (found === undefined) throw new Error(`must be one of ${values.join(', ')}`);
      return found;
    },
  };
}

function parseFlag(value: string): boolean {
  if (!/^(true|false)$/i.test(value)) throw new Error('must be true or false');
  return value.toLowerCase() === 'true';
}

function flag(name: string, fallback: boolean, description: string): Variable<boolean> {
  return { name, default: String(fallback), description, parse: parseFlag };
}

function optionalFlag(name: string, description: string): Variable<Optional<boolean>> {
  return { name, description, parse: parseFlag };
}

const ADAPTER_NAME = /^[A-Za-z0-9](?:[-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;

function adapters(name: string, fallback: string, kind: string): Variable<readonly string[]> {
  return {
    name,
    default: fallback,
    keepEmpty: true,
    description: `Adapters a ${kind} needs to be Ready: a JSON array or a comma list; \`[]\` means none`,
    parse(value) {
      const list = value.trim().startsWith('[')
        ? parseJsonList(value)
        : value.split(',').map((entry) => entry.trim());
      const types = new Map<string, string>();
      for (const adapter of list) {
        if (!ADAPTER_NAME.test(adapter)) {
          throw new Error(`has '${adapter}', which is not an adapter name (only [] means none)`);
        }
        const type = conditionTypeOf(adapter);
        const other = types.get(type);
        if (other !== undefined) {
          throw new Error(
            other === adapter
              ? `names '${adapter}' twice`
              : `has '${other}' and '${adapter}', which share the condition type ${type}`,
          );
        }
        types.set(type, adapter);
      }
      return Object.freeze(list);
    },
  };
}

function parseJsonList(value: string): string[] {
  let list: unknown;
  try {
    list = JSON.parse(value);
  } catch {
    throw new Error('is not a JSON array');
  }
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string')) {
    throw new Error('must be a JSON array of texts');
  }
  return list;
}

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

  clusterAdapters: adapters(
    'HYPERFLEET_CLUSTER_ADAPTERS',
    'validation,dns,pullsecret,hypershift',
    'cluster',
  ),
  nodePoolAdapters: adapters('HYPERFLEET_NODEPOOL_ADAPTERS', 'validation,hypershift', 'node pool'),
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

type Value<V> = V extends Variable<infer T> ? T : never;
export type Config = {
  readonly [Key in keyof typeof VARIABLES]: Value<(typeof VARIABLES)[Key]>;
};

/** Says everything that is wrong with the environment, a line each. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration cannot be used:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads and checks the environment.
 * @throws ConfigError naming every wrong variable at once
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries<Variable<unknown>>(VARIABLES)) {
    let given = env[variable.name];
    if (given === '' && !variable.keepEmpty) given = undefined;
    const source = given ?? variable.default;
    if (source === undefined) continue;
    try {
      values[key] = variable.parse(source);
    } catch (error) {
      const shown = variable.secret ? '***' : source;
      problems.push(`${variable.name}='${shown}' ${(error as Error).message}`);
    }
  }
  const config = values as unknown as Config;
  if (problems.length === 0) problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** Says why a JWKS address is not acceptable: keys that travel in the clear could be replaced. */
export function jwksUrlProblem(address: string): string | undefined {
  if (!URL.canParse(address)) return 'must be an absolute URL';
  const { protocol, hostname, username, password } = new URL(address);
  if (username !== '' || password !== '') return 'must not contain a user name or password';
  if (protocol === 'https:') return undefined;
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  return protocol === 'http:' && loopback
    ? undefined
    : 'must begin with https:// (http:// only on loopback)';
}

/** What no variable shows alone. */
function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(config.databaseUrl)) {
    problems.push('DATABASE_URL must begin with postgres:// or postgresql://');
  }
  if (config.authEnabled) {
    if (!config.authJwksUrl && !config.authJwksFile) {
      problems.push('AUTH_ENABLED=true needs AUTH_JWKS_URL or AUTH_JWKS_FILE');
    }
    if (!config.authIssuer) problems.push("AUTH_ENABLED=true needs AUTH_ISSUER ('*' accepts any)");
    if (!config.authAudience) {
      problems.push("AUTH_ENABLED=true needs AUTH_AUDIENCE ('*' accepts any)");
    }
  }
  const urlProblem = config.authJwksUrl && jwksUrlProblem(config.authJwksUrl);
  if (urlProblem) problems.push(`AUTH_JWKS_URL ${urlProblem}`);
  if (config.authzEnabled && !config.authEnabled) {
    problems.push('AUTHZ_ENABLED=true needs AUTH_ENABLED=true: rules judge the claims of a token');
  }
  return problems;
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * What `serve` needs beyond a well-formed environment: nobody runs an open server by accident.
 * @throws ConfigError
 */
export function assertServable(config: Config): void {
  const problems: string[] = [];
  if (config.authEnabled === undefined) {
    const why = !isLoopback(config.apiHost)
      ? `API_HOST=${config.apiHost} is not loopback`
      : config.nodeEnv === 'production'
        ? 'NODE_ENV=production'
        : undefined;
    if (why) problems.push(`AUTH_ENABLED must be said, true or false, because ${why}`);
  }
  if (config.nodeEnv === 'production' && !hasExternalDatabase(config)) {
    problems.push('NODE_ENV=production needs a database: set DATABASE_URL or PGHOST');
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

export function hasExternalDatabase(config: Config): boolean {
  return config.databaseUrl !== undefined || config.pgHost !== undefined;
}

/** The effective value of every variable by its name, secrets masked; for `config` and the start's log. */
export function describeConfig(config: Config): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries<Variable<unknown>>(VARIABLES).map(([key, { name, secret }]) => {
      const value = config[key as keyof Config];
      return [name, secret && value !== undefined ? '***' : (value ?? null)];
    }),
  );
}

/** Reads a configured file. @throws ConfigError that names the variable and the file */
export function readConfiguredFile(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `${variable}='${path}' cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
    ]);
  }
}
