import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { Variable } from './variable';
import { VARIABLES } from './variables';

type Value<V> = V extends Variable<infer T> ? T : never;
export type Config = {
  readonly [Key in keyof typeof VARIABLES]: Value<(typeof VARIABLES)[Key]>;
};

/** Lists everything that is wrong with the environment, one line each. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration is invalid:\n${problems.map((line) => `  ${line}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/**
 * Reads and checks the environment.
 * @throws ConfigError that names every invalid variable
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
  problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** Why a JWKS URL is not acceptable, if so: keys that are sent unencrypted could be replaced. */
export function jwksUrlProblem(address: string): string | undefined {
  if (!URL.canParse(address)) return 'must be an absolute URL';
  const { protocol, hostname, username, password } = new URL(address);
  if (username !== '' || password !== '') return 'must not contain a user name or password';
  if (protocol === 'https:') return undefined;
  return protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, ''))
    ? undefined
    : 'must begin with https:// (http:// only on loopback)';
}

type Key = keyof Config;
const nameOf = (key: Key) => VARIABLES[key].name;

/** Two forms of one thing. */
const EXCLUSIVE: [Key, Key][] = [
  ['databaseUrl', 'databaseUrlFile'],
  ['pgPassword', 'databasePasswordFile'],
];
/** Certificates, each useless without its key. */
const PAIRS: [Key, Key][] = [
  ['tlsCertFile', 'tlsKeyFile'],
  ['healthTlsCertFile', 'healthTlsKeyFile'],
  ['metricsTlsCertFile', 'metricsTlsKeyFile'],
];

/** What has no effect unless a switch is on. */
const SWITCHED = {
  authEnabled: ['authJwksUrl', 'authJwksFile', 'authIssuer', 'authAudience', 'authIssuersFile'],
  authzEnabled: ['authzRulesFile'],
} as const;
const SWITCHES = Object.keys(SWITCHED) as (keyof typeof SWITCHED)[];

/** The variables that are set and have no effect, because the switch is not on. */
function withoutEffect(config: Config, key: keyof typeof SWITCHED): string[] {
  if (config[key]) return [];
  return SWITCHED[key].filter((each) => config[each] !== undefined).map(nameOf);
}

/** What is configured and protects nothing, because it is switched off: one line per switch. */
export function switchedOff(config: Config): string[] {
  return SWITCHES.flatMap((key) => {
    const names = withoutEffect(config, key).join(', ');
    return names === '' ? [] : [`Without effect, because ${nameOf(key)} is not true: ${names}`];
  });
}

/** Finds what the parsers of the single variables do not. */
function contradictions(config: Config): string[] {
  const problems: string[] = [];
  if (config.databaseUrl !== undefined && !/^postgres(ql)?:\/\//.test(config.databaseUrl)) {
    problems.push('DATABASE_URL must begin with postgres:// or postgresql://');
  }
  if (config.authEnabled) problems.push(...issuerProblems(config));
  const urlProblem = config.authJwksUrl && jwksUrlProblem(config.authJwksUrl);
  if (urlProblem) problems.push(`AUTH_JWKS_URL ${urlProblem}`);
  if (config.authzEnabled && !config.authEnabled) {
    problems.push(
      'AUTHZ_ENABLED=true requires AUTH_ENABLED=true: the rules are about the claims of a token',
    );
  }
  for (const [one, other] of EXCLUSIVE) {
    if (config[one] !== undefined && config[other] !== undefined) {
      problems.push(`${nameOf(one)} and ${nameOf(other)} must not both be set`);
    }
  }
  for (const [cert, key] of PAIRS) {
    if ((config[cert] === undefined) !== (config[key] === undefined)) {
      problems.push(`${nameOf(cert)} and ${nameOf(key)} must be set together`);
    }
  }
  return problems;
}

/** The variables of the single issuer may all be absent when a file names others. */
function issuerProblems(config: Config): string[] {
  const { authJwksUrl, authJwksFile, authIssuer, authAudience, authIssuersFile } = config;
  const isSet = [authJwksUrl, authJwksFile, authIssuer, authAudience].some(Boolean);
  if (authIssuersFile !== undefined && !isSet) return [];
  const problems: string[] = [];
  const when =
    authIssuersFile === undefined
      ? 'when AUTH_ENABLED=true'
      : 'when another variable of its issuer is';
  if (!authJwksUrl && !authJwksFile) {
    const others = isSet ? '' : ', or AUTH_ISSUERS_FILE,';
    problems.push(`AUTH_JWKS_URL or AUTH_JWKS_FILE${others} must be set ${when}`);
  }
  if (!authIssuer) problems.push(`AUTH_ISSUER must be set ${when} ('*' accepts any)`);
  if (!authAudience) problems.push(`AUTH_AUDIENCE must be set ${when} ('*' accepts any)`);
  if (authIssuer === '*' && authIssuersFile !== undefined) {
    problems.push("AUTH_ISSUER='*', which accepts any, must not be set beside AUTH_ISSUERS_FILE");
  }
  return problems;
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/i;

export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** A host as it stands before a port. */
export function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/**
 * Checks what `serve` requires beyond valid values, so that nobody runs an open server by accident.
 * @throws ConfigError
 */
export function assertServable(config: Config): void {
  const problems: string[] = [];
  const [issuer] = withoutEffect(config, 'authEnabled');
  const [rules] = withoutEffect(config, 'authzEnabled');
  const reasons = {
    authEnabled: !isLoopback(config.apiHost)
      ? `API_HOST=${config.apiHost} is not a loopback address`
      : config.nodeEnv === 'production'
        ? 'NODE_ENV=production'
        : issuer && `${issuer} is set`,
    authzEnabled: rules && `${rules} is set`,
  };
  for (const key of SWITCHES) {
    if (config[key] === undefined && reasons[key] !== undefined) {
      problems.push(`${nameOf(key)} must be set to true or false because ${reasons[key]}`);
    }
  }
  problems.push(...databaseProblems(config));
  if (problems.length > 0) throw new ConfigError(problems);
}

/**
 * Checks what every command with a database requires, so that none of them works on an embedded database that
 * nobody in production looks for.
 * @throws ConfigError
 */
export function assertDatabase(config: Config): void {
  const problems = databaseProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
}

function databaseProblems(config: Config): string[] {
  return config.nodeEnv === 'production' && !hasExternalDatabase(config)
    ? ['DATABASE_URL or PGHOST must be set because NODE_ENV=production']
    : [];
}

export function hasExternalDatabase(config: Config): boolean {
  const { databaseUrl, databaseUrlFile, pgHost } = config;
  return [databaseUrl, databaseUrlFile, pgHost].some((given) => given !== undefined);
}

/** Every variable as read, by name, with secrets masked: for `config` and the log. */
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
