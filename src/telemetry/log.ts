import { Writable } from 'node:stream';
import winston from 'winston';
import { isSecretName, printable } from '../problems/field-path';

/** An error is logged as text: an object would show its stack, or nothing at all. */
type LogFields = Readonly<Record<string, unknown>> & { readonly error?: string };

export type Logger = Readonly<
  Record<'error' | 'warn' | 'info' | 'debug', (message: string, fields?: LogFields) => unknown>
>;

/** For JSON.stringify: masks every property whose name suggests a secret, at any depth; the path of a file is none. */
function maskSecret(name: string, value: unknown): unknown {
  if (value === undefined || value === null || /_file$/i.test(name)) return value;
  return isSecretName(name) || /database_url/i.test(name) ? '***' : value;
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
    // Each event is one line of the log: control characters in a request must not forge another.
    return printable(words.join(' '));
  }),
};

/** The messages of an error and of its causes. */
export function reasonsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  const words = [code, error.message].filter(Boolean).join(' ');
  return error.cause === undefined ? words : `${words} <- ${reasonsOf(error.cause)}`;
}

/** The stacks of an error and of its causes, for faults of this code. */
export function stacksOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` <- ${stacksOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** The log of the process, one line per event on standard output. */
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
