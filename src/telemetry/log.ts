import { Writable } from 'node:stream';
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
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Quoted when it could be taken for more than one value. */
function textValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function textLine({ timestamp, level, message, ...fields }: Record<string, unknown>): string {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${textValue(value)}`);
  const words = [String(timestamp), String(level).toUpperCase(), String(message), ...rest];
  return escapeControls(words.join(' '));
}

/** Field names are few; whether one is secret is looked up, not matched, after its first line. */
const secretNames = new Map<string, boolean>();

function isSecret(name: string): boolean {
  let secret = secretNames.get(name);
  if (secret === undefined) {
    secret = SECRET_NAME.test(name);
    if (secretNames.size < 1000) secretNames.set(name, secret);
  }
  return secret;
}

/** Where winston looks for the finished line. */
const MESSAGE = Symbol.for('message');

/** One format for the whole line: a chain of winston's costs three times as much per request. */
function lineFormat(form: 'json' | 'text') {
  return winston.format((info) => {
    const { level, message, ...fields } = info;
    const line: Record<string, unknown> = { timestamp: new Date().toISOString(), level, message };
    for (const [name, value] of Object.entries(fields)) {
      line[name] = isSecret(name) ? MASK : typeof value === 'object' ? maskSecrets(value) : value;
    }
    info[MESSAGE] = form === 'json' ? JSON.stringify(line) : textLine(line);
    return info;
  })();
}

const FLUSH_MS = 20;

/** Standard output, written in batches: a system call per line would be a tenth of a request's cost. */
class BatchedOutput extends Writable {
  private lines = '';
  private timer: NodeJS.Timeout | undefined;

  constructor() {
    super({ decodeStrings: false });
    process.on('exit', () => this.flush());
  }

  override _write(line: string | Buffer, _encoding: string, done: () => void): void {
    this.lines += String(line);
    this.timer ??= setTimeout(() => this.flush(), FLUSH_MS);
    done();
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.lines) process.stdout.write(this.lines);
    this.lines = '';
  }
}

/**
 * The process's log, one line per event on standard output.
 * Errors are passed as `{ error: text }`, never as objects, so that no stack reaches a place it should not.
 */
export function createLogger(options: { level: string; format: 'json' | 'text' }): Logger {
  return winston.createLogger({
    level: options.level,
    format: lineFormat(options.format),
    transports: [new winston.transports.Stream({ stream: new BatchedOutput() })],
  });
}

/** For tests: keeps nothing, says nothing. */
export const silentLogger: Logger = winston.createLogger({
  silent: true,
  transports: [new winston.transports.Console({ silent: true })],
});
