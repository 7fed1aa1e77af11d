import { isIPv6 } from 'node:net';
import { ConfigError } from '../config/config';
import { SSL_MODES, type SslMode } from '../config/variables';

/** What DATABASE_URL states; anything may be left out. */
export interface DatabaseUrl {
  host?: string;
  port?: number;
  database?: string;
  user?: string;
  password?: string;
  sslMode?: SslMode;
  sslRootCert?: string;
  applicationName?: string;
  connectTimeoutMs?: number;
  /** Parameters that are accepted and have no effect. */
  warnings: string[];
}

/**
 * The form of libpq, for one host. `URL` knows no URL without a host, as sockets have, and takes a `#` or `?` in a
 * password for the end of it. Here, a password with such a character leaves an `@` where none may be.
 */
const FORM =
  /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?(\[[\da-f:.]+\]|[^@/?#:[\]]*)(?::(\d*))?(?:\/([^@?#]*))?(?:\?([^@?#]*))?$/i;

/** Continues a sentence that begins with the variable. */
class Fault extends Error {}

/**
 * @param variable where the URL comes from
 * @throws ConfigError that shows no part of the URL but the name of a parameter: any part may belong to a password
 */
export function parseDatabaseUrl(text: string, variable = 'DATABASE_URL'): DatabaseUrl {
  try {
    const url = parse(text);
    return { ...url, warnings: url.warnings.map((warning) => `${variable}: ${warning}`) };
  } catch (error) {
    if (error instanceof Fault) throw new ConfigError([`${variable}${error.message}`]);
    throw error;
  }
}

function parse(text: string): DatabaseUrl {
  const [, credentials = '', host = '', port = '', database = '', query = ''] =
    FORM.exec(text.trim()) ?? malformed();
  const [user, ...password] = credentials.split(':');
  const url: DatabaseUrl = { warnings: [] };
  if (host !== '') url.host = readHost(decode(host).replace(/^\[(.*)\]$/, '$1'));
  if (port !== '') url.port = readInteger('port', port, [1, 65_535]);
  if (database !== '') url.database = decode(database);
  if (user) url.user = decode(user);
  if (password.join(':') !== '') url.password = decode(password.join(':'));
  for (const [name, value] of parametersOf(query)) {
    const read = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name]! : refuse(name);
    read(value, url);
  }
  return url;
}

function malformed(): never {
  throw new Fault(
    ' is not a valid URL (special characters in user and password must be percent-encoded)',
  );
}

function fail(problem: string): never {
  throw new Fault(`: ${problem}`);
}

function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    malformed();
  }
  // A line break belongs to no name, and the protocol ends strings with NUL.
  return Array.from(decoded).some((character) => character < ' ') ? malformed() : decoded;
}

function parametersOf(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter((part) => part !== '')) {
    const [, name, value] = /^(\w+)=(.*)$/s.exec(pair) ?? malformed();
    if (parameters.has(name!)) fail(`${name} is given twice`);
    if (value === '') fail(`${name} has no value`);
    parameters.set(name!, decode(value!));
  }
  return parameters;
}

function readHost(host: string): string {
  if (host.includes(',')) fail('several hosts are not supported');
  return host.startsWith('/') || isIPv6(host) || /^[^\s:@/]+$/.test(host) ? host : malformed();
}

function readInteger(name: string, value: string, [min, max]: [number, number]): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    fail(`${name} must be a whole number from ${min} to ${max}`);
  }
  return number;
}

function readOneOf<T extends string>(name: string, values: readonly T[], value: string): T {
  const found = values.find((known) => known === value);
  if (found !== undefined) return found;
  const [only, ...others] = values;
  if (others.length === 0) fail(`${name} must be ${only}; other values are not supported`);
  fail(`${name} must be one of ${values.join(', ')}`);
}

/** Has no effect here with any of these values. */
function harmless(name: string, values: readonly string[]) {
  return (value: string, url: DatabaseUrl): void => {
    url.warnings.push(`${name}=${readOneOf(name, values, value)} is ignored`);
  };
}

function refuse(name: string): never {
  fail(`the parameter ${name} is not supported`);
}

const PARAMETERS: Record<string, (value: string, url: DatabaseUrl) => void> = {
  host: (value, url) => (url.host = readHost(value)),
  port: (value, url) => (url.port = readInteger('port', value, [1, 65_535])),
  sslmode: (value, url) => (url.sslMode = readOneOf('sslmode', SSL_MODES, value)),
  sslrootcert: (value, url) => (url.sslRootCert = value),
  application_name: (value, url) => (url.applicationName = value),
  connect_timeout: (value, url) =>
    (url.connectTimeoutMs = 1000 * readInteger('connect_timeout', value, [0, 3600])),
  options: () =>
    fail(
      'options is not supported, because connection poolers refuse it: use ALTER ROLE … SET or ALTER DATABASE … SET',
    ),
  channel_binding: harmless('channel_binding', ['disable', 'prefer', 'require']),
  gssencmode: harmless('gssencmode', ['disable', 'prefer']),
  target_session_attrs: harmless('target_session_attrs', ['any']),
};
