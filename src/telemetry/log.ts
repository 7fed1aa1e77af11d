import { Writable } from 'node:stream';
import winston from 'winston';

export type Logger = Pick<winston.Logger, 'error' | 'warn' | 'info' | 'debug'>;

const SECRET_NAME = /authorization|cookie|password|passwd|secret|token|api[-_]?key|database_url/i;

/** For JSON.stringify: masks every property whose name suggests a secret, at any depth. */
function maskSecret(name: string, value: unknown): unknown {
  return SECRET_NAME.test(name) ? '***' : value;
}

/** Each event is one line of the log: control characters in a request must not forge another. */
function escapeControls(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Quotes what could be read as more than one value. */
function textValue(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return value;
  return JSON.stringify(value, maskSecret);
}

const { printf } = winston.format;

const FORMS = {
  json: printf(({ level, message, ...fields }) =>
    JSON.stringify({ timestamp: new Date(), level, message, ...fields }, maskSecret),
  ),
  text: printf(({ level, message, ...fields }) => {
    const rest = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${textValue(maskSecret(name, value))}`);
    const words = [new Date().toISOString(), level.toUpperCase(), String(message), ...rest];
    return escapeControls(words.join(' '));
  }),
};

/**
 * The log of the process, one line per event on standard output.
 * Pass errors as `{ error: string }`, never as objects, so that no stack is logged by accident.
 */
export function createLogger(options: { level: string; format: 'json' | 'text' }): Logger {
  return winston.createLogger({
    level: options.level,
    format: FORMS[options.format],
    transports: [new winston.transports.Stream({ stream: output })],
  });
}

let lines = '';

function flush(): void {
  if (lines !== '') process.stdout.write(lines);
  lines = '';
}

/** Standard output. What is logged in one turn of the event loop leaves by one system call. */
const output = new Writable({
  decodeStrings: false,
  write(line: string, _encoding, done) {
    if (lines === '') setImmediate(flush);
    lines += line;
    done();
  },
});
process.on('exit', flush);

/** For tests: logs nothing. */
export const silentLogger: Logger = winston.createLogger({
  silent: true,
  transports: [new winston.transports.Console({ silent: true })],
});
