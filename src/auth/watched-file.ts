import { readFile } from 'node:fs/promises';

export type LogFunction = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: object,
) => void;

export interface WatchedFile<T> {
  /** Parsed from the last valid content. */
  readonly value: T;
  /** Rereads the file now; false when it is invalid and the old value stays. */
  reload(): Promise<boolean>;
  close(): void;
}

const POLL_MS = 2_000;

/**
 * Keeps the parsed content of a small file up to date. It polls the content, because a mounted
 * ConfigMap is replaced by swapping a symbolic link, which file system events report unreliably.
 * The first content must be valid. Later an invalid one is logged once, and the old value stays.
 */
export async function watchFile<T>(
  path: string,
  what: string,
  parse: (text: string) => T,
  log: LogFunction,
  onChange?: () => void,
): Promise<WatchedFile<T>> {
  let text: string;
  let value: T;
  try {
    text = await readFile(path, 'utf8');
    value = parse(text);
  } catch (error) {
    throw new Error(`${what} ${path} cannot be used: ${messageOf(error)}`, { cause: error });
  }
  let fault: string | undefined;
  let pending: Promise<boolean> | undefined;

  const read = async (): Promise<boolean> => {
    try {
      const current = await readFile(path, 'utf8');
      if (current === text && fault === undefined) return true;
      value = parse(current);
      text = current;
      fault = undefined;
      log('info', `${what} was read again`, { path });
      onChange?.();
    } catch (error) {
      const message = messageOf(error);
      if (message !== fault) {
        log('error', `${what} cannot be used; the old content stays in force`, {
          path,
          error: message,
        });
      }
      fault = message;
    }
    return fault === undefined;
  };
  const reload = () => (pending ??= read().finally(() => (pending = undefined)));

  const timer = setInterval(() => void reload(), POLL_MS).unref();
  return {
    get value() {
      return value;
    },
    reload,
    close: () => clearInterval(timer),
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
