import { readFileSync } from 'node:fs';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import pg from 'pg';
import type { ClientConfig } from 'pg';
import { bracketed, type Config, ConfigError, isLoopback } from '../config/config';
import { SSL_MODES, type SslMode } from '../config/variables';

/** How to connect to the database: for `pg`, and as a description without the password. */
export interface ConnectionOptions {
  client: ClientConfig;
  /** What to try next if `client` fails, for an `sslmode` that leaves the choice of TLS to the server. */
  otherwise?: ClientConfig;
  description: string;
}

const { INT8, TIMESTAMPTZ } = pg.types.builtins;
type TypeId = (typeof pg.types.builtins)[keyof typeof pg.types.builtins];

/** Converts a PostgreSQL time to RFC 3339 in UTC with milliseconds, whatever the time zone of the session. */
function parseTimestamp(value: string): string {
  // The usual form, `2024-01-01 00:00:00.12+00`, needs no Date.
  if (value.endsWith('+00') && value.length >= 22 && value[10] === ' ') {
    const fraction = value.length === 22 ? '000' : value.slice(20, -3).padEnd(3, '0');
    return `${value.slice(0, 10)}T${value.slice(11, 19)}.${fraction}Z`;
  }
  const parse = pg.types.getTypeParser(TIMESTAMPTZ) as (text: string) => Date;
  return parse(value).toISOString();
}

const types: NonNullable<ClientConfig['types']> = {
  getTypeParser(oid: TypeId, format?: 'text' | 'binary') {
    if (oid === TIMESTAMPTZ) return parseTimestamp;
    // Counts and versions stay far below 2^53.
    if (oid === INT8) return Number;
    return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
  },
};

/** Reads DATABASE_URL or the PG* variables. @throws ConfigError for a URL or certificate that cannot be used */
export function connectionOptions(config: Config): ConnectionOptions {
  return config.databaseUrl === undefined
    ? describe(
        {
          host: config.pgHost,
          port: config.pgPort,
          database: config.pgDatabase ?? config.pgUser,
          user: config.pgUser,
          password: config.pgPassword,
        },
        config.pgSslMode,
        config.pgSslRootCert,
      )
    : fromUrl(config.databaseUrl, config);
}

function fromUrl(databaseUrl: string, config: Config): ConnectionOptions {
  let url: URL;
  try {
    url = new URL(databaseUrl);
  } catch {
    throw new ConfigError([
      'DATABASE_URL is not a valid URL (special characters in the password must be percent-encoded)',
    ]);
  }
  const socket = url.searchParams.get('host');
  const given = url.searchParams.get('sslmode');
  const mode = given === null ? config.pgSslMode : SSL_MODES.find((known) => known === given);
  if (given !== null && mode === undefined) {
    throw new ConfigError([`DATABASE_URL: sslmode must be one of ${SSL_MODES.join(', ')}`]);
  }
  const rootCert = url.searchParams.get('sslrootcert') ?? config.pgSslRootCert;
  return describe(
    {
      host: socket ?? (decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1') || 'localhost'),
      port: url.port ? Number(url.port) : 5432,
      database: decodeURIComponent(url.pathname.slice(1)) || undefined,
      user: decodeURIComponent(url.username) || config.pgUser,
      password: url.password ? decodeURIComponent(url.password) : config.pgPassword,
    },
    mode,
    rootCert,
  );
}

function describe(
  client: ClientConfig,
  mode: SslMode | undefined,
  rootCert: string | undefined,
): ConnectionOptions {
  const host = client.host ?? 'localhost';
  // libpq's default is `prefer`. On loopback and Unix sockets, encryption would only cost time.
  const effective = mode ?? (host.startsWith('/') || isLoopback(host) ? 'disable' : 'prefer');
  const user = client.user === undefined ? '' : ` as ${client.user}`;
  const [first, second] = tlsChoices(effective, rootCert);
  const common = {
    ...client,
    types,
    keepAlive: true,
    // PGAPPNAME takes precedence. Add nothing else to the startup packet: poolers refuse unknown parameters.
    fallback_application_name: 'hyperfleet-api',
  };
  return {
    client: { ...common, ssl: first },
    ...(second !== undefined && { otherwise: { ...common, ssl: second } }),
    description: `${client.database ?? ''}@${bracketed(host)}:${client.port ?? 5432}${user} (sslmode ${effective})`,
  };
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
      return [{ ...authorities(rootCert), checkServerIdentity: () => undefined }];
    case 'verify-full':
      return [authorities(rootCert)];
  }
}

function authorities(rootCert: string | undefined): TlsOptions {
  if (rootCert === undefined || rootCert === 'system') return { rejectUnauthorized: true };
  try {
    return { rejectUnauthorized: true, ca: readFileSync(rootCert, 'utf8') };
  } catch (error) {
    throw new ConfigError([
      `PGSSLROOTCERT='${rootCert}' cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
    ]);
  }
}
