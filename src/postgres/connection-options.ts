import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import pg from 'pg';
import type { ClientConfig } from 'pg';
import {
  bracketed,
  type Config,
  ConfigError,
  isLoopback,
  readConfiguredFile,
} from '../config/config';
import type { SslMode } from '../config/variables';
import { parseDatabaseUrl } from './database-url';

/** How to connect to the database: for `pg`, and as a description without the password. */
export interface ConnectionOptions {
  client: ClientConfig;
  /** What to try next if `client` fails, for an `sslmode` that leaves the choice of TLS to the server. */
  otherwise?: ClientConfig;
  description: string;
  /** What the configuration asks for and does not get. */
  warnings: readonly string[];
}

const { INT8 } = pg.types.builtins;
type TypeId = (typeof pg.types.builtins)[keyof typeof pg.types.builtins];

const types: NonNullable<ClientConfig['types']> = {
  getTypeParser(oid: TypeId, format?: 'text' | 'binary') {
    // Counts and versions stay far below 2^53.
    if (oid === INT8) return Number;
    return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
  },
};

/** Reads the variables of the database. @throws ConfigError for a URL or file that cannot be used */
export function connectionOptions(config: Config): ConnectionOptions {
  const { databaseUrl, databaseUrlFile } = config;
  if (databaseUrl !== undefined) return fromUrl(databaseUrl, 'DATABASE_URL', config);
  if (databaseUrlFile !== undefined) {
    const url = readConfiguredFile('DATABASE_URL_FILE', databaseUrlFile);
    return fromUrl(url, 'The content of DATABASE_URL_FILE', config);
  }
  return describe(
    {
      host: config.pgHost,
      port: config.pgPort,
      database: config.pgDatabase,
      user: config.pgUser,
      password: passwordOf(config),
    },
    config.pgSslMode,
    config.pgSslRootCert,
  );
}

/** What the URL does not state, the PG* variables may. */
function fromUrl(text: string, variable: string, config: Config): ConnectionOptions {
  const url = parseDatabaseUrl(text, variable);
  const { applicationName, connectTimeoutMs } = url;
  if (url.password !== undefined && config.databasePasswordFile !== undefined) {
    throw new ConfigError([
      `${variable} contains a password, so DATABASE_PASSWORD_FILE must not be set`,
    ]);
  }
  const options = describe(
    {
      host: url.host ?? 'localhost',
      port: url.port ?? 5432,
      database: url.database ?? config.pgDatabase,
      user: url.user ?? config.pgUser,
      password: url.password ?? passwordOf(config),
      ...(applicationName !== undefined && { application_name: applicationName }),
      ...(connectTimeoutMs !== undefined && { connectionTimeoutMillis: connectTimeoutMs }),
    },
    url.sslMode ?? config.pgSslMode,
    url.sslRootCert ?? config.pgSslRootCert,
  );
  return { ...options, warnings: url.warnings };
}

/** From a file it is read for every connection, because whoever rotates it replaces the file. */
function passwordOf({ pgPassword, databasePasswordFile: file }: Config): ClientConfig['password'] {
  if (file === undefined) return pgPassword;
  // A path that is wrong from the start is not worth a retry.
  readConfiguredFile('DATABASE_PASSWORD_FILE', file);
  return async () => (await readFile(file, 'utf8')).replace(/[\r\n]+$/, '');
}

function describe(
  client: ClientConfig,
  mode: SslMode | undefined,
  rootCert: string | undefined,
): ConnectionOptions {
  const host = client.host ?? 'localhost';
  // libpq's default is `prefer`. On loopback and Unix sockets, encryption would only cost time.
  const effective = mode ?? (host.startsWith('/') || isLoopback(host) ? 'disable' : 'prefer');
  const user = client.user ?? processUser();
  const database = client.database ?? user;
  const [first, second] = tlsChoices(effective, rootCert);
  const common = {
    ...client,
    ...{ user, database, types },
    keepAlive: true,
    // PGAPPNAME takes precedence. Add nothing else to the startup packet: poolers refuse unknown parameters.
    fallback_application_name: 'hyperfleet-api',
  };
  return {
    client: { ...common, ssl: first },
    ...(second !== undefined && { otherwise: { ...common, ssl: second } }),
    description: `${database}@${bracketed(host)}:${client.port ?? 5432} as ${user} (sslmode ${effective})`,
    warnings: [],
  };
}

/** As in libpq. `pg` would ask $USER, which a service manager or a container may leave out. */
function processUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw new ConfigError(['PGUSER must be set, because the user of the process has no name']);
  }
}

type Tls = false | TlsOptions;

const UNVERIFIED: TlsOptions = { rejectUnauthorized: false };

/** Each mode as in libpq, and what to try next. `pg` itself would already verify the server for `require`. */
function tlsChoices(mode: SslMode, rootCert?: string): [Tls, Tls?] {
  switch (mode) {
    case 'disable':
      return [false];
    case 'allow':
      return [false, UNVERIFIED];
    case 'prefer':
      return [UNVERIFIED, false];
    case 'require':
      // With a root certificate, libpq treats `require` as `verify-ca`.
      return rootCert === undefined ? [UNVERIFIED] : tlsChoices('verify-ca', rootCert);
    case 'verify-ca':
      return [Object.assign(authorities(rootCert), { checkServerIdentity: () => undefined })];
    case 'verify-full':
      return [authorities(rootCert)];
  }
}

/** Authorities are renewed, so the file is read for every connection, as in libpq. */
function authorities(rootCert: string | undefined): TlsOptions {
  if (rootCert === undefined || rootCert === 'system') return { rejectUnauthorized: true };
  let ca: string;
  try {
    ca = readFileSync(rootCert, 'utf8');
  } catch (error) {
    throw new ConfigError([
      `sslrootcert in DATABASE_URL or PGSSLROOTCERT='${rootCert}' cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
    ]);
  }
  return {
    rejectUnauthorized: true,
    get ca() {
      try {
        ca = readFileSync(rootCert, 'utf8');
      } catch {
        // Those of the last connection stay in force.
      }
      return ca;
    },
  };
}
