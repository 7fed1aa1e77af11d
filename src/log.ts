import winston from 'winston';

export type Logger = Pick<winston.Logger, 'error' | 'warn' | 'info' | 'debug'>;

const SECRET_NAME = /authorization|cookie|password|passwd|secret|token|api[-_]?key|database_url/i;
const MASK = '***';

/** Replaces the value of every member whose name says that it is secret; deep, and never more than 6 levels. */
export function maskSecrets(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > 6) return value;
  if (Array.isArray(value)) return value.map((entry) => maskSecrets(entry, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      name,
      SECRET_NAME.test(name) ? MASK : maskSecrets(entry, depth + 1),
    ]),
  );
}

/** Log lines are one line each: a control character from a request must not forge another. */
function escapeControls(text: string): string {
  // eslint rule no-control-regex is about accidents; this range is the point.
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const textLine = winston.format.printf(({ timestamp, level, message, ...fields }) => {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return escapeControls([timestamp, level.toUpperCase(), message, ...rest].join(' '));
});

const mask = winston.format((info) => {
  for (const name of Object.keys(info)) {
    if (SECRET_NAME.test(name)) info[name] = MASK;
    else if (typeof info[name] === 'object') info[name] = maskSecrets(info[name]);
  }
  return info;
});

/**
 * The process's log, one line per event on standard output.
 * Errors are passed as `{ error: text }`, never as objects, so that no stack reaches a place it should not.
 */
export function createLogger(options: { level: string; format: 'json' | 'text' }): Logger {
  const { combine, timestamp, json } = winston.format;
  return winston.createLogger({
    level: options.level,
    format: combine(timestamp(), mask(), options.format === 'json' ? json() : textLine),
    transports: [new winston.transports.Console({ forceConsole: false })],
  });
}

/** For tests: keeps nothing, says nothing. */
export const silentLogger: Logger = winston.createLogger({ silent: true, transports: [] });
